/** The operations page opens. */
import { open } from "./lobby/words/opening.js";

open(() => import("./ops_page.js"), "lobby.ops");

/** The lobby page opens. */
import { open } from "./lobby/words/opening.js";

open(() => import("./lobby_page.js"), "lobby.login");

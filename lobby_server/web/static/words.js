/** What a page says, written into it before all else is there: whoever waits for the rest can read it. */
import { fillPage } from "./lobby/words/words.js";

fillPage();

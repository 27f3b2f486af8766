/** The choice of a language at the foot of a page. */
import { byId } from "../base/dom.js";
import { choose, language } from "../words/words.js";

export function offerLanguages() {
  const languages = byId("language");
  languages.value = language;
  languages.addEventListener("change", () => choose(languages.value));
}

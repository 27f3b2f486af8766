/** The choice of a language at the foot of a page. */
import { byId } from "./dom.js";
import { choose, language } from "./words.js";

export function offerLanguages() {
  const languages = byId("language");
  languages.value = language;
  languages.addEventListener("change", () => choose(languages.value));
}

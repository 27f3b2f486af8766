/** The choice of a language at the foot of a page. The page is loaded in it; while the server is away, it stays as it is and says so. */
import { byId, setText } from "../base/dom.js";
import { AWAY } from "../words/sentences.js";
import { canLoadAgain, choose, language } from "../words/words.js";

export function offerLanguages() {
  const languages = byId("language");
  const news = byId("language-news");
  let choices = 0;
  languages.value = language;
  languages.addEventListener("change", async () => {
    choices += 1;
    const choice = choices;
    setText(news, "");
    if (languages.value === language) return; // thought better of
    const isThere = await canLoadAgain();
    if (choice !== choices) return;
    if (isThere) return choose(languages.value);
    languages.value = language;
    setText(news, AWAY);
  });
}

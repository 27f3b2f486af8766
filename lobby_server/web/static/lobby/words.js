/** What the page says, in the language of its reader. The sentences of the code and of index.html are English. */

/** A sentence with its blanks filled in: `t("Kick {name}", { name })`. */
export function t(sentence, blanks = {}) {
  return sentence.replace(/\{(\w+)\}/g, (blank, name) => blanks[name] ?? blank);
}

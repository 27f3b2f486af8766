/**
 * What a page says, in the language of its reader. The sentences of the code and of the page are English, and are the keys
 * of the other languages: `words_de.js` has German. A page that says more than the lobby's names its own words besides, as
 * `data-words`. A sentence that a language has not stays English. Sentences of the server are keys as well, and English has
 * words of its own for those that are meant for programs: `words_en.js`.
 */
import { ofDevice } from "./storage.js";
import { WORDS as ENGLISH } from "./words_en.js";

const LANGUAGES = { de: { lobby: () => import("./words_de.js"), ops: () => import("../ops/words_de.js") } };
const KEY = "lobby.language";
const OF_ADDRESS = "language"; // where nothing can be stored
const TRANSLATED = ["aria-label", "placeholder"];

/** What was chosen, or what the browser prefers. */
export const language = languageOf(new URLSearchParams(location.search).get(OF_ADDRESS) ?? ofDevice.get(KEY) ?? navigator.language);
/** In what manner dates and times are written: the reader's own where it is of that language, British for instance. */
export const locale = navigator.languages.find((each) => each.slice(0, 2).toLowerCase() === language && isLocale(each)) ?? language;
const words = language in LANGUAGES ? await load(LANGUAGES[language]) : ENGLISH;

async function load(parts) {
  const wanted = ["lobby", document.documentElement.dataset.words].filter((name) => name !== undefined);
  const modules = await Promise.all(wanted.map((name) => parts[name]()));
  return Object.assign({}, ...modules.map(({ WORDS }) => WORDS));
}

/** A sentence with its blanks filled in: `t(sentence, { name })`. */
export function t(sentence, blanks = {}) {
  return (words[sentence] ?? sentence).replace(/\{(\w+)\}/g, (blank, name) => blanks[name] ?? blank);
}

/** Load the page in another language, which stays chosen: on this device, or in the address where nothing can be stored. */
export function choose(wanted) {
  const address = new URL(location.href);
  address.searchParams.delete(OF_ADDRESS);
  if (!ofDevice.isLasting) address.searchParams.set(OF_ADDRESS, languageOf(wanted));
  ofDevice.set(KEY, languageOf(wanted));
  if (address.href === location.href) location.reload();
  else location.assign(address);
}

/** Put what stands in the page, its templates included, into the language of its reader. */
export function translatePage(root = document.documentElement) {
  document.documentElement.lang = language;
  if (language in LANGUAGES) translate(root);
}

function translate(root) {
  for (const element of root.querySelectorAll("[aria-label], [placeholder]")) {
    for (const name of TRANSLATED) {
      if (element.hasAttribute(name)) element.setAttribute(name, t(element.getAttribute(name)));
    }
  }
  const texts = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const node = texts.currentNode;
    const sentence = node.data.trim().replace(/\s+/g, " ");
    if (sentence in words) node.data = node.data.replace(node.data.trim(), words[sentence]);
  }
  for (const template of root.querySelectorAll("template")) translate(template.content);
}

/** Chromium without a language of the system calls its own "en-US@posix", which no function of dates takes. */
function isLocale(tag) {
  try {
    return Intl.getCanonicalLocales(tag).length > 0;
  } catch {
    return false;
  }
}

function languageOf(wanted) {
  const short = wanted.slice(0, 2).toLowerCase();
  return short in LANGUAGES ? short : "en";
}

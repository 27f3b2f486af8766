/**
 * What the pages say, in the language of their reader. Code and pages name a sentence by its key; what it is stands in
 * `words_en.js` and `words_de.js`, and nowhere else.
 *
 * In a page, `data-t` is the key of an element's text, `data-t-label` and `data-t-placeholder` those of its attributes. The
 * blanks of such a text are children of the element, each with its name as `data-slot`: a language puts them where it likes.
 */
import { ofDevice } from "../base/storage.js";
import { tame } from "../base/tame.js";

const LANGUAGES = { en: () => import("./words_en.js"), de: () => import("./words_de.js") };
const KEY = "lobby.language";
const OF_ADDRESS = "language"; // where nothing can be stored
const ATTRIBUTES = { tLabel: "aria-label", tPlaceholder: "placeholder" };
const TIMEOUT_MS = 10000;
const BLANK = /\{(\w+)\}/;
const TURNS = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff]/; // what is written from right to left
const [ISOLATE, ISOLATED] = ["\u2068", "\u2069"];

/** What was chosen, or what the browser prefers. */
export const language = languageOf(new URLSearchParams(location.search).get(OF_ADDRESS) ?? ofDevice.get(KEY) ?? navigator.language);
/** In what manner dates and times are written: the reader's own where it is of that language, British for instance. */
export const locale = navigator.languages.find((each) => each.slice(0, 2).toLowerCase() === language && isLocale(each)) ?? language;
const { WORDS, OF_SERVER } = await LANGUAGES[language]();
const plurals = new Intl.PluralRules(language);

/** A sentence with its blanks filled in: `t(key, { name })`. Where it has plural forms, `count` chooses among them. */
export function t(key, blanks = {}) {
  const pieces = formOf(key, blanks.count).split(BLANK);
  return pieces.map((piece, at) => (at % 2 ? apart(String(blanks[piece] ?? `{${piece}}`)) : piece)).join("");
}

/** What may be written from right to left, so that it turns nothing beside it (Unicode Standard Annex 9, isolates). */
export function apart(text) {
  const piece = tame(text);
  return TURNS.test(piece) ? ISOLATE + piece + ISOLATED : piece;
}

/** What the server said, for the page's reader. A sentence that the page does not know is told as it is. */
export const said = (sentence) => OF_SERVER[sentence] ?? sentence;

/** The address of this page for others: in which language it is, is its reader's own. */
export function addressForAll() {
  const address = new URL(location.href);
  address.searchParams.delete(OF_ADDRESS);
  return address;
}

/** Load the page in another language, which stays chosen: on this device, or in the address where nothing can be stored. */
export function choose(wanted) {
  const address = addressForAll();
  if (!ofDevice.isLasting) address.searchParams.set(OF_ADDRESS, languageOf(wanted));
  ofDevice.set(KEY, languageOf(wanted));
  if (address.href === location.href) location.reload();
  else location.assign(address);
}

/** Whether the page could be loaded again; where the server does not answer, it would be lost. */
export async function canLoadAgain() {
  try {
    return (await fetch(addressForAll(), { cache: "no-cache", signal: AbortSignal.timeout(TIMEOUT_MS) })).ok;
  } catch {
    return false;
  }
}

/** Write into the page what it says, its templates included, and let it be seen. */
export function fillPage() {
  const root = document.documentElement;
  root.lang = language;
  fill(root);
  root.dataset.words = language;
}

function fill(root) {
  for (const element of root.querySelectorAll("[data-t], [data-t-label], [data-t-placeholder]")) {
    const { t: key } = element.dataset;
    if (key !== undefined) fillText(element, formOf(key));
    for (const [name, attribute] of Object.entries(ATTRIBUTES)) {
      if (name in element.dataset) element.setAttribute(attribute, formOf(element.dataset[name]));
    }
  }
  for (const template of root.querySelectorAll("template")) fill(template.content);
}

function fillText(element, text) {
  const slots = Object.fromEntries([...element.children].map((child) => [child.dataset.slot, child]));
  element.replaceChildren(...text.split(BLANK).map((piece, at) => (at % 2 ? slots[piece] : piece)));
}

function formOf(key, count) {
  const words = WORDS[key];
  return typeof words === "string" ? words : words[plurals.select(count)];
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

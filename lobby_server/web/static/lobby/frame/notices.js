/** What the page says by itself: short words that fade, questions that wait for an answer, and the same for ears. */
import { byId, fromTemplate, part, setText, syncList } from "../base/dom.js";
import { letGoOfFocus } from "../base/focus.js";

const SHOWN_MS = 6000;
const SHOWN_AT_ONCE = 2;
const MURMUR_EVERY_MS = 2000;

export class Notices {
  #corner = byId("toasts");
  #spoken = byId("spoken");
  #asked = new Map();
  #murmured = -Infinity;
  #looks = new WeakMap(); // toast → what looks whether it is in sight

  constructor() {
    const look = () => [...this.#corner.children].forEach((toast) => this.#looks.get(toast)?.());
    new MutationObserver(look).observe(this.#corner, { childList: true });
  }

  /** Something good, or at least no trouble. */
  say(sentence) {
    this.#show(sentence, "good");
  }

  /** Something that did not work. */
  problem(sentence) {
    this.#show(sentence, "bad");
  }

  /** For ears only, and not in a torrent. */
  murmur(sentence) {
    const now = performance.now();
    if (now - this.#murmured < MURMUR_EVERY_MS) return;
    this.#murmured = now;
    setText(this.#spoken, sentence);
  }

  /** Run an action; its failure is a sentence on the page. Resolves to whether it went well. */
  async attempt(action, done = "") {
    try {
      await action();
    } catch (fault) {
      if (fault.sentence === undefined) throw fault;
      this.problem(fault.sentence);
      return false;
    }
    if (done) this.say(done);
    return true;
  }

  /** Ask, until answered or `forget(key)`. The same key again is the newest word on it. `answers`: [[label, action]…]. */
  ask({ key, sentence, answers }) {
    if (!this.#asked.has(key)) {
      const question = fromTemplate("question");
      this.#asked.set(key, question);
      byId("questions").append(question);
    }
    const question = this.#asked.get(key);
    const text = part(question, "text");
    if (text.textContent !== sentence) setText(this.#spoken, sentence);
    setText(text, sentence);
    syncList(part(question, "buttons"), answers, {
      key: ([label]) => label,
      make: (current) => {
        const button = Object.assign(document.createElement("button"), { type: "button" });
        button.addEventListener("click", () => {
          const [, action] = current();
          this.forget(key);
          action();
        });
        return button;
      },
      update: (button, [label]) => {
        button.className = label === answers[0][0] ? "" : "secondary outline";
        setText(button, label);
      },
    });
  }

  /** It is answered, or does not matter any more. */
  forget(key) {
    const question = this.#asked.get(key);
    if (question === undefined) return;
    takeOut(question);
    this.#asked.delete(key);
  }

  forgetAll() {
    for (const key of [...this.#asked.keys()]) this.forget(key);
    this.#corner.replaceChildren();
    setText(this.#spoken, "");
    this.#murmured = -Infinity;
  }

  #show(sentence, kind) {
    if (sentence === "") return; // of a call whose user has logged out meanwhile
    const toast = fromTemplate("toast");
    toast.classList.add(kind);
    setText(part(toast, "text"), sentence);
    part(toast, "close").addEventListener("click", () => takeOut(toast));
    this.#looks.set(toast, fadeUnlessHeld(toast));
    this.#corner.append(toast);
    while (this.#corner.childElementCount > SHOWN_AT_ONCE) takeOut(this.#corner.firstElementChild);
  }
}

/**
 * It fades some time after it came into sight: on a phone, a newer one covers it. Whoever points at it or is in it reads it for
 * as long as they like. Returns what looks whether it is in sight.
 */
function fadeUnlessHeld(toast) {
  let timer = null;
  const held = { pointer: false, focus: false };
  const look = () => {
    const isInSight = toast.checkVisibility();
    if (!isInSight) held.pointer = held.focus = false; // no event tells of that
    if (isInSight && !held.pointer && !held.focus) {
      timer ??= setTimeout(() => takeOut(toast), SHOWN_MS);
    } else {
      clearTimeout(timer);
      timer = null;
    }
  };
  const on = (event, by, isHeld) =>
    toast.addEventListener(event, () => {
      held[by] = isHeld;
      look();
    });
  on("pointerenter", "pointer", true);
  on("pointerleave", "pointer", false);
  on("focusin", "focus", true);
  on("focusout", "focus", false);
  new ResizeObserver(look).observe(toast); // the window may be as narrow as a phone now, or not any more
  return look;
}

function takeOut(element) {
  letGoOfFocus(element);
  element.remove();
}

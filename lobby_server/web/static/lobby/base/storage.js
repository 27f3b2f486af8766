/**
 * What this tab and this device remember: texts by key, as `sessionStorage` and `localStorage` keep them.
 *
 * A browser may allow neither (with all cookies blocked, even a look at them throws), or have no space left. Then the page
 * remembers by itself, until it is closed or loaded again: who asks here need not know. What is stored of an older text
 * stays there then: most of a list is better than none of it.
 */
const PROBE = "lobby.probe";

class Memory {
  #storage = null; // null: there is none
  #own = new Map(); // key → text, of what the storage did not take

  constructor(name) {
    try {
      window[name].getItem(PROBE);
      this.#storage = window[name];
      this.#storage.setItem(PROBE, "");
      this.#storage.removeItem(PROBE);
      this.isLasting = true;
    } catch {
      this.isLasting = false; // what is kept now ends with the page
    }
  }

  /** null: nothing is kept. */
  get(key) {
    return this.#own.get(key) ?? this.#storage?.getItem(key) ?? null;
  }

  set(key, text) {
    this.#own.set(key, text);
    if (this.#storage === null) return;
    try {
      this.#storage.setItem(key, text);
      this.#own.delete(key);
    } catch {
      // it has no space left
    }
  }

  remove(key) {
    this.#own.delete(key);
    this.#storage?.removeItem(key);
  }
}

export const ofTab = new Memory("sessionStorage");
export const ofDevice = new Memory("localStorage");

/**
 * Keeps rows where they are while somebody points at them.
 *
 * A list that changes under the pointer makes people press the button of another row. While the pointer moves over the
 * list, rows that are there keep their places: what is gone stays, as gone, and what is new waits. A pointer that rests
 * holds nothing for longer than `RESTS_AFTER_MS`.
 */
const RESTS_AFTER_MS = 1500;

export class SteadyOrder {
  #keys = null; // of the rows that are held, or null
  #timer = null;
  #released;

  /** `shown()` gives the keys of the rows as they stand; `released()` is called when they may move again. */
  constructor(list, { shown, released }) {
    this.#released = released;
    list.addEventListener("pointermove", (event) => {
      if (event.pointerType !== "mouse") return; // a finger points at nothing before it presses
      this.#keys ??= shown();
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#release(), RESTS_AFTER_MS);
    });
    list.addEventListener("pointerleave", () => this.#release());
  }

  get isHeld() {
    return this.#keys !== null;
  }

  /** `items` (key → item, in their own order) as they are to be shown: [{key, item}…], `item` null where it is gone. */
  arrange(items) {
    if (this.#keys === null) return [...items].map(([key, item]) => ({ key, item }));
    return this.#keys.map((key) => ({ key, item: items.get(key) ?? null }));
  }

  #release() {
    clearTimeout(this.#timer);
    if (this.#keys === null) return;
    this.#keys = null;
    this.#released();
  }
}

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

  /** `items`, each with an `id`, as they are to be shown: [{key, item}…], `item` null where it is gone. */
  arrange(items) {
    if (this.#keys === null) return items.map((item) => ({ key: item.id, item }));
    const byKey = new Map(items.map((item) => [item.id, item]));
    return this.#keys.map((key) => ({ key, item: byKey.get(key) ?? null }));
  }

  /** Whoever points at the list has asked for another choice of rows: none is held. */
  letGo() {
    clearTimeout(this.#timer);
    this.#keys = null;
  }

  #release() {
    if (this.#keys === null) return;
    this.letGo();
    this.#released();
  }
}

/**
 * The rows of the list of rooms in the page, brought into line with what is to be shown from the top, a screenful first.
 *
 * A list of hundreds of rooms is filtered at once this way: what can be seen is right in the same frame, and what is
 * below follows, a few milliseconds of work per frame. Until then older rows stand there. In the end every room that is to
 * be shown has its row, so that the keyboard, a screen reader and the browser's search find all of them.
 */
import { letGoOfFocus } from "../base/focus.js";

const LEAST_ROW_PX = 44;
const LEAST_ROWS = 24;
const MANY_TIMES = 4;
const MOST_MS = 8; // of one frame

export class RoomRows {
  #list;
  #make;
  #draw;
  #rows = new Map(); // id → row, also of rooms that a filter hides
  #screenful = Math.max(LEAST_ROWS, Math.ceil(screen.height / LEAST_ROW_PX));

  /** `make()` gives an empty row, `draw(row, item)` writes it. */
  constructor(list, { make, draw }) {
    this.#list = list;
    this.#make = make;
    this.#draw = draw;
  }

  /**
   * Let the rows be those of `wanted`, [{key, item}…]: a screenful, and as many more as `mostMs` allows. False: there is
   * more to do, in another frame.
   */
  settle(wanted, mostMs = MOST_MS) {
    const begunMs = performance.now();
    const keys = new Set(wanted.map(({ key }) => key));
    const isShort = wanted.length <= this.#screenful && this.#list.childElementCount > MANY_TIMES * wanted.length;
    if (isShort && !this.#list.contains(document.activeElement)) this.#list.replaceChildren(); // half as dear as one by one
    let next = this.#list.firstElementChild;
    let standing = 0;
    for (const { key, item } of wanted) {
      if (standing >= this.#screenful && performance.now() - begunMs >= mostMs) return false;
      while (next !== null && !keys.has(next.dataset.id)) next = takeOut(next);
      if (item === null && !this.#rows.has(key)) continue; // it came and went before it had a row
      const row = this.#rowOf(key);
      this.#draw(row, item);
      if (row === next) next = next.nextElementSibling;
      else this.#list.insertBefore(row, next);
      standing += 1;
    }
    while (next !== null) next = takeOut(next);
    return true;
  }

  /** Forget the rows of rooms that are gone, once they are shown no more. */
  forget(isKnown) {
    for (const [key, row] of this.#rows) if (!row.isConnected && !isKnown(key)) this.#rows.delete(key);
  }

  /** All that stand in the page. */
  [Symbol.iterator]() {
    return this.#list.children[Symbol.iterator]();
  }

  #rowOf(key) {
    const known = this.#rows.get(key);
    if (known !== undefined) return known;
    const row = this.#make();
    row.dataset.id = key;
    this.#rows.set(key, row);
    return row;
  }
}

/** Returns the row behind it. */
function takeOut(row) {
  const next = row.nextElementSibling;
  letGoOfFocus(row);
  row.remove();
  return next;
}

/** Messages that come in parts, `part` 1 to `of`, because no message is above 32 KiB: put together again. */

export class Joiner {
  #begun = new Map(); // type → {data, next}

  /** The data of the whole message; null: there is more to come. */
  take(type, data) {
    if (data.of === undefined) return data;
    const { part, of, ...lists } = data;
    const begun = part === 1 ? { data: {}, next: 1 } : this.#begun.get(type);
    this.#begun.delete(type);
    if (begun?.next !== part) return null; // its first parts were of another connection
    for (const [name, value] of Object.entries(lists)) {
      begun.data[name] = Array.isArray(value) ? [...(begun.data[name] ?? []), ...value] : value;
    }
    if (part === of) return begun.data;
    this.#begun.set(type, { data: begun.data, next: part + 1 });
    return null;
  }
}

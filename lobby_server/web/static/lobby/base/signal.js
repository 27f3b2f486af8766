/**
 * A signal that listeners connect to, as the clients of the lobby have them in every language.
 *
 * Listeners run in the order in which they came; one that throws is reported and does not keep the others from hearing.
 */
export class Signal {
  #listeners = new Set();

  connect(listener) {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  emit(...values) {
    for (const listener of [...this.#listeners]) {
      try {
        listener(...values);
      } catch (fault) {
        console.error(fault);
      }
    }
  }
}

/**
 * Fetches something again whenever it changed: never two fetches at once, and a change during one leads to exactly one
 * more. So an older answer never replaces a newer one. After `stop` no answer is delivered any more.
 */
export class SingleFlight {
  #fetch;
  #deliver;
  #fail;
  #run = null;
  #again = false;
  #timer = null;

  /** `fetch(abortSignal)` resolves to what `deliver` takes; `fail` gets whatever it threw. */
  constructor({ fetch, deliver, fail = () => {} }) {
    this.#fetch = fetch;
    this.#deliver = deliver;
    this.#fail = fail;
  }

  /** It changed. `withinMs`: spread the fetch over that window, as a server with many clients asks for. */
  wish(withinMs = 0) {
    if (this.#run !== null) {
      this.#again = true;
    } else if (withinMs > 0) {
      this.#timer ??= setTimeout(() => this.#start(), Math.random() * withinMs);
    } else {
      this.#start();
    }
  }

  /** Forget what is under way. */
  stop() {
    clearTimeout(this.#timer);
    this.#timer = null;
    this.#again = false;
    this.#run?.abort();
    this.#run = null;
  }

  async #start() {
    clearTimeout(this.#timer);
    this.#timer = null;
    const run = (this.#run = new AbortController());
    let tell;
    try {
      const answer = await this.#fetch(run.signal);
      tell = () => this.#deliver(answer);
    } catch (fault) {
      tell = () => this.#fail(fault);
    }
    this.#ended(run, tell);
  }

  #ended(run, tell) {
    if (this.#run !== run) return; // stopped meanwhile
    this.#run = null;
    const isOutdated = this.#again;
    this.#again = false;
    try {
      tell();
    } finally {
      if (isOutdated) this.wish();
    }
  }
}

/**
 * Fetches something again whenever it changed: never two fetches at once, and a change during one leads to exactly one
 * more. So an older answer never replaces a newer one. After `stop` no answer is delivered any more.
 *
 * Nobody announces the same change twice: where the server is away or cannot answer now, it is asked again, after longer and
 * longer pauses.
 */
const FIRST_PAUSE_MS = 5000;
const LONGEST_PAUSE_MS = 60000;

export class SingleFlight {
  #fetch;
  #deliver;
  #fail;
  #run = null;
  #again = false;
  #timer = null;
  #dueMs = 0; // when the timer fires, by `performance.now()`
  #failures = 0; // one after the other

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
      this.#startWithin(withinMs);
    } else {
      this.#start();
    }
  }

  /** Forget what is under way. */
  stop() {
    clearTimeout(this.#timer);
    this.#timer = null;
    this.#again = false;
    this.#failures = 0;
    this.#run?.abort();
    this.#run = null;
  }

  /** A fetch that is due by then anyway stays as it was drawn: a new draw for each change would bring all fetches forward. */
  #startWithin(withinMs) {
    const nowMs = performance.now();
    if (this.#timer !== null && this.#dueMs <= nowMs + withinMs) return;
    clearTimeout(this.#timer);
    const delayMs = Math.random() * withinMs;
    this.#dueMs = nowMs + delayMs;
    this.#timer = setTimeout(() => this.#start(), delayMs);
  }

  async #start() {
    clearTimeout(this.#timer);
    this.#timer = null;
    const run = (this.#run = new AbortController());
    let tell;
    let mayPass = false;
    try {
      const answer = await this.#fetch(run.signal);
      tell = () => this.#deliver(answer);
    } catch (fault) {
      tell = () => this.#fail(fault);
      mayPass = isPassing(fault);
    }
    this.#ended(run, tell, mayPass);
  }

  #ended(run, tell, mayPass) {
    if (this.#run !== run) return; // stopped meanwhile
    this.#run = null;
    const isOutdated = this.#again;
    this.#again = false;
    this.#failures = mayPass ? this.#failures + 1 : 0;
    try {
      tell();
    } finally {
      if (mayPass) this.wish(pauseMs(this.#failures));
      else if (isOutdated) this.wish();
    }
  }
}

/** Whether the same question may have another answer in a moment. */
export const isPassing = ({ status }) => status === 0 || status === 429 || status >= 500;

/** Below which to draw the pause after so many failures. */
export const pauseMs = (failures) => Math.min(FIRST_PAUSE_MS * 2 ** (failures - 1), LONGEST_PAUSE_MS);

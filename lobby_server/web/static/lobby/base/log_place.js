/**
 * The place that its reader has in a log. At its end they stay when it gets taller or smaller, or is shown again; elsewhere,
 * they find the same lines again.
 */
const AT_END_PX = 40;
const sizeOf = ({ clientHeight, clientWidth }) => `${clientWidth} ${clientHeight}`;

export class LogPlace {
  isAtEnd = true;
  #log;
  #size = "";
  #top = 0;

  constructor(log) {
    this.#log = log;
    log.addEventListener("scroll", () => this.#note(), { passive: true });
    new ResizeObserver(() => {
      this.#size = sizeOf(log);
      log.scrollTop = this.isAtEnd ? log.scrollHeight : this.#top;
    }).observe(log);
  }

  toEnd() {
    this.isAtEnd = true;
    this.#log.scrollTop = this.#log.scrollHeight;
  }

  #note() {
    const { clientHeight, scrollHeight, scrollTop } = this.#log;
    if (clientHeight === 0) return; // it is not shown
    if (sizeOf(this.#log) !== this.#size) return; // not the reader moved it but its new size, which the observer sees to
    this.#top = scrollTop;
    this.isAtEnd = scrollTop + clientHeight >= scrollHeight - AT_END_PX;
  }
}

/** The state of the connection in words: what is amiss, and the time to the next try. */
import { byId, setHidden, setText } from "../base/dom.js";
import { t } from "../words/words.js";

const WORDS = {
  off: "connection.off",
  connecting: "connection.connecting",
  connected: "connection.connected",
  waiting: "connection.off",
  paused: "connection.paused",
  refused: "connection.logged_out",
};

export class ConnectionView {
  #connection;
  #ticker = null;

  constructor(connection) {
    this.#connection = connection;
    connection.changed.connect(() => this.#draw());
    byId("retry").addEventListener("click", () => connection.retryNow());
    this.#draw();
  }

  #draw() {
    const { phase, why } = this.#connection;
    const pill = byId("connection");
    pill.dataset.phase = phase;
    setText(byId("connection-state"), [t(WORDS[phase]), phase === "waiting" ? why : ""].filter(Boolean).join(". "));
    setHidden(byId("retry"), phase !== "waiting" && phase !== "paused");
    clearInterval(this.#ticker);
    setText(byId("countdown"), "");
    if (phase === "waiting") {
      this.#tick();
      this.#ticker = setInterval(() => this.#tick(), 250);
    }
  }

  /** Apart from the state, and not for screen readers: nobody wants to hear every second. */
  #tick() {
    const leftS = Math.max(0, Math.ceil((this.#connection.retryAt - performance.now()) / 1000));
    setText(byId("countdown"), t("connection.retry_in", { count: leftS }));
  }
}

/**
 * The one connection that lives as long as its user is logged in (protocol, section 7).
 *
 * While it is wanted it is connected, about to try again, or paused in a hidden tab; unless the server said that there is
 * no point, which `refused` tells. It knows messages, and nothing of what they mean to the page.
 */
import { Signal } from "../base/signal.js";
import { closeSentence, refusalSentence } from "../words/sentences.js";
import { t } from "../words/words.js";
import { Joiner } from "./parts.js";
import { policies } from "./reconnect.js";

const HEARTBEAT_S = 30;
const SILENT_HEARTBEATS = 2.5; // nothing heard for 75 s: dead; a server that names another heartbeat scales both
const OPEN_TIMEOUT_S = 10; // from the first try to the accepted handshake
const REFUSING = new Set(["invalid_token", "authentication_required", "invalid_handshake", "admin_required"]);
const TERMINAL_FROM = 4500;

export class Connection {
  established = new Signal(); // (accepted)
  lost = new Signal(); // (sentence); retries follow
  refused = new Signal(); // (sentence, reason); over until the next connect
  changed = new Signal(); // the phase, or the time of the next try
  unsent = new Signal(); // (): something was to be said, and there is no connection to say it over
  message = new Signal(); // (type, data), every one but the handshake's answer

  phase = "off"; // off, connecting, connected, waiting, paused, refused
  retryAt = null; // performance.now() of the next try, while waiting
  why = ""; // a sentence on what is amiss
  features = new Set(); // those that the server agreed to
  heartbeats = 0; // answered, since the page was loaded

  #url;
  #version;
  #asked;
  #policy;
  #joiner = new Joiner();
  #token = null;
  #name = "";
  #socket = null;
  #timers = {};
  #failures = 0;
  #slotMs = null;
  #heardAt = 0;
  #limitMs = 0;

  constructor({ url, version, features, policy = "jitter" }) {
    this.#url = url;
    this.#version = version;
    this.#asked = features;
    this.#policy = policies[policy] ?? policies.jitter;
    document.addEventListener("visibilitychange", () => this.#visibilityChanged());
  }

  get version() {
    return this.#version;
  }

  get isConnected() {
    return this.phase === "connected";
  }

  /** Connect, and stay so. While it runs already, the token is the one of the next handshake. */
  connect(token, name) {
    this.#token = token;
    this.#name = name;
    if (this.phase === "off" || this.phase === "refused") {
      this.#failures = 0;
      this.#open();
    }
  }

  /** End it; no signal but `changed` follows. */
  disconnect() {
    this.#release(1000);
    this.#become("off");
  }

  /** Try now instead of later. */
  retryNow() {
    if (this.phase === "waiting" || this.phase === "paused") this.#open();
  }

  /** Go on with a fresher token: at the next handshake, and on the open socket where the server knows how. */
  renew(token) {
    this.#token = token;
    if (this.isConnected && this.features.has("refresh")) this.send("refresh", { token });
  }

  /** Say something. False: there is no connection to say it over, and `unsent` was told. */
  send(type, data = {}) {
    if (this.isConnected) this.#write(type, data);
    else this.unsent.emit();
    return this.isConnected;
  }

  // -- one try ---------------------------------------------------------------------------------------------------

  #open() {
    this.#release(1000);
    this.#become("connecting");
    this.#joiner = new Joiner();
    const socket = (this.#socket = new WebSocket(this.#url));
    socket.onopen = () => this.#shakeHands();
    socket.onmessage = (event) => this.#take(event.data);
    socket.onclose = (event) => this.#ended(event.code, event.reason);
    this.#after("deadline", OPEN_TIMEOUT_S, () => this.#giveUp(t("connection.too_slow")));
  }

  #shakeHands() {
    const data = { version: this.#version, name: this.#name, token: this.#token };
    if (this.#asked.length) data.features = this.#asked; // without any it is the base protocol, to the byte
    this.#write("handshake", data);
  }

  #accepted(data) {
    clearTimeout(this.#timers.deadline);
    this.#failures = 0;
    this.#slotMs = null;
    this.features = new Set(data.features ?? []);
    const intervalS = data.heartbeat_s ?? HEARTBEAT_S;
    this.#limitMs = intervalS * SILENT_HEARTBEATS * 1000;
    this.#after("heartbeat", Math.random() * intervalS, () => this.#beat(intervalS)); // a crowd beats spread out
    this.#after("watchdog", this.#limitMs / 1000, () => this.#watch());
    this.#become("connected");
    this.established.emit(data);
  }

  #beat(intervalS) {
    this.#write("ping", {});
    this.#after("heartbeat", intervalS, () => this.#beat(intervalS));
  }

  #watch() {
    const leftMs = this.#heardAt + this.#limitMs - performance.now();
    if (leftMs > 0) {
      this.#after("watchdog", leftMs / 1000, () => this.#watch());
    } else {
      this.#giveUp(t("connection.silent"));
    }
  }

  #take(text) {
    this.#heardAt = performance.now();
    const { type, data } = JSON.parse(text);
    if (Number.isInteger(data.ack)) this.#write("ack", { id: data.ack });
    if (this.phase === "connecting") {
      if (type === "handshake_accepted") this.#accepted(data);
      else if (type === "error" && REFUSING.has(data.reason)) this.#refuse(refusalSentence(data.reason, data.detail), data.reason);
      else if (type === "error") this.#giveUp(t("connection.not_accepted"));
      return;
    }
    if (type === "pong") this.heartbeats += 1;
    if (type === "server_draining") this.#slotMs = Math.max(0, data.reconnect_after_ms);
    const whole = this.#joiner.take(type, data);
    if (whole !== null) this.message.emit(type, whole);
  }

  // -- the end of a try ------------------------------------------------------------------------------------------

  #giveUp(sentence) {
    this.#release(4000);
    this.#retry(sentence);
  }

  #ended(code, reason) {
    this.#release();
    if (code >= TERMINAL_FROM && code <= 4999) this.#refuse(closeSentence(code, reason), String(code));
    else this.#retry(closeSentence(code, reason));
  }

  #refuse(sentence, reason) {
    this.#release(1000);
    this.#become("refused", sentence);
    this.refused.emit(sentence, reason);
  }

  #retry(sentence) {
    const wasConnected = this.isConnected;
    const delayS = this.#slotMs === null ? this.#policy(this.#failures) : this.#slotMs / 1000;
    this.#slotMs = null; // it holds for one try
    this.#failures += 1;
    this.retryAt = performance.now() + delayS * 1000;
    this.#become("waiting", sentence);
    this.#after("retry", delayS, () => this.#due());
    if (wasConnected) this.lost.emit(sentence);
  }

  #due() {
    if (document.hidden) this.#become("paused", this.why); // nobody looks: the server has others to serve
    else this.#open();
  }

  #visibilityChanged() {
    if (document.hidden) return;
    if (this.phase === "paused") this.#open();
    else if (this.isConnected) this.#watch(); // timers sleep in hidden tabs, and in sleeping machines
  }

  // -- private ---------------------------------------------------------------------------------------------------

  #write(type, data) {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify({ type, data }));
  }

  #after(name, delayS, action) {
    clearTimeout(this.#timers[name]);
    this.#timers[name] = setTimeout(action, delayS * 1000);
  }

  /** Let go of the socket and of every timer. */
  #release(code) {
    for (const timer of Object.values(this.#timers)) clearTimeout(timer);
    const socket = this.#socket;
    this.#socket = null;
    if (socket === null) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    if (code !== undefined) socket.close(code);
  }

  #become(phase, why = "") {
    this.phase = phase;
    this.why = why;
    if (phase !== "waiting") this.retryAt = null;
    this.changed.emit();
  }
}

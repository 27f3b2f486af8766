/**
 * Who is logged in: register, log in, a stored token, log out.
 *
 * The token is kept for this tab, so that two tabs can be two players, and for the device only when asked to.
 */
import { Signal } from "../base/signal.js";
import { ofDevice, ofTab } from "../base/storage.js";
import { endLogin } from "../server/api.js";
import { language, t } from "../words/words.js";

const KEY = "lobby.login";

export class Account {
  loggedIn = new Signal(); // ()
  loggedOut = new Signal(); // (sentence on why, or "")

  user = null; // {id, username}
  farewell = ""; // what to say when the login ends next, whoever tells of that first
  #api;
  #token = null;

  constructor(api) {
    this.#api = api;
    api.onSignedOut = (why = t("door.ended")) => this.forget(why);
  }

  get token() {
    return this.#token;
  }

  /** Take up the login that this tab or this device remembers, if there is one. */
  resume() {
    for (const storage of [ofTab, ofDevice]) {
      const kept = read(storage);
      if (kept !== null) {
        this.#become(kept);
        return;
      }
    }
  }

  async register({ username, password, email, isKept }) {
    this.#enter(await this.#api.post("/api/auth/register", { username, password, email }), isKept);
  }

  async logIn({ username, password, isKept }) {
    this.#enter(await this.#api.post("/api/auth/login", { username, password }), isKept);
  }

  /** Another password by a reset link. */
  async reset({ token, newPassword }) {
    this.#enter(await this.#api.post("/api/auth/reset", { token, new_password: newPassword }), false);
  }

  /** Have a link to another password sent, if there is an account with an address that is confirmed. */
  async askReset(username) {
    await this.#api.post("/api/auth/reset-requests", { username, language });
  }

  /** By the link of a mail. */
  async confirmEmail(token) {
    await this.#api.post("/api/auth/email-confirmations", { token });
  }

  /** A fresher token before this one ends. Returns it. */
  async refresh() {
    const { token } = await this.#api.post("/api/auth/refresh");
    const isKept = read(ofDevice)?.token === this.#token;
    this.#token = this.#api.token = token;
    this.#store(isKept);
    return token;
  }

  /** Log out here at once, and at the server as soon as it answers. Resolves to whether the server knows. */
  async logOut() {
    const farewell = endLogin(this.#token);
    this.forget("");
    return farewell;
  }

  forget(sentence) {
    if (this.user === null) return;
    const last = this.farewell || sentence;
    this.farewell = "";
    if (read(ofDevice)?.token === this.#token) ofDevice.remove(KEY);
    ofTab.remove(KEY);
    this.user = this.#token = null;
    this.#api.forget();
    this.loggedOut.emit(last);
  }

  #enter({ token, user }, isKept) {
    this.#become({ token, user: { id: user.id, username: user.username } });
    this.#store(isKept);
  }

  #become({ token, user }) {
    this.user = user;
    this.#token = this.#api.token = token;
    this.loggedIn.emit();
  }

  #store(isKept) {
    const text = JSON.stringify({ token: this.#token, user: this.user });
    ofTab.set(KEY, text);
    if (isKept) ofDevice.set(KEY, text);
  }
}

function read(storage) {
  try {
    const kept = JSON.parse(storage.get(KEY));
    return typeof kept?.token === "string" && typeof kept?.user?.username === "string" ? kept : null;
  } catch {
    return null; // somebody else wrote there
  }
}

/** Players whose lines are not shown on this device. A block is the server's; a mute is one's own, and the other one's friend stays a friend. */
import { Signal } from "../base/signal.js";
import { ofDevice } from "../base/storage.js";

const KEY = "lobby.muted";

export class Mutes {
  changed = new Signal();

  #account;
  #names = new Set();

  constructor(account) {
    this.#account = account;
    account.loggedIn.connect(() => this.#read());
    addEventListener("storage", ({ key }) => {
      if (account.user !== null && (key === this.#key || key === null)) this.#read(); // another tab of this device
    });
  }

  has = (username) => this.#names.has(username);

  set(username, isMuted) {
    if (isMuted) this.#names.add(username);
    else this.#names.delete(username);
    ofDevice.set(this.#key, JSON.stringify([...this.#names]));
    this.changed.emit();
  }

  get #key() {
    return `${KEY}.${this.#account.user.id}`;
  }

  #read() {
    try {
      this.#names = new Set(JSON.parse(ofDevice.get(this.#key)) ?? []);
    } catch {
      this.#names = new Set(); // somebody else wrote there
    }
    this.changed.emit();
  }
}

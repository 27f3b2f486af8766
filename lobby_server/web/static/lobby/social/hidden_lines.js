/** Whose lines are not shown here: of players who are muted on this device, or blocked by the account. */
import { Signal } from "../base/signal.js";

export class HiddenLines {
  changed = new Signal();
  ended = new Signal(); // (): somebody is heard again, whose lines were not told meanwhile

  #mutes;
  #friends;

  constructor({ mutes, friends }) {
    this.#mutes = mutes;
    this.#friends = friends;
    mutes.changed.connect(() => this.changed.emit());
    friends.blocked.connect(() => this.changed.emit());
    friends.unblocked.connect(() => this.ended.emit());
  }

  /** By name and id; of a line in a room the id is unknown. */
  has(username, userId = null) {
    if (this.#mutes.has(username)) return true;
    return this.#friends.blocks.some((block) => (userId === null ? block.username === username : block.user_id === userId));
  }
}

/** Lines of the user's own room that were said out of their sight: in another tab, or beside the part of the page on a phone. */
import { byId, onceAfterAFrame } from "../base/dom.js";
import { Signal } from "../base/signal.js";

export class RoomUnread {
  changed = new Signal(); // (how many)

  #hidden;
  #roomId = null;
  #senders = []; // of the lines, in their order

  constructor({ room, account, hidden }) {
    this.#hidden = hidden;
    room.heard.connect(({ fromName }) => {
      if (fromName === account.user?.username || isSeen()) return;
      this.#senders.push(fromName);
      this.#tell();
    });
    room.changed.connect(() => {
      if (room.id === this.#roomId) return;
      this.#roomId = room.id;
      this.#clear();
    });
    room.changed.connect(onceAfterAFrame(() => this.look())); // a line may come before the panel is drawn
    hidden.changed.connect(() => this.#tell());
    document.addEventListener("visibilitychange", () => this.look());
  }

  /** Another part of the page is shown. */
  look() {
    if (isSeen()) this.#clear();
  }

  #clear() {
    this.#senders = [];
    this.#tell();
  }

  #tell() {
    this.changed.emit(this.#senders.filter((name) => !this.#hidden.has(name)).length);
  }
}

const isSeen = () => !document.hidden && byId("my-room").checkVisibility();

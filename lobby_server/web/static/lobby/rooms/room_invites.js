/**
 * Invitations into rooms that stand: the list of them once a connection, then what is told. They end unheard while there is
 * no connection, and a notification that is read says nothing of that: it may have been read on another device.
 */
import { Signal } from "../base/signal.js";
import { SingleFlight } from "../base/single_flight.js";

const CLOSED_WITHIN_MS = 2000; // until what stands is looked up again, at a random point of this time

export class RoomInvites {
  changed = new Signal();
  invited = new Signal(); // ({room_id, …}): somebody invites, now

  #invites = []; // {room_id, from_user_id, from_username, gamemode}, the newest last
  #since = null; // what was told while the list was on its way
  #connection;
  #friends;
  #flight;

  constructor({ connection, api, friends }) {
    this.#connection = connection;
    this.#friends = friends;
    this.#flight = new SingleFlight({
      fetch: (signal) => {
        this.#since = [];
        return api.get("/api/rooms/invites", signal);
      },
      deliver: ({ invites }) => {
        const now = this.#since.reduce((list, change) => change(list), invites);
        this.#since = null;
        this.#become(now);
      },
      fail: () => (this.#since = null),
    });
    connection.established.connect(() => this.#flight.wish());
    connection.lost.connect(() => this.#flight.stop());
    connection.message.connect((type, data) => {
      if (type === "match_invite") {
        this.#apply((list) => [...list.filter((each) => !isOf(data, each)), data]);
        this.invited.emit(data);
      }
      if (type === "match_invite_closed") this.#closed(data.room_id);
    });
    friends.blocked.connect(() => {
      this.changed.emit();
      this.refresh();
    });
  }

  /** The newest one into each room, of those whose senders are heard. */
  get standing() {
    const heard = this.#invites.filter((each) => !this.#friends.isBlocked(each.from_user_id));
    return new Map(heard.map((each) => [each.room_id, each]));
  }

  clear() {
    this.#flight.stop();
    this.#become([]);
  }

  /** Others may stand than those that are known. */
  refresh() {
    if (this.#connection.isConnected) this.#flight.wish(); // else they are fetched once it is
  }

  /** Whose it was is not said: others into that room may stand, even some that this page has not heard of yet. */
  #closed(roomId) {
    this.#apply((list) => list.filter((each) => each.room_id !== roomId));
    this.#flight.wish(CLOSED_WITHIN_MS);
  }

  #apply(change) {
    this.#since?.push(change);
    this.#become(change(this.#invites));
  }

  #become(invites) {
    this.#invites = invites;
    this.changed.emit();
  }
}

const isOf = (one, other) => one.room_id === other.room_id && one.from_user_id === other.from_user_id;

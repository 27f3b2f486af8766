/**
 * The public rooms, as this client knows them: by differences where the server agreed to `rooms_delta`, else fetched
 * whenever it says that they changed. Newest first, in either way. A room that has changed is another object, and only
 * then.
 */
import { Signal } from "../base/signal.js";
import { SingleFlight } from "../base/single_flight.js";
import { byPlace } from "./room_order.js";

export class RoomList {
  changed = new Signal(); // ()
  arrived = new Signal(); // ([room…]): new since the last list, not on the first one
  failed = new Signal(); // (ApiError)

  rooms = new Map(); // id → room, newest first
  isKnown = false;
  #connection;
  #revision = null;
  #flight;

  constructor(connection, api) {
    this.#connection = connection;
    this.#flight = new SingleFlight({
      fetch: (signal) => api.get("/api/rooms", signal),
      deliver: (answer) => this.#replace(answer.rooms),
      fail: (fault) => this.failed.emit(fault),
    });
    connection.established.connect(() => {
      if (!connection.features.has("rooms_delta")) this.#flight.wish();
    });
    connection.lost.connect(() => this.#flight.stop());
    connection.message.connect((type, data) => this.#take(type, data));
  }

  /** Somebody else logs in next. */
  clear() {
    this.#flight.stop();
    this.rooms = new Map();
    this.isKnown = false;
    this.changed.emit();
  }

  #take(type, data) {
    if (type === "rooms_changed") {
      if (data.rev === undefined || data.rev !== this.#revision) this.#flight.wish(data.fetch_within_ms);
      this.#revision = data.rev ?? null;
    } else if (type === "rooms_snapshot") {
      this.#revision = data.rev;
      this.#replace(data.rooms);
    } else if (type === "rooms_delta") {
      if (data.base !== this.#revision) {
        if (this.#revision !== null) this.#connection.send("rooms_resync"); // once; then only a snapshot helps
        this.#revision = null;
        return;
      }
      this.#revision = data.rev;
      this.#apply(data);
    }
  }

  #replace(rooms) {
    const before = this.rooms;
    this.rooms = new Map(rooms.map((room) => [room.id, asBefore(before.get(room.id), room)]));
    const isFirst = !this.isKnown;
    this.isKnown = true;
    this.changed.emit();
    if (!isFirst) this.#tellArrivals(rooms.filter((room) => !before.has(room.id)));
  }

  /** `set` is oldest first: what is new goes to the front one by one; a room that comes back into the list, to its place. */
  #apply({ set, gone }) {
    for (const id of gone) this.rooms.delete(id);
    const [newest] = this.rooms.values();
    const fresh = [];
    for (const room of set) {
      if (!this.rooms.has(room.id)) fresh.unshift(room);
      else this.rooms.set(room.id, room);
    }
    if (fresh.length) {
      const rooms = [...fresh, ...this.rooms.values()];
      if (newest !== undefined && byPlace(fresh.at(-1), newest) > 0) rooms.sort(byPlace);
      this.rooms = new Map(rooms.map((room) => [room.id, room]));
    }
    this.changed.emit();
    this.#tellArrivals(fresh);
  }

  #tellArrivals(rooms) {
    if (rooms.length) this.arrived.emit(rooms);
  }
}

/** What is the same as before is the same object: who shows it need not look into it. */
function asBefore(known, room) {
  return known !== undefined && JSON.stringify(known) === JSON.stringify(room) ? known : room;
}

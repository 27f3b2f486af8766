/** In which public rooms friends are: asked for once a connection, then told. */
import { Signal } from "../base/signal.js";
import { SingleFlight } from "../base/single_flight.js";

export class FriendRooms {
  changed = new Signal();

  roomOf = new Map(); // user id → room id
  #flight;

  constructor(connection, api) {
    this.#flight = new SingleFlight({
      fetch: (signal) => api.get("/api/friends/rooms", signal),
      deliver: ({ rooms }) => {
        this.roomOf = new Map(rooms.map(({ user_id, room_id }) => [user_id, room_id]));
        this.changed.emit();
      },
    });
    connection.established.connect(() => this.#flight.wish());
    connection.lost.connect(() => this.clear());
    connection.message.connect((type, data) => {
      if (type === "friend_room" || type === "friend_removed" || type === "friend_accepted") this.#flight.wish();
      if (type === "friend_removed") this.#note(data.user_id, null);
      if (type === "friend_room") this.#note(data.user_id, data.room_id);
    });
  }

  /** Ids of the rooms that friends are in. */
  get rooms() {
    return new Set(this.roomOf.values());
  }

  clear() {
    this.#flight.stop();
    this.roomOf = new Map();
    this.changed.emit();
  }

  #note(userId, roomId) {
    if (roomId === null) this.roomOf.delete(userId);
    else this.roomOf.set(userId, roomId);
    this.changed.emit();
  }
}

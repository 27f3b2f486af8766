/** Who is online: the list once a connection, then what the socket tells of it, single or in batches. */
import { Signal } from "../base/signal.js";
import { SingleFlight } from "../base/single_flight.js";

export class Presence {
  changed = new Signal();

  users = new Map(); // id → username
  isKnown = false; // who is online; not while there is no connection
  #since = null; // what was told while the list was on its way
  #flight;

  constructor(connection, api) {
    this.#flight = new SingleFlight({
      fetch: (signal) => {
        this.#since = [];
        return api.get("/api/users/online", signal);
      },
      deliver: (answer) => this.#replace(answer.users),
      fail: () => (this.#since = null),
    });
    connection.established.connect(() => this.#flight.wish());
    connection.lost.connect(() => this.clear());
    connection.message.connect((type, data) => {
      if (type === "user_online") this.#note([data], []);
      else if (type === "user_offline") this.#note([], [data]);
      else if (type === "presence_changed") this.#note(data.online, data.offline);
    });
  }

  clear() {
    this.#flight.stop();
    this.#since = null;
    this.isKnown = false;
    this.users = new Map();
    this.changed.emit();
  }

  /** The id of somebody online, by name; null where nobody has that name, or more than one. */
  idOf(username) {
    const ids = [...this.users.keys()].filter((id) => this.users.get(id) === username);
    return ids.length === 1 ? ids[0] : null;
  }

  /** The last word on a user is right whether it came before or after the list was made. */
  #replace(users) {
    this.users = new Map(users.map((user) => [user.user_id, user.username]));
    for (const [online, offline] of this.#since) this.#apply(online, offline);
    this.#since = null;
    this.isKnown = true;
    this.changed.emit();
  }

  #note(online, offline) {
    this.#since?.push([online, offline]);
    this.#apply(online, offline);
    this.changed.emit();
  }

  #apply(online, offline) {
    for (const user of online) this.users.set(user.user_id, user.username);
    for (const user of offline) this.users.delete(user.user_id);
  }
}

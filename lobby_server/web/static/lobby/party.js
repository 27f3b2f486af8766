/** The party that the user is in, and invitations into others: fetched when something about them changed. */
import { Signal } from "./signal.js";
import { SingleFlight } from "./single_flight.js";

export class Party {
  changed = new Signal();
  invited = new Signal(); // ({party_id, from_username})

  party = null; // {id, leader_user_id, max_members, members, invited}
  invites = [];
  #api;
  #account;
  #flight;

  constructor(connection, api, account) {
    this.#api = api;
    this.#account = account;
    this.#flight = new SingleFlight({
      fetch: (signal) => api.get("/api/parties/mine", signal),
      deliver: ({ party, invites }) => {
        Object.assign(this, { party, invites });
        this.changed.emit();
      },
    });
    connection.established.connect(() => this.#flight.wish());
    connection.lost.connect(() => this.#flight.stop());
    connection.message.connect((type, data) => {
      if (type.startsWith("party_")) this.#flight.wish();
      if (type === "party_invite") this.invited.emit(data);
    });
  }

  get members() {
    return this.party?.members ?? [];
  }

  get isLeader() {
    return this.party !== null && this.party.leader_user_id === this.#account.user?.id;
  }

  clear() {
    this.#flight.stop();
    this.party = null;
    this.invites = [];
    this.changed.emit();
  }

  /** All of these reject with an `ApiError`. */
  create = () => this.#change("/api/parties");
  join = (id) => this.#change(`${path(id)}/join`);
  leave = () => this.#change(`${path(this.party.id)}/leave`);
  kick = (userId) => this.#change(`${path(this.party.id)}/kick`, { user_id: userId });
  makeLeader = (userId) => this.#change(`${path(this.party.id)}/leader`, { user_id: userId });

  /** Into the user's party, which is made if there is none. */
  async invite(username) {
    const id = this.party?.id ?? (await this.create()).party.id;
    await this.#change(`${path(id)}/invites`, { to_username: username });
  }

  async #change(address, body) {
    try {
      return await this.#api.post(address, body);
    } finally {
      this.#flight.wish();
    }
  }
}

const path = (id) => `/api/parties/${encodeURIComponent(id)}`;

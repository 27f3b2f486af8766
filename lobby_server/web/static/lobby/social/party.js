/** The party that the user is in, and invitations into others: fetched when something about them changed. */
import { Signal } from "../base/signal.js";
import { SingleFlight } from "../base/single_flight.js";

const AFTER_MS = 500;

export class Party {
  changed = new Signal();
  invited = new Signal(); // ({party_id, from_username})

  party = null; // {id, leader_user_id, max_members, members, invited}
  invites = [];
  isKnown = false;
  isUpToDate = false; // not while there is no connection: who of the members is online is not known then
  #dismissed = new Set(); // ids of parties whose invitation stands, and is not asked about again
  #api;
  #account;
  #connection;
  #flight;
  #timer = null;

  constructor(connection, api, account) {
    this.#connection = connection;
    this.#api = api;
    this.#account = account;
    this.#flight = new SingleFlight({
      fetch: (signal) => api.get("/api/parties/mine", signal),
      deliver: ({ party, invites }) => {
        Object.assign(this, { isKnown: true, isUpToDate: true, party, invites: invites.filter((invite) => !this.#dismissed.has(invite.party_id)) });
        this.#lookAgain();
        this.changed.emit();
      },
    });
    connection.established.connect(() => this.#flight.wish());
    connection.lost.connect(() => {
      this.#stop();
      this.isUpToDate = false;
      this.changed.emit();
    });
    connection.message.connect((type, data) => {
      if (type.startsWith("party_")) this.#flight.wish();
      if (type === "party_invite") {
        this.#dismissed.delete(data.party_id); // asked anew
        this.invites = [...this.invites.filter((invite) => invite.party_id !== data.party_id), data];
        this.invited.emit(data);
      }
    });
  }

  get members() {
    return this.party?.members ?? [];
  }

  get isLeader() {
    return this.party !== null && this.party.leader_user_id === this.#account.user?.id;
  }

  clear() {
    this.#stop();
    this.isKnown = this.isUpToDate = false;
    this.party = null;
    this.invites = [];
    this.#dismissed.clear();
    this.changed.emit();
  }

  /** Others may invite than before. */
  refresh() {
    this.#flight.wish();
  }

  /** Not now: the question is not put again on this page, whatever else changes about parties. */
  dismiss(id) {
    this.#dismissed.add(id);
    this.invites = this.invites.filter((invite) => invite.party_id !== id);
    this.changed.emit();
  }

  /** All of these reject with an `ApiError`. */
  create = () => this.#change("/api/parties");
  join = (id) => this.#change(`${path(id)}/join`);
  decline = (id) => this.#change(`${path(id)}/invites/decline`);
  leave = () => this.#change(`${path(this.party.id)}/leave`);
  kick = (userId) => this.#change(`${path(this.party.id)}/kick`, { user_id: userId });
  withdraw = (userId) => this.#after(() => this.#api.delete(`${path(this.party.id)}/invites/${userId}`));
  makeLeader = (userId, partyId) => this.#change(`${path(partyId)}/leader`, { user_id: userId });

  /** Into the user's party, which is made if there is none; if nobody could be invited into it, it ends again. */
  async invite(username) {
    const isNew = this.party === null;
    const id = this.party?.id ?? (await this.create()).party.id;
    try {
      await this.#change(`${path(id)}/invites`, { to_username: username });
    } catch (fault) {
      if (isNew) await this.#change(`${path(id)}/leave`);
      throw fault;
    }
  }

  /** When an invitation into the party has run out, which its guest alone is told. */
  #lookAgain() {
    clearTimeout(this.#timer);
    const leftS = Math.min(...(this.party?.invited ?? []).map((guest) => guest.expires_in_s));
    if (leftS < Infinity) this.#timer = setTimeout(() => this.refresh(), Math.max(leftS, 0) * 1000 + AFTER_MS);
  }

  #stop() {
    clearTimeout(this.#timer);
    this.#flight.stop();
  }

  #change(address, body) {
    return this.#after(() => this.#api.post(address, body));
  }

  async #after(call) {
    try {
      return await call();
    } finally {
      if (this.#connection.isConnected) this.refresh(); // else it is fetched once it is
    }
  }
}

const path = (id) => `/api/parties/${encodeURIComponent(id)}`;

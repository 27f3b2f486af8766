/** Friends, requests and blocks: fetched when something about them changed, so that the page never guesses. */
import { Signal } from "../base/signal.js";
import { SingleFlight } from "../base/single_flight.js";

const ABOUT_FRIENDS = new Set(["friend_request", "friend_request_closed", "friend_accepted", "friend_removed"]);

export class Friends {
  changed = new Signal();
  asked = new Signal(); // ({request_id, from_username, …}): somebody asks, now
  closed = new Signal(); // ({request_id} or {user_id}): a request was answered, here or elsewhere, or taken back
  blocked = new Signal(); // (): others are blocked than before
  unblocked = new Signal(); // (): the user does not block somebody any more

  friends = []; // {user_id, username, is_online, since}
  incoming = [];
  outgoing = [];
  blocks = [];
  isKnown = false; // who they are
  #api;
  #connection;
  #friendsFlight;
  #blocksFlight;

  constructor(connection, api, presence) {
    this.#api = api;
    this.#connection = connection;
    this.#friendsFlight = new SingleFlight({
      fetch: (signal) => api.get("/api/friends", signal),
      deliver: ({ friends, incoming, outgoing }) => {
        Object.assign(this, { isKnown: true, friends, incoming, outgoing });
        this.changed.emit();
      },
    });
    this.#blocksFlight = new SingleFlight({
      fetch: (signal) => api.get("/api/blocks", signal),
      deliver: ({ blocks }) => this.#blocksAre(blocks),
    });
    connection.established.connect(() => this.refresh());
    connection.lost.connect(() => this.#stop());
    connection.message.connect((type, data) => {
      if (ABOUT_FRIENDS.has(type)) this.#friendsFlight.wish();
      if (type === "friend_request") this.asked.emit(data);
      if (type === "friend_request_closed" || type === "friend_accepted") this.closed.emit(data);
      if (type === "user_blocked") this.#told([...this.blocks.filter(isNot(data.user_id)), data]);
      if (type === "user_unblocked") this.#told(this.blocks.filter(isNot(data.user_id)));
    });
    presence.changed.connect(() => {
      for (const friend of this.friends) friend.is_online = presence.users.has(friend.user_id);
      this.changed.emit();
    });
  }

  isFriend = (userId) => this.friends.some((friend) => friend.user_id === userId);
  isBlocked = (userId) => this.blocks.some((block) => block.user_id === userId);

  refresh() {
    this.#friendsFlight.wish();
    this.#blocksFlight.wish();
  }

  clear() {
    this.#stop();
    this.isKnown = false;
    this.friends = this.incoming = this.outgoing = [];
    this.#blocksAre([]);
  }

  /** All of these reject with an `ApiError`. */
  ask = (username) => this.#change(() => this.#api.post("/api/friends/requests", { to_username: username }));
  accept = (requestId) => this.#change(() => this.#api.post(`/api/friends/requests/${requestId}/accept`));
  decline = (requestId) => this.#change(() => this.#api.post(`/api/friends/requests/${requestId}/decline`));
  remove = (userId) => this.#change(() => this.#api.delete(`/api/friends/${userId}`));
  block = (userId) => this.#change(() => this.#api.post("/api/blocks", { user_id: userId }));
  unblock = (userId) => this.#change(() => this.#api.delete(`/api/blocks/${userId}`));

  async #change(call) {
    try {
      return await call();
    } finally {
      if (this.#connection.isConnected) this.refresh(); // else they are fetched once it is
    }
  }

  /** On this device or another one; the list that is fetched has the last word. */
  #told(blocks) {
    this.#blocksAre(blocks);
    this.refresh();
  }

  #blocksAre(blocks) {
    const before = new Set(this.blocks.map((block) => block.user_id));
    const now = new Set(blocks.map((block) => block.user_id));
    this.blocks = blocks;
    this.changed.emit();
    if (before.size === now.size && [...before].every((id) => now.has(id))) return;
    this.blocked.emit();
    if ([...before].some((id) => !now.has(id))) this.unblocked.emit();
  }

  #stop() {
    this.#friendsFlight.stop();
    this.#blocksFlight.stop();
  }
}

const isNot = (userId) => (block) => block.user_id !== userId;

/**
 * The room that the user is in, as the socket tells it: who is there, who hosts, what they say.
 *
 * A membership ends with the connection. This page remembers the room for its tab and enters it again once it is
 * connected again, after a reload or a restart of the server alike.
 */
import { Signal } from "../base/signal.js";
import { ofTab } from "../base/storage.js";
import { titleOf } from "../words/room_words.js";
import { reasonSentence } from "../words/sentences.js";
import { t } from "../words/words.js";

const KEY = "lobby.room";
const KEPT_LINES = 200;
const NOT_KICKED = new Set(["not_host", "not_in_room", "invalid_target", "rate_limited", "try_again_later"]);
const CANNOT_ENTER = new Set([
  "room_not_found", "room_full", "version_mismatch", "banned", "invitation_required", "no_room_found", "already_started",
  "invalid_join_room",
]);
const NOT_NOW = new Set(["try_again_later", "rate_limited"]); // the way back may be open in a moment
const MOST_RETURNS = 8; // each after a longer pause, about a minute in all
const LONGEST_PAUSE_S = 15;

export class MyRoom {
  changed = new Signal();
  entered = new Signal(); // (): by the user's own wish, on this page
  started = new Signal(); // (): the host has started the game
  kicked = new Signal(); // (name): the user has put somebody out
  heard = new Signal(); // ({fromName, text}): a line that was said just now
  ended = new Signal(); // (sentence): the user is not in it any more, and did not ask for that

  id = null;
  isComingBack = false; // the connection is lost, and what became of the room is not told yet
  game = {}; // {gamemode, mapName}, as they were when it was entered
  state = null; // the last `room_state`, which knows everything but the members; null: the server does not tell it
  peerId = null;
  members = new Map(); // peer id → {peerId, name, isHost}; the number is the room's own, another room has it as well
  lines = []; // {id, fromName, text}, those said in this room since it was entered
  barred = new Set(); // ids of rooms whose host has banned the user, as far as this page knows: since there is this connection
  #connection;
  #account;
  #api;
  #isReturning = false;
  #returns = 0; // that were put off, since there is this connection
  #returnTimer = null;
  #isWished = false; // the user has asked to be in the room that is entered next
  #wasListed = false;
  #lineNumber = 0;
  #kicks = new Set(); // peer ids that the user wants out
  #entries = 0; // into rooms, as the socket told them
  #wantedId = null; // the room of the last `join_room`
  #deleted = new Set(); // ids of rooms that the user has deleted on this page

  constructor(connection, account, api) {
    this.#connection = connection;
    this.#account = account;
    this.#api = api;
    connection.established.connect(() => this.#return());
    connection.lost.connect(() => {
      this.#isWished = false; // the way back is no wish
      this.barred = new Set(); // an unban is told to nobody who is away
      this.#forget(this.id !== null || this.isComingBack);
    });
    connection.message.connect((type, data) => this.#take(type, data));
  }

  get isHost() {
    return this.members.get(this.peerId)?.isHost ?? false;
  }

  get title() {
    return titleOf(this.state ?? this.game);
  }

  /** False: there is no connection to ask over. */
  join(id) {
    this.#isReturning = false;
    this.#isWished = this.#enter(id);
    return this.#isWished;
  }

  /** The user has made this room over HTTP: take the host's place in it. */
  host(room) {
    this.#isReturning = false;
    this.#isWished = true;
    ofTab.set(KEY, room.id);
    this.#connection.send("create_room");
  }

  /** A room of the user's own, found again: others may be in it by now, and `room_created` does not name them. */
  hostAgain(id) {
    this.host({ id });
    if (this.#connection.isConnected) this.#enter(id);
  }

  leave() {
    ofTab.remove(KEY);
    this.#connection.send("leave_room");
    this.#forget();
  }

  say(text) {
    return this.#connection.send("chat", { text });
  }

  /** Rejects with an `ApiError`. */
  async invite(username) {
    await this.#api.post(`/api/rooms/${encodeURIComponent(this.id)}/invites`, { to_username: username });
  }

  /** As its host, in it or not. Rejects with an `ApiError`. */
  async delete(id) {
    this.#deleted.add(id);
    try {
      await this.#api.delete(`/api/rooms/${encodeURIComponent(id)}`);
    } catch (fault) {
      this.#deleted.delete(id);
      throw fault;
    }
    if (this.id === id) this.leftBehind();
  }

  kick(peerId) {
    this.#kicks.add(peerId);
    this.#connection.send("kick", { peerId });
  }

  /**
   * The public list came. Who speaks the base protocol is not told that a room of their own is deleted: one that was in
   * the list and is not any more is that, or private now.
   */
  listIs(rooms) {
    if (this.#connection.features.size > 0) return;
    if (this.#wasListed && !rooms.has(this.id)) this.#ask();
    this.#wasListed = this.id !== null && rooms.has(this.id);
  }

  /** Whether the user is in the room still. */
  async #ask() {
    const { id } = this;
    const entries = this.#entries;
    try {
      const mine = await this.#api.get("/api/rooms/mine");
      if (mine.id === id) return;
    } catch (fault) {
      if (fault.code !== "not_in_room") return; // not known; the connection will tell
    }
    if (this.id === id && entries === this.#entries) this.leftBehind(); // else they have left and come back meanwhile
  }

  /** Whether an error of the socket says that the way back into the room is shut; then it is told here. */
  takesError(reason) {
    if (CANNOT_ENTER.has(reason)) this.#isWished = false;
    if (NOT_KICKED.has(reason)) this.#kicks.clear(); // a member who leaves now may do so by themselves
    if (reason === "banned") this.#bar(this.#wantedId);
    if (reason === "already_in_room") return this.#returnIsNotNeeded();
    if (!CANNOT_ENTER.has(reason) && !NOT_NOW.has(reason)) return false;
    if (this.isComingBack && !this.#isReturning) this.#forget(); // they have wished for another one since
    if (!this.#isReturning) return false;
    if (NOT_NOW.has(reason) && this.#returns < MOST_RETURNS) return this.#returnLater(reason);
    this.#isReturning = false;
    this.#end(`${t("room.gone")} ${reasonSentence(reason)}`);
    return true;
  }

  /** The server has said where the user is, except to a client without features. */
  #returnIsNotNeeded() {
    this.#isReturning = false;
    if (this.isComingBack) this.#forget();
    return true;
  }

  /** A crowd comes back spread out. Who has sent too much may have said something else meanwhile, and is told. */
  #returnLater(reason) {
    const longestS = Math.min(2 ** this.#returns, LONGEST_PAUSE_S);
    this.#returns += 1;
    clearTimeout(this.#returnTimer);
    this.#returnTimer = setTimeout(() => this.#returnAgain(), longestS * (0.5 + Math.random() / 2) * 1000);
    return reason !== "rate_limited";
  }

  /** The user is in no room any more, and knows why. */
  leftBehind() {
    ofTab.remove(KEY);
    this.#forget();
  }

  /** Somebody else logs in next. */
  clear() {
    this.barred = new Set();
    this.leftBehind();
  }

  #bar(id) {
    if (id === null) return;
    this.barred = new Set([...this.barred, id]);
    this.changed.emit();
  }

  #enter(roomId, condition = {}) {
    this.#wantedId = roomId;
    return this.#connection.send("join_room", {
      roomId,
      version: this.#connection.version,
      name: this.#account.user.username,
      ...condition,
    });
  }

  /** Only if the user is in no room: they may have entered another one on another device meanwhile. */
  #return() {
    const id = ofTab.get(KEY);
    this.#returns = 0;
    this.#isReturning = id !== null;
    if (id !== null) this.#enter(id, { ifIn: "none" });
    else if (this.isComingBack) this.#forget();
  }

  #returnAgain() {
    if (this.#isReturning) this.#enter(ofTab.get(KEY), { ifIn: "none" }); // else they are in a room, or wish to be
  }

  #take(type, data) {
    if (type === "room_joined" || type === "room_created") {
      this.#entered(data);
    } else if (type === "room_unbanned") {
      this.barred = new Set([...this.barred].filter((id) => id !== data.roomId));
      this.changed.emit();
    } else if (type === "kicked" || type === "room_closed") {
      if (type === "kicked" && !this.isHost) this.#bar(this.id);
      if (!this.#isReturning) this.#putOut(data.reason ?? type, data.roomId); // else it is what happened meanwhile: the answer follows
    } else if (this.id !== null) {
      if (type === "room_state" && data.roomId === this.id) this.state = data;
      else if (type === "room_started" && data.roomId === this.id) this.started.emit();
      else if (type === "peer_joined") this.members.set(data.peerId, { ...data, isHost: false });
      else if (type === "peer_left" && data.peerId === this.peerId) return this.leftBehind(); // in another tab
      else if (type === "peer_left") this.#memberLeft(data.peerId);
      else if (type === "host_changed") this.#hostIs(data);
      else if (type === "chat") this.#hear(data);
      else return;
      this.changed.emit();
    }
  }

  #entered({ roomId, peerId, gamemode, mapName, members }) {
    const isSame = roomId === this.id && peerId === this.peerId; // said again, of the membership that there is
    const isKnown = isSame && members === undefined;
    this.#entries += 1;
    this.#isReturning = this.#wasListed = this.isComingBack = false;
    this.id = roomId;
    this.peerId = peerId;
    this.game = { gamemode, mapName };
    if (!isSame) this.state = null;
    if (!isKnown) {
      const own = { peerId, name: this.#account.user.username, isHost: true }; // who made it is alone in it
      this.members = new Map((members ?? [own]).map((member) => [member.peerId, member]));
    }
    if (!isSame) this.lines = [];
    if (!isSame) this.#kicks.clear();
    ofTab.set(KEY, roomId);
    this.changed.emit();
    if (this.#isWished) this.entered.emit();
    this.#isWished = false;
  }

  /** `closedId`: of the room, where it is gone for all; by whose wish is not said. A host without features hears `kicked` of that. */
  #putOut(reason, closedId) {
    if (this.#deleted.has(closedId)) this.leftBehind(); // who did it knows
    else if (this.isHost) this.#end(t("room.closed_elsewhere"));
    else this.#end(reasonSentence(reason));
  }

  #memberLeft(peerId) {
    const name = this.members.get(peerId)?.name;
    this.members.delete(peerId);
    if (this.#kicks.delete(peerId) && name !== undefined) this.kicked.emit(name);
  }

  #hostIs({ newHostPeerId: peerId, newHostName: name }) {
    for (const member of this.members.values()) member.isHost = member.peerId === peerId;
    this.members.set(peerId, { peerId, name, isHost: true });
  }

  #hear({ fromName, text }) {
    this.#lineNumber += 1;
    this.lines = [...this.lines, { id: this.#lineNumber, fromName, text }].slice(-KEPT_LINES);
    this.heard.emit({ fromName, text });
  }

  #end(sentence) {
    ofTab.remove(KEY);
    this.#forget();
    this.ended.emit(sentence);
  }

  #forget(isComingBack = false) {
    clearTimeout(this.#returnTimer);
    this.isComingBack = isComingBack;
    this.#wasListed = false;
    this.id = this.peerId = this.state = null;
    this.members = new Map();
    this.lines = [];
    this.changed.emit();
  }
}

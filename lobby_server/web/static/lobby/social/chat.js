/**
 * Conversations: the lobby's, the party's, and one with each player. Lines are kept in the order of their ids, whichever
 * way they came, and never twice.
 */
import { Signal } from "../base/signal.js";
import { isPassing, pauseMs } from "../base/single_flight.js";
import { t } from "../words/words.js";

const KEPT_LINES = 500;
const ABOUT_CHAT = new Set([
  "rate_limited", "try_again_later", "blocked_by_you", "not_in_party", "invalid_chat_message", "invalid_channel",
]);

export class Chat {
  changed = new Signal(); // (channel)
  unsaid = new Signal(); // ({channel, text}): the server did not take it
  heard = new Signal(); // (line): one that the server has told just now
  failed = new Signal(); // (ApiError): a history that nobody asked for by hand

  channels = new Map(); // name → `channelOf`
  current = "lobby";
  #pending = []; // what was said and has not come back yet
  #failures = 0; // of histories that nobody asked for by hand, one after the other
  #timer = null;
  #connection;
  #api;
  #account;
  #hidden;

  constructor(connection, api, account, hidden) {
    this.#hidden = hidden;
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) return;
      see(this.channels.get(this.current));
      this.changed.emit(this.current);
    });
    hidden.changed.connect(() => this.#countAgain());
    hidden.ended.connect(() => this.#beginAgain());
    this.#connection = connection;
    this.#api = api;
    this.#account = account;
    this.clear();
    connection.established.connect(() => this.#fetchAgain());
    connection.message.connect((type, data) => {
      if (type === "chat_message") this.#hear(data);
    });
  }

  clear() {
    this.channels = new Map([["lobby", channelOf(t("chat.lobby"))]]);
    this.current = "lobby";
    this.#pending = [];
    this.#forgetFailures();
    this.changed.emit("lobby");
  }

  /** Lines to the user and their party that they have not seen; the lobby's are for whoever is there. */
  get unreadOfMine() {
    return [...this.channels].reduce((sum, [name, { unread }]) => (name === "lobby" ? sum : sum + unread), 0);
  }

  /** The party came or went, which is another conversation each time. */
  partyIs(id) {
    if (this.channels.get("party")?.partyId === id) return;
    this.channels.delete("party");
    if (id !== null) this.channels.set("party", { ...channelOf(t("party.title")), partyId: id });
    if (this.current === "party") {
      if (id === null) this.current = "lobby";
      if (!document.hidden) see(this.channels.get(this.current));
      this.#loadUnasked(this.current); // its lines may have been missed while the other one was shown
    }
    this.changed.emit("party");
  }

  /** Show a conversation; its history is fetched once a connection. Rejects with an `ApiError`. */
  async open(name) {
    this.current = name;
    see(this.channels.get(name));
    this.changed.emit(name);
    await this.#load(name);
  }

  openWith(userId, username) {
    const name = `user:${userId}`;
    if (this.channels.has(name)) this.channels.get(name).title = username;
    else this.channels.set(name, { ...channelOf(username), userId });
    return this.open(name);
  }

  /** Earlier lines of the conversation that is shown. */
  async earlier() {
    const name = this.current;
    const channel = this.channels.get(name);
    const { turn, lines: [oldest] } = channel;
    if (oldest === undefined) return;
    const { messages, has_more: hasMore } = await this.#page(name, `?before=${oldest.id}`);
    if (turn !== channel.turn || channel.lines[0]?.id !== oldest.id) return; // they are not what is before the first line now
    for (const line of messages) insert(channel.lines, line);
    channel.hasMore = hasMore;
    this.changed.emit(name);
  }

  /** False: not connected. What was said comes back as a message, in its place among the others. */
  say(text) {
    const isSent = this.#connection.send("chat_message", { channel: this.current, text });
    if (isSent) this.#pending.push({ channel: this.channels.get(this.current), text });
    return isSent;
  }

  /** The server told of an error: if something was said just now, it was that. */
  takesError(reason) {
    if (ABOUT_CHAT.has(reason) && this.#pending.length) this.unsaid.emit(this.#pending.pop());
  }

  /** Lines were missed meanwhile, in every conversation. */
  #fetchAgain() {
    for (const channel of this.channels.values()) {
      if (channel.isWhole) channel.wholeTo = channel.lines.at(-1)?.id ?? 0;
      channel.isWhole = channel.isLoaded = false;
    }
    this.#forgetFailures();
    this.#loadUnasked(this.current);
  }

  /** Somebody is heard again, of whose lines none were told meanwhile: they may be missing anywhere. */
  #beginAgain() {
    for (const channel of this.channels.values()) {
      channel.isWhole = false;
      channel.wholeTo = 0;
    }
    this.#fetchAgain();
  }

  /** What is not shown is nothing that waits to be read. */
  #countAgain() {
    for (const channel of this.channels.values()) {
      channel.unread = channel.unseen.filter((line) => !this.#isHidden(line)).length;
    }
    this.changed.emit(this.current);
  }

  #isHidden = (line) => this.#hidden.has(line.from_username, line.from_user_id);

  #page = (name, query = "") => this.#api.get(`/api/chat/${encodeURIComponent(name)}${query}`);

  #loadUnasked(name) {
    this.#load(name).catch((fault) => {
      if (this.#failures === 0) this.failed.emit(fault);
      if (isPassing(fault)) this.#loadLater();
    });
  }

  /** Until then lines are missing. */
  #loadLater() {
    this.#failures += 1;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#loadUnasked(this.current), Math.random() * pauseMs(this.#failures));
  }

  #forgetFailures() {
    this.#failures = 0;
    clearTimeout(this.#timer);
  }

  /** The newest page, once a connection. */
  async #load(name) {
    const channel = this.channels.get(name);
    if (channel.isLoaded || !this.#connection.isConnected) return;
    channel.isLoaded = true;
    channel.turn += 1;
    const { turn } = channel;
    try {
      const { messages, has_more: hasMore } = await this.#page(name);
      if (turn !== channel.turn) return; // asked again meanwhile
      newestAre(channel, messages, hasMore);
      this.#failures = 0;
    } catch (fault) {
      if (turn === channel.turn) channel.isLoaded = false;
      throw fault;
    }
    this.changed.emit(name);
  }

  #hear(line) {
    const isMine = line.from_user_id === this.#account.user?.id;
    if (isMine) this.#pending.shift();
    if (line.channel.startsWith("user:") && !this.channels.has(line.channel)) {
      if (isMine) return; // said in another tab; the history has it once the conversation is opened
      this.channels.set(line.channel, { ...channelOf(line.from_username), userId: line.from_user_id });
    }
    const channel = this.channels.get(line.channel);
    if (channel === undefined) return;
    if (channel.userId === line.from_user_id) channel.title = line.from_username;
    insert(channel.lines, line);
    if (keepNewest(channel.lines)) channel.hasMore = true;
    const isSeen = line.channel === this.current && !document.hidden;
    if (!isSeen && !isMine) this.#wait(channel, line);
    this.changed.emit(line.channel);
    this.heard.emit(line);
  }

  #wait(channel, line) {
    channel.unseen.push(line);
    keepNewest(channel.unseen);
    if (!this.#isHidden(line)) channel.unread += 1;
  }
}

function channelOf(title) {
  return {
    title,
    userId: null, // of the other one, where it is a conversation of two
    lines: [], // by id
    hasMore: false, // there are some before the first
    isLoaded: false, // the newest page is here, or on its way
    isWhole: false, // no line is missing from the first one to now
    wholeTo: 0, // id of the line up to which none is missing, where some may be
    turn: 0, // counts how often the newest page was asked for
    unseen: [], // lines that wait to be read, those that are hidden among them
    unread: 0, // how many of those are shown
    draft: "",
  };
}

function see(channel) {
  channel.unseen = [];
  channel.unread = 0;
}

/** The newest page came. Older lines stay, unless some may be missing between them and the page, or among them. */
function newestAre(channel, messages, hasMore) {
  const first = messages[0]?.id ?? Infinity;
  const last = messages.at(-1)?.id ?? 0;
  const older = hasMore && channel.wholeTo >= first ? channel.lines.filter(({ id }) => id < first) : [];
  const newer = channel.lines.filter(({ id }) => id > last);
  channel.lines = [...older, ...messages, ...newer];
  if (older.length === 0) channel.hasMore = hasMore;
  channel.isWhole = true;
}

/** Whether there were more than are kept. */
function keepNewest(lines) {
  const surplus = lines.length - KEPT_LINES;
  if (surplus > 0) lines.splice(0, surplus);
  return surplus > 0;
}

/** By id; from the end, where nearly all belong. */
function insert(lines, line) {
  let at = lines.length;
  while (at > 0 && lines[at - 1].id > line.id) at -= 1;
  if (at > 0 && lines[at - 1].id === line.id) lines[at - 1] = line; // the newest word on it
  else lines.splice(at, 0, line);
}

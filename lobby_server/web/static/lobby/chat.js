/**
 * Conversations: the lobby's, the party's, and one with each player. Lines are kept in the order of their ids, whichever
 * way they came, and never twice.
 */
import { Signal } from "./signal.js";
import { t } from "./words.js";

const KEPT_LINES = 500;
const ABOUT_CHAT = new Set([
  "rate_limited", "try_again_later", "blocked_by_you", "not_in_party", "invalid_chat_message", "invalid_channel",
]);

export class Chat {
  changed = new Signal(); // (channel)
  unsaid = new Signal(); // ({channel, text}): the server did not take it
  heard = new Signal(); // (line): one that the server has told just now
  failed = new Signal(); // (ApiError): a history that nobody asked for by hand

  channels = new Map(); // name → {title, lines, isLoaded, hasMore, unread, userId, draft}
  current = "lobby";
  #pending = []; // what was said and has not come back yet
  #connection;
  #api;
  #account;
  #hidden;

  constructor(connection, api, account, hidden) {
    this.#hidden = hidden;
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) return;
      this.channels.get(this.current).unread = 0;
      this.changed.emit(this.current);
    });
    hidden.changed.connect(() => this.#forgetHidden());
    hidden.ended.connect(() => this.#fetchAgain());
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
    this.channels = new Map([["lobby", channelOf(t("Lobby"))]]);
    this.current = "lobby";
    this.#pending = [];
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
    if (id !== null) this.channels.set("party", { ...channelOf(t("Party")), partyId: id });
    if (this.current === "party" && id === null) this.current = "lobby";
    else if (this.current === "party") this.open("party").catch((fault) => this.failed.emit(fault));
    this.changed.emit("party");
  }

  /** Show a conversation; its history is fetched once a connection. Rejects with an `ApiError`. */
  async open(name) {
    this.current = name;
    const channel = this.channels.get(name);
    channel.unread = 0;
    this.changed.emit(name);
    if (!channel.isLoaded && this.#connection.isConnected) {
      channel.isLoaded = true;
      try {
        await this.#load(name, channel, "");
      } catch (fault) {
        channel.isLoaded = false;
        throw fault;
      }
    }
  }

  openWith(userId, username) {
    const name = `user:${userId}`;
    if (this.channels.has(name)) this.channels.get(name).title = username;
    else this.channels.set(name, { ...channelOf(username), userId });
    return this.open(name);
  }

  /** Earlier lines of the conversation that is shown. */
  async earlier() {
    const channel = this.channels.get(this.current);
    if (channel.lines.length) await this.#load(this.current, channel, `?before=${channel.lines[0].id}`);
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
    for (const channel of this.channels.values()) channel.isLoaded = false;
    this.open(this.current).catch((fault) => this.failed.emit(fault));
  }

  /** What is not shown is nothing that waits to be read. */
  #forgetHidden() {
    for (const channel of this.channels.values()) {
      if (channel.userId !== null && this.#hidden.has(channel.title, channel.userId)) channel.unread = 0;
    }
    this.changed.emit(this.current);
  }

  async #load(name, channel, query) {
    const { messages, has_more: hasMore } = await this.#api.get(`/api/chat/${encodeURIComponent(name)}${query}`);
    const isGap = channel.lines.length > 0 && messages.length > 0 && messages[0].id > channel.lines.at(-1).id;
    if (isGap && hasMore) channel.lines = []; // more was missed than a page has: begin with what is known whole
    for (const line of messages) insert(channel.lines, line);
    channel.hasMore = hasMore;
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
    channel.lines.splice(0, channel.lines.length - KEPT_LINES);
    const isSeen = line.channel === this.current && !document.hidden;
    if (!isSeen && !isMine && !this.#hidden.has(line.from_username, line.from_user_id)) channel.unread += 1;
    this.changed.emit(line.channel);
    this.heard.emit(line);
  }
}

const channelOf = (title) => ({ title, lines: [], isLoaded: false, hasMore: false, unread: 0, userId: null, draft: "" });

/** By id; from the end, where nearly all belong. */
function insert(lines, line) {
  let at = lines.length;
  while (at > 0 && lines[at - 1].id > line.id) at -= 1;
  if (at > 0 && lines[at - 1].id === line.id) lines[at - 1] = line; // the newest word on it
  else lines.splice(at, 0, line);
}

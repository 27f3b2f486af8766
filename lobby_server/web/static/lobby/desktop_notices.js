/**
 * Notifications of the browser: off until somebody asks for them by a click, which is also when the browser asks for its
 * leave; and shown only while nobody looks at the page. Which event is one is said here, and nowhere else.
 */
import { byId, setHidden, setText } from "./dom.js";
import { ofDevice } from "./storage.js";
import { t } from "./words.js";

const KEY = "lobby.notifications";
const MOST_CHARACTERS = 200;

export class DesktopNotices {
  #checkbox = byId("desktop-notices");
  #shown = new Set();
  #account;
  #friends;
  #hidden;
  #openChat;

  /** `openChat(channel)` shows a conversation: a click on a notice of a chat line. */
  constructor({ connection, chat, myRoom, friends, hidden, account, openChat }) {
    this.#account = account;
    this.#friends = friends;
    this.#hidden = hidden;
    this.#openChat = openChat;
    setHidden(this.#checkbox.closest("label"), !isThere());
    this.#checkbox.checked = this.#isOn;
    this.#checkbox.addEventListener("change", () => this.#choose());
    addEventListener("storage", () => (this.#checkbox.checked = this.#isOn)); // chosen in another tab
    connection.message.connect((type, data) => this.#invited(type, data));
    chat.heard.connect((line) => this.#said(line));
    myRoom.heard.connect(({ fromName, text }) => this.#saidInRoom(fromName, text));
    document.addEventListener("visibilitychange", () => document.hidden || this.#closeAll());
    account.loggedOut.connect(() => this.#closeAll());
  }

  get #isOn() {
    return isThere() && ofDevice.get(KEY) === "on" && Notification.permission === "granted";
  }

  async #choose() {
    const wish = this.#checkbox.checked;
    const isAllowed = wish && (await Notification.requestPermission()) === "granted";
    ofDevice.set(KEY, isAllowed ? "on" : "off");
    this.#checkbox.checked = isAllowed;
    setText(byId("desktop-notices-problem"), wish && !isAllowed ? t("Your browser does not let this page show notifications.") : "");
  }

  #invited(type, { from_username: name, room_id: room, party_id: party, gamemode: mode }) {
    if (type === "match_invite") this.#show({ title: t("{name} invites you into a room: {mode}.", { name, mode }), tag: `room ${room}` });
    if (type === "party_invite") this.#show({ title: t("{name} invites you into a party.", { name }), tag: `party ${party}` });
  }

  /** A friend's message, and a line that names the user. */
  #said({ channel, from_user_id: id, from_username: name, text }) {
    if (id === this.#account.user?.id || this.#hidden.has(name, id)) return;
    const isFriends = channel.startsWith("user:") && this.#friends.isFriend(id);
    if (!isFriends && !this.#isNamedIn(text)) return;
    const title = isFriends ? t("Message from {name}", { name }) : t("{name} mentions you", { name });
    this.#show({ title, body: text, tag: channel, open: () => this.#openChat(channel) });
  }

  #saidInRoom(name, text) {
    if (name === this.#account.user?.username || this.#hidden.has(name) || !this.#isNamedIn(text)) return;
    this.#show({ title: t("{name} mentions you", { name }), body: text, tag: "my room" });
  }

  #isNamedIn(text) {
    const name = this.#account.user?.username.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&");
    return name !== undefined && new RegExp(`(^|[^\\p{L}\\p{N}_@])@${name}(?![\\p{L}\\p{N}_])`, "iu").test(text);
  }

  /** The next one of the same tag takes its place. */
  #show({ title, body = "", tag, open = () => {} }) {
    if (!document.hidden || !this.#isOn) return;
    let notification;
    try {
      notification = new Notification(title, { body: body.slice(0, MOST_CHARACTERS), tag, icon: "static/icon.svg" });
    } catch {
      return; // this browser shows those of service workers alone
    }
    this.#shown.add(notification);
    notification.addEventListener("close", () => this.#shown.delete(notification));
    notification.addEventListener("click", () => {
      window.focus();
      notification.close();
      open();
    });
  }

  #closeAll() {
    for (const notification of this.#shown) notification.close();
    this.#shown.clear();
  }
}

const isThere = () => window.isSecureContext && "Notification" in window;

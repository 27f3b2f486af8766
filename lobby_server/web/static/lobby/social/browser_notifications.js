/**
 * Notifications of the browser: off until somebody asks for them by a click, which is also when the browser asks for its
 * leave; and shown only while nobody looks at the page. Which event is one is said here, and nowhere else.
 *
 * None stays in the system's tray for longer than it is true: it goes when its user looks at the page, logs out or closes
 * it, when the invitation is over, and when its sender is one whom the page does not show any more. A page without a connection
 * hears of no invitation that ends, and a hidden one does not connect again: it keeps none.
 */
import { byId, setHidden, setText } from "../base/dom.js";
import { ofDevice } from "../base/storage.js";
import { t } from "../words/words.js";

const KEY = "lobby.notifications";
const MOST_CHARACTERS = 200;
const OF_INVITATION = /^(?:room|party) /; // the tag of one

export class BrowserNotifications {
  #checkbox = byId("browser-notifications");
  #shown = new Map(); // notification → {tag, isUnwanted(): whether it would not be shown now}
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
    myRoom.started.connect(() => this.#show({ title: t("room.started"), body: myRoom.title, tag: "my game", isUnwanted: () => false }));
    document.addEventListener("visibilitychange", () => document.hidden || this.#close());
    account.loggedOut.connect(() => this.#close());
    addEventListener("pagehide", () => this.#close());
    connection.lost.connect(() => this.#close(({ tag }) => OF_INVITATION.test(tag)));
    hidden.changed.connect(() => this.#close(({ isUnwanted }) => isUnwanted()));
  }

  get #isOn() {
    return isThere() && ofDevice.get(KEY) === "on" && Notification.permission === "granted";
  }

  async #choose() {
    const wish = this.#checkbox.checked;
    const isAllowed = wish && (await Notification.requestPermission()) === "granted";
    if (isAllowed) ofDevice.set(KEY, "on");
    else ofDevice.remove(KEY); // for which there is space at all times
    this.#checkbox.checked = isAllowed;
    setText(byId("browser-notifications-problem"), wish && !isAllowed ? t("account.browser_notifications.refused") : "");
  }

  #invited(type, { from_user_id: id, from_username: name, room_id: room, party_id: party, gamemode: mode }) {
    const isUnwanted = () => this.#friends.isBlocked(id);
    const [ofRoom, ofParty] = [`room ${room}`, `party ${party}`];
    if (type === "match_invite") this.#show({ title: t("room.invited", { name, mode }), tag: ofRoom, isUnwanted });
    if (type === "party_invite") this.#show({ title: t("party.invited", { name }), tag: ofParty, isUnwanted });
    if (type === "match_invite_closed") this.#close(({ tag }) => tag === ofRoom);
    if (type === "party_invite_closed") this.#close(({ tag }) => tag === ofParty);
  }

  /** A friend's message, and a line that names the user. */
  #said({ channel, from_user_id: id, from_username: name, text }) {
    const isUnwanted = () => this.#hidden.has(name, id);
    if (id === this.#account.user?.id || isUnwanted()) return;
    const isFriends = channel.startsWith("user:") && this.#friends.isFriend(id);
    if (!isFriends && !this.#isNamedIn(text)) return;
    const title = isFriends ? t("notifications.message", { name }) : t("notifications.mention", { name });
    this.#show({ title, body: text, tag: channel, isUnwanted, open: () => this.#openChat(channel) });
  }

  #saidInRoom(name, text) {
    const isUnwanted = () => this.#hidden.has(name);
    if (name === this.#account.user?.username || isUnwanted() || !this.#isNamedIn(text)) return;
    this.#show({ title: t("notifications.mention", { name }), body: text, tag: "my room", isUnwanted });
  }

  #isNamedIn(text) {
    const name = this.#account.user?.username.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&");
    return name !== undefined && new RegExp(`(^|[^\\p{L}\\p{N}_@])@${name}(?![\\p{L}\\p{N}_])`, "iu").test(text);
  }

  /** The next one of the same tag takes its place. */
  #show({ title, body = "", tag, isUnwanted, open = () => {} }) {
    if (!document.hidden || !this.#isOn) return;
    let notification;
    try {
      notification = new Notification(title, { body: body.slice(0, MOST_CHARACTERS), tag, icon: "static/icon.svg" });
    } catch {
      return; // this browser shows those of service workers alone
    }
    for (const [older, shown] of this.#shown) if (shown.tag === tag) this.#shown.delete(older); // closing it might close this one
    this.#shown.set(notification, { tag, isUnwanted });
    notification.addEventListener("close", () => this.#shown.delete(notification));
    notification.addEventListener("click", () => {
      window.focus();
      notification.close();
      open();
    });
  }

  /** Those of which `isMeant` says so; all of them by default. */
  #close(isMeant = () => true) {
    for (const [notification, shown] of this.#shown) {
      if (!isMeant(shown)) continue;
      notification.close();
      this.#shown.delete(notification);
    }
  }
}

const isThere = () => window.isSecureContext && "Notification" in window;

/** Notifications that are kept until they are read, and the operator's announcements. */
import { byId, fromTemplate, onceAFrame, part, setHidden, setText, syncList } from "../base/dom.js";
import { Signal } from "../base/signal.js";
import { SingleFlight } from "../base/single_flight.js";
import { ofDevice } from "../base/storage.js";
import { keyOf } from "../rooms/room_invites.js";
import { ago } from "../words/moments.js";
import { bodyOf, titleOf } from "../words/notification_words.js";
import { t } from "../words/words.js";

const LONGEST_TIMER_MS = 2 ** 31 - 1;
const DISMISSED = "lobby.announcement";
const KEPT = 200;
const ANNOUNCED_MS = 24 * 60 * 60 * 1000; // for how long an announcement without an end is news
const CLOSED_WITHIN_MS = 2000; // until what is over is looked up again, at a random point of this time
const CLOSES_ANOTHER = new Set(["party_invite_closed", "friend_request_closed", "friend_accepted"]); // the server counts it as read

export class Notifications {
  told = new Signal(); // (waited): the server has told the newest ones; `waited(roomId)` is what `invitesInto` was before

  #items = new Map(); // id → {id, kind, title, body, ts, is_read, room_id}
  #isKnown = false;
  #hasMore = false;
  #turn = 0; // begins when others are hidden than before: what was fetched until then may lack some, or have some too many
  #turnOfItems = 0;
  #announcement = null;
  #announcementTimer = null;
  #api;
  #notices;
  #joinRoom;
  #counted; // is told how many are unread
  #draw = onceAFrame(() => this.#drawNow());
  #flight;
  #announcementFlight;

  /** `joinRoom(id)` takes up a match invitation. */
  constructor({ connection, api, notices, joinRoom, counted }) {
    this.#counted = counted;
    this.#api = api;
    this.#notices = notices;
    this.#joinRoom = joinRoom;
    this.#flight = new SingleFlight({
      fetch: (signal) => api.get("/api/notifications", signal),
      deliver: ({ notifications, has_more: hasMore }) => this.#newestAre(notifications, hasMore),
    });
    this.#announcementFlight = new SingleFlight({
      fetch: (signal) => api.get("/api/announcements", signal),
      deliver: ({ announcements: [last] }) => {
        if (last && last.id >= (this.#announcement?.id ?? 0)) this.#announce(last); // else an event overtook the answer
      },
    });
    connection.established.connect(() => {
      this.#flight.wish();
      this.#announcementFlight.wish();
    });
    connection.lost.connect(() => this.#stop());
    connection.message.connect((type, data) => {
      if (type === "notification") this.#arrived(data);
      else if (type === "announcement") this.#announce(data);
      else if (CLOSES_ANOTHER.has(type)) this.#flight.wish(CLOSED_WITHIN_MS);
      else if (type === "match_invite_closed") this.#closed(data.room_id);
      else if (type === "notification_read") this.#isRead(data.id);
    });
    addEventListener("storage", ({ key }) => key === DISMISSED && this.#announce(this.#announcement)); // closed in another tab
    byId("notifications-read-all").addEventListener("click", () => this.#readAll());
    byId("notifications-more").addEventListener("click", () => notices.attempt(() => this.#more()));
    byId("announcement-close").addEventListener("click", () => {
      ofDevice.set(DISMISSED, String(this.#announcement.id));
      this.#announce(null);
    });
  }

  clear() {
    this.#stop();
    this.#items = new Map();
    this.#isKnown = this.#hasMore = false;
    this.#draw();
  }

  /** Others are hidden than before. */
  beginAgain() {
    this.#turn += 1;
    this.#flight.wish();
  }

  /** Mark those as read that the user has dealt with elsewhere on the page. */
  read(isDealtWith) {
    return this.#notices.attempt(async () => {
      for (const item of this.#unread) if (isDealtWith(item)) await this.#read(item); // one by one: nobody waits for it
    });
  }

  /** Of the invitations into a room that are known here, whether one waits still; undefined: none is known. */
  invitesInto(roomId) {
    return isWaiting(this.#items, roomId);
  }

  get #unread() {
    return [...this.#items.values()].filter((item) => !item.is_read);
  }

  #stop() {
    this.#flight.stop();
    this.#announcementFlight.stop();
  }

  /** The first page came. Older ones that were asked for stay, unless something between or among them may be missing. */
  #newestAre(notifications, hasMore) {
    const oldest = Math.min(...notifications.map((item) => item.id));
    const isSameTurn = this.#turn === this.#turnOfItems;
    const isWhole = isSameTurn && this.#items.has(oldest);
    this.#turnOfItems = this.#turn;
    this.#isKnown = true;
    // What arrived while the page was under way is newer than all of it.
    const newest = isSameTurn ? [...this.#items.values()].filter((item) => notifications.every(({ id }) => id < item.id)) : [];
    const older = hasMore && isWhole ? [...this.#items.values()].filter((item) => item.id < oldest) : [];
    const before = this.#items;
    this.#items = new Map([...newest, ...notifications, ...older].map((item) => [item.id, item]));
    if (older.length === 0) this.#hasMore = hasMore;
    this.told.emit((roomId) => isWaiting(before, roomId));
    this.#draw();
  }

  #arrived(item) {
    this.#items.set(item.id, { ...item, is_read: false });
    if (this.#items.size > KEPT) {
      this.#items.delete(Math.min(...this.#items.keys()));
      this.#hasMore = true;
    }
    this.#notices.murmur(titleOf(item));
    if (item.kind === "match_invite") this.#flight.wish(); // the event does not say which room
    this.#draw();
  }

  /** The server counts it as read, and is about to say so. */
  #closed(roomId) {
    for (const item of this.#unread) if (item.room_id === roomId) item.is_read = true;
    this.#draw();
    this.#flight.wish(CLOSED_WITHIN_MS);
  }

  /** On this device or another one. */
  #isRead(id) {
    const item = this.#items.get(id);
    if (item !== undefined) item.is_read = true;
    this.#draw();
  }

  async #more() {
    const turn = this.#turn;
    const oldest = Math.min(...this.#items.keys());
    const { notifications, has_more: hasMore } = await this.#api.get(`/api/notifications?before=${oldest}`);
    if (turn !== this.#turn || Math.min(...this.#items.keys()) !== oldest) return; // they are not what comes next now
    for (const item of notifications) this.#items.set(item.id, item);
    this.#hasMore = hasMore;
    this.#draw();
  }

  async #read(item) {
    item.is_read = true;
    this.#draw();
    await this.#api.post(`/api/notifications/${item.id}/read`);
  }

  #join(item) {
    byId("notifications").close();
    this.#notices.forget(keyOf(item.room_id));
    this.#joinRoom(item.room_id);
    return this.#notices.attempt(() => this.#read(item));
  }

  #readAll() {
    return this.read(() => true);
  }

  #announce(announcement) {
    const dismissed = Number(ofDevice.get(DISMISSED) ?? 0);
    const endsMs = announcement === null ? 0 : (announcement.until ?? announcement.ts + ANNOUNCED_MS);
    const leftMs = endsMs - Date.now();
    this.#announcement = leftMs > 0 && announcement.id > dismissed ? announcement : null;
    clearTimeout(this.#announcementTimer);
    if (this.#announcement !== null) {
      this.#announcementTimer = setTimeout(() => this.#announce(announcement), Math.min(leftMs, LONGEST_TIMER_MS));
    }
    setHidden(byId("announcement"), this.#announcement === null);
    setText(byId("announcement-title"), this.#announcement?.title ?? "");
    setText(byId("announcement-body"), this.#announcement?.body ?? "");
  }

  #drawNow() {
    const items = [...this.#items.values()].sort((a, b) => b.id - a.id);
    const unread = this.#unread.length;
    this.#counted(unread);
    setText(byId("notifications-count"), String(unread));
    setHidden(byId("notifications-count"), unread === 0);
    byId("notifications-button").setAttribute("aria-label", unread ? t("notifications.unread", { count: unread }) : t("notifications.title"));
    setHidden(byId("notifications-none"), items.length > 0 || !this.#isKnown);
    setHidden(byId("notifications-read-all"), unread === 0);
    setHidden(byId("notifications-more"), !this.#hasMore);
    syncList(byId("notifications-items"), items, {
      key: (item) => item.id,
      make: (current) => {
        const row = fromTemplate("notifications-row");
        part(row, "read").addEventListener("click", () => this.#notices.attempt(() => this.#read(current())));
        part(row, "join").addEventListener("click", () => this.#join(current()));
        return row;
      },
      update: (row, item) => {
        setText(part(row, "title"), titleOf(item));
        setText(part(row, "body"), bodyOf(item));
        part(row, "read").setAttribute("aria-label", `${t("notifications.read")}: ${titleOf(item)}`);
        part(row, "join").setAttribute("aria-label", `${t("common.join")}: ${bodyOf(item)}`);
        setText(part(row, "age"), ago(item.ts));
        setHidden(part(row, "join"), item.is_read || !item.room_id);
        row.classList.toggle("unread", !item.is_read);
        setHidden(part(row, "read"), item.is_read);
      },
    });
  }
}

function isWaiting(items, roomId) {
  const invites = [...items.values()].filter((item) => item.room_id === roomId);
  return invites.length > 0 ? invites.some((item) => !item.is_read) : undefined;
}

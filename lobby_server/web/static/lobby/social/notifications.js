/** Notifications that are kept until they are read, and the operator's announcements. */
import { byId, fromTemplate, onceAFrame, part, setHidden, setText, syncList } from "../base/dom.js";
import { SingleFlight } from "../base/single_flight.js";
import { ofDevice } from "../base/storage.js";
import { ago } from "../words/moments.js";
import { bodyOf, titleOf } from "../words/notification_words.js";
import { t } from "../words/words.js";

const LONGEST_TIMER_MS = 2 ** 31 - 1;
const DISMISSED = "lobby.announcement";
const KEPT = 200;
const AGES_EVERY_MS = 30000;
const ANNOUNCED_MS = 24 * 60 * 60 * 1000; // for how long an announcement without an end is news
const CLOSED_WITHIN_MS = 2000; // until what is over is looked up again, at a random point of this time
const CLOSES_ANOTHER = new Set(["party_invite_closed", "friend_request_closed", "friend_accepted"]); // the server counts it as read

export class Notifications {
  #items = new Map(); // id → {id, kind, title, body, ts, is_read, room_id}
  #isKnown = false;
  #hasMore = false;
  #unreadBefore = 0; // of those that are older than all of `#items`
  #since = null; // what was told while the newest ones were on their way
  #turn = 0; // begins when others are hidden than before: what was fetched until then may lack some, or have some too many
  #turnOfItems = 0;
  #announcement = null;
  #announcementTimer = null;
  #api;
  #notices;
  #invites;
  #joinRoom;
  #counted; // is told how many are unread
  #draw = onceAFrame(() => this.#drawNow());
  #flight;
  #announcementFlight;

  /** `invites`: those into rooms that stand; `joinRoom(id)` takes one up. */
  constructor({ connection, api, notices, invites, joinRoom, counted }) {
    this.#invites = invites;
    this.#counted = counted;
    this.#api = api;
    this.#notices = notices;
    this.#joinRoom = joinRoom;
    this.#flight = new SingleFlight({
      fetch: (signal) => {
        this.#since = [];
        return api.get("/api/notifications", signal);
      },
      deliver: (answer) => this.#newestAre(answer),
      fail: () => (this.#since = null),
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
    invites.changed.connect(this.#draw);
    connection.message.connect((type, data) => {
      if (type === "notification") this.#arrived(data);
      else if (type === "announcement") this.#announce(data);
      else if (CLOSES_ANOTHER.has(type)) this.#flight.wish(CLOSED_WITHIN_MS);
      else if (type === "match_invite_closed") this.#closed(data.room_id);
      else if (type === "notification_read") this.#isRead(data.id);
    });
    addEventListener("storage", ({ key }) => key === DISMISSED && this.#announce(this.#announcement)); // closed in another tab
    const dialog = byId("notifications");
    byId("notifications-button").addEventListener("click", () => {
      this.#drawNow();
      dialog.showModal();
    });
    setInterval(() => dialog.open && this.#draw(), AGES_EVERY_MS);
    byId("notifications-close").addEventListener("click", () => dialog.close());
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
    this.#unreadBefore = 0;
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

  get #unread() {
    return [...this.#items.values()].filter((item) => !item.is_read);
  }

  #stop() {
    this.#flight.stop();
    this.#announcementFlight.stop();
  }

  /** The first page came. Older ones that were asked for stay, unless something between or among them may be missing. */
  #newestAre({ notifications, has_more: hasMore, unread = 0 }) {
    const oldest = Math.min(...notifications.map((item) => item.id));
    const isWhole = this.#turn === this.#turnOfItems && this.#items.has(oldest);
    this.#turnOfItems = this.#turn;
    this.#isKnown = true;
    const older = hasMore && isWhole ? [...this.#items.values()].filter((item) => item.id < oldest) : [];
    this.#items = new Map([...notifications, ...older].map((item) => [item.id, item]));
    this.#unreadBefore = hasMore ? Math.max(0, unread - this.#unread.length) : 0; // one that came while the server counted is none
    if (older.length === 0) this.#hasMore = hasMore;
    for (const change of this.#since) change(); // the answer may be older than that
    this.#since = null;
    this.#draw();
  }

  /** `change()` is of `#items`. */
  #apply(change) {
    this.#since?.push(change);
    change();
    this.#draw();
  }

  #arrived(told) {
    const item = { ...told, is_read: false };
    this.#since?.push(() => this.#items.has(item.id) || this.#items.set(item.id, item)); // the list knows its room as well
    this.#items.set(item.id, item);
    if (this.#items.size > KEPT) this.#forgetOldest();
    this.#notices.murmur(titleOf(item));
    if (item.kind === "match_invite") this.#flight.wish(); // the event does not say which room
    this.#draw();
  }

  #forgetOldest() {
    const oldest = Math.min(...this.#items.keys());
    this.#unreadBefore += Number(!this.#items.get(oldest).is_read);
    this.#items.delete(oldest);
    this.#hasMore = true;
  }

  /** The server counts it as read, and is about to say so. */
  #closed(roomId) {
    this.#apply(() => this.#unread.filter((item) => item.room_id === roomId).forEach((item) => (item.is_read = true)));
    this.#flight.wish(CLOSED_WITHIN_MS);
  }

  /** On this device or another one. */
  #isRead(id, isRead = true) {
    this.#apply(() => {
      const item = this.#items.get(id);
      if (item !== undefined) item.is_read = isRead;
    });
    if (!this.#items.has(id)) this.#flight.wish(CLOSED_WITHIN_MS); // an older one: fewer of those are unread
  }

  async #more() {
    const turn = this.#turn;
    const oldest = Math.min(...this.#items.keys());
    const { notifications, has_more: hasMore } = await this.#api.get(`/api/notifications?before=${oldest}`);
    if (turn !== this.#turn || Math.min(...this.#items.keys()) !== oldest) return; // they are not what comes next now
    for (const item of notifications) this.#items.set(item.id, item);
    this.#unreadBefore = Math.max(0, this.#unreadBefore - notifications.filter((item) => !item.is_read).length);
    this.#hasMore = hasMore;
    this.#draw();
  }

  async #read(item) {
    this.#isRead(item.id);
    try {
      await this.#api.post(`/api/notifications/${item.id}/read`);
    } catch (fault) {
      this.#isRead(item.id, false);
      throw fault;
    }
  }

  #join(item) {
    byId("notifications").close();
    this.#joinRoom(item.room_id);
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
    const shown = this.#unread.length;
    const unread = shown + this.#unreadBefore;
    const { standing } = this.#invites;
    this.#counted(unread);
    setText(byId("notifications-count"), String(unread));
    setHidden(byId("notifications-count"), unread === 0);
    byId("notifications-button").setAttribute("aria-label", unread ? t("notifications.unread", { count: unread }) : t("notifications.title"));
    setHidden(byId("notifications-none"), items.length > 0 || !this.#isKnown);
    setHidden(byId("notifications-read-all"), shown === 0);
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
        setHidden(part(row, "join"), !standing.has(item.room_id));
        row.classList.toggle("unread", !item.is_read);
        setHidden(part(row, "read"), item.is_read);
      },
    });
  }
}

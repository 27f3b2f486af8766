/** Notifications that are kept until they are read, and the announcements of who runs the server. */
import { ago, byId, fromTemplate, onceAFrame, part, setHidden, setText, syncList } from "./dom.js";
import { SingleFlight } from "./single_flight.js";

const DISMISSED = "lobby.announcement";
const KEPT = 200;

export class Inbox {
  #items = new Map(); // id → {id, kind, title, body, ts, is_read}
  #hasMore = false;
  #announcement = null;
  #api;
  #notices;
  #draw = onceAFrame(() => this.#drawNow());
  #flight;
  #announcementFlight;

  constructor({ connection, api, notices }) {
    this.#api = api;
    this.#notices = notices;
    this.#flight = new SingleFlight({
      fetch: (signal) => api.get("/api/notifications", signal),
      deliver: ({ notifications, has_more: hasMore }) => {
        this.#items = new Map(notifications.map((item) => [item.id, item]));
        this.#hasMore = hasMore;
        this.#draw();
      },
    });
    this.#announcementFlight = new SingleFlight({
      fetch: (signal) => api.get("/api/announcements", signal),
      deliver: ({ announcements }) => this.#announce(announcements[0] ?? null),
    });
    connection.established.connect(() => {
      this.#flight.wish();
      this.#announcementFlight.wish();
    });
    connection.lost.connect(() => this.#stop());
    connection.message.connect((type, data) => {
      if (type === "notification") this.#arrived(data);
      else if (type === "announcement") this.#announce(data);
    });
    byId("inbox-read-all").addEventListener("click", () => this.#readAll());
    byId("inbox-more").addEventListener("click", () => notices.attempt(() => this.#more()));
    byId("announcement-close").addEventListener("click", () => {
      localStorage.setItem(DISMISSED, String(this.#announcement.id));
      this.#announce(null);
    });
  }

  clear() {
    this.#stop();
    this.#items = new Map();
    this.#hasMore = false;
    this.#draw();
  }

  get #unread() {
    return [...this.#items.values()].filter((item) => !item.is_read);
  }

  #stop() {
    this.#flight.stop();
    this.#announcementFlight.stop();
  }

  #arrived(item) {
    this.#items.set(item.id, { ...item, is_read: false });
    if (this.#items.size > KEPT) this.#items.delete(Math.min(...this.#items.keys()));
    this.#notices.murmur(item.title);
    this.#draw();
  }

  async #more() {
    const oldest = Math.min(...this.#items.keys());
    const { notifications, has_more: hasMore } = await this.#api.get(`/api/notifications?before=${oldest}`);
    for (const item of notifications) this.#items.set(item.id, item);
    this.#hasMore = hasMore;
    this.#draw();
  }

  async #read(item) {
    item.is_read = true;
    this.#draw();
    await this.#api.post(`/api/notifications/${item.id}/read`);
  }

  #readAll() {
    return this.#notices.attempt(async () => {
      for (const item of this.#unread) await this.#read(item); // one by one: nobody waits for it
    });
  }

  #announce(announcement) {
    const dismissed = Number(localStorage.getItem(DISMISSED) ?? 0);
    this.#announcement = announcement !== null && announcement.id > dismissed ? announcement : null;
    setHidden(byId("announcement"), this.#announcement === null);
    setText(byId("announcement-title"), this.#announcement?.title ?? "");
    setText(byId("announcement-body"), this.#announcement?.body ?? "");
  }

  #drawNow() {
    const items = [...this.#items.values()].sort((a, b) => b.id - a.id);
    const unread = this.#unread.length;
    setText(byId("inbox-count"), String(unread));
    setHidden(byId("inbox-count"), unread === 0);
    byId("inbox-button").setAttribute("aria-label", unread ? `Notifications, ${unread} unread` : "Notifications");
    setHidden(byId("inbox-none"), items.length > 0);
    setHidden(byId("inbox-read-all"), unread === 0);
    setHidden(byId("inbox-more"), !this.#hasMore);
    syncList(byId("inbox-items"), items, {
      key: (item) => item.id,
      make: (item) => {
        const row = fromTemplate("inbox-row");
        setText(part(row, "title"), item.title);
        setText(part(row, "body"), item.body);
        part(row, "read").setAttribute("aria-label", `Mark as read: ${item.title}`);
        part(row, "read").addEventListener("click", () =>
          this.#notices.attempt(() => this.#read(this.#items.get(item.id))),
        );
        return row;
      },
      update: (row, item) => {
        setText(part(row, "age"), ago(item.ts));
        row.classList.toggle("unread", !item.is_read);
        setHidden(part(row, "read"), item.is_read);
      },
    });
  }
}

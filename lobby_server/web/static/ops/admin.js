/** What an administrator does, beside the figures: the server, an announcement, players, rooms, reports, the record. */
import { byId, fromTemplate, onSubmit, part, setHidden, setText, syncList } from "../lobby/base/dom.js";
import { confirm } from "../lobby/frame/confirm.js";
import { Api } from "../lobby/server/api.js";
import { ago, dateAndTimeOf } from "../lobby/words/moments.js";
import { apart, t } from "../lobby/words/words.js";

const EVERY_MS = 15000;
const HOUR_S = 3600;
const MOMENT = /\d{4}-\d\d-\d\dT[\d:.]+Z/g; // as the record writes one
const LISTS = ["bans", "reports", "rooms", "audit"];
const CLOSED = "closed by an administrator"; // on record, in English
const DEEDS = {
  "announce": "ops.audit.deed.announce",
  "ban": "ops.audit.deed.ban",
  "close report": "ops.audit.deed.close_report",
  "close room": "ops.audit.deed.close_room",
  "kick": "ops.audit.deed.kick",
  "reset link": "ops.audit.deed.reset_link",
  "role": "ops.audit.deed.role",
  "unban": "ops.audit.deed.unban",
};

export class Admin {
  #api = new Api();
  #timer = null;
  #news = byId("admin-news"); // of all that is shown; of what somebody does, it stands beside the button
  #turn = 0; // of the last time that all of it was asked for
  #told = 0; // of the last one of which something is shown
  #record = new Map(); // id → what an administrator did, as far back as was asked for

  constructor() {
    this.#form("admin-announce", async (fields) => {
      const hours = Number(fields.get("hours"));
      const consequence = t("ops.announce.consequence");
      if (!(await confirm({ title: t("ops.announce.sure"), consequence, deed: t("ops.announce.do") }))) return null;
      await this.#api.post("/api/announcements", { title: fields.get("title").trim(), body: fields.get("body").trim(), ends_in_s: hours ? Math.round(hours * HOUR_S) : null });
      return t("ops.announce.done");
    });
    this.#form("admin-player", async (fields, submitter) => {
      const username = fields.get("username").trim();
      const reason = fields.get("reason").trim();
      const hours = Number(fields.get("hours"));
      if (submitter?.value === "link") return this.#resetLink(username);
      if (submitter?.value === "kick") {
        await this.#api.post("/api/admin/kicks", { username, reason });
        return t("ops.player.kicked", { name: username });
      }
      const consequence = hours ? t("ops.ban.for_hours", { count: hours }) : t("ops.ban.for_good");
      if (!(await confirm({ title: t("ops.ban.sure", { name: username }), consequence, deed: t("ops.ban.do") }))) return null;
      await this.#api.post("/api/admin/bans", { username, reason, ends_in_s: hours ? Math.round(hours * HOUR_S) : null });
      return t("ops.ban.done", { name: username });
    });
    this.#deeds("bans", t("ops.bans.lift"), ({ user_id: id }) => this.#api.delete(`/api/admin/bans/${id}`));
    this.#deeds("reports", t("ops.reports.close"), (report) => this.#closeReport(report));
    this.#deeds("rooms", t("common.close"), (room) => this.#closeRoom(room));
    byId("admin-audit-more").addEventListener("click", ({ target }) => this.#press(target, byId("admin-audit-news"), () => this.#goBack()));
  }

  open(token) {
    this.#api.token = token;
    this.#refresh();
    clearInterval(this.#timer);
    this.#timer = setInterval(() => this.#refresh(), EVERY_MS);
  }

  close() {
    clearInterval(this.#timer);
    this.#told = this.#turn; // what is under way is not for the next one
    for (const news of document.querySelectorAll("#inside .news")) setText(news, "");
    this.#record.clear();
    this.#api.forget();
    setText(byId("admin-reports-count"), "");
    for (const name of LISTS) {
      this.#list(`admin-${name}`, [], String);
      setHidden(byId(`admin-${name}-none`), true); // it is not known
    }
  }

  // -- what is asked for -----------------------------------------------------------------------------------------

  #form(id, action) {
    const form = byId(id);
    const news = form.querySelector(".news"); // where the administrator looks
    onSubmit(form, async (fields, submitter) => {
      setText(news, "");
      const done = await action(fields, submitter);
      if (done === null) return;
      form.reset();
      setText(news, done);
      await this.#refresh();
    });
  }

  /** The button of each row of a list. */
  #deeds(name, deed, action) {
    const news = byId(`admin-${name}-news`);
    byId(`admin-${name}`).addEventListener("click", ({ target }) => {
      const button = target.closest("[data-part=deed]");
      if (button === null) return;
      this.#press(button, news, async () => {
        if ((await action(button.closest("li").item)) === null) return;
        setText(news, t("ops.admin.done", { deed }));
        await this.#refresh();
      });
    });
  }

  /** The button is busy until that is done; what became of it stands beside the button. */
  async #press(button, news, action) {
    if (button.hasAttribute("aria-busy")) return;
    button.setAttribute("aria-busy", "true");
    setText(news, "");
    try {
      await action();
    } catch (fault) {
      if (fault.sentence === undefined) throw fault;
      setText(news, fault.sentence);
    } finally {
      button.removeAttribute("aria-busy");
    }
  }

  async #closeRoom(room) {
    const sure = await confirm({
      title: t("ops.rooms.close.sure", { mode: titleOf(room), name: room.host_username }),
      consequence: t("rooms.delete.consequence"),
      deed: t("ops.rooms.close.do"),
    });
    return sure ? this.#api.post(`/api/admin/rooms/${encodeURIComponent(room.id)}/close`, { reason: CLOSED }) : null;
  }

  /** For a player who has forgotten the password. It is shown here and nowhere else. */
  async #resetLink(username) {
    const { username: name, token, expires_at: ends } = await this.#api.post("/api/admin/reset-links", { username });
    const link = new URL(`./#reset=${token}`, location.href).href;
    return t("ops.player.link.done", { name, when: dateAndTimeOf(ends), link });
  }

  async #closeReport({ id, about_username: name }) {
    const sure = await confirm({
      title: t("ops.reports.close.sure", { name }),
      consequence: t("ops.reports.close.consequence"),
      deed: t("ops.reports.close.do"),
    });
    return sure ? this.#api.post(`/api/admin/reports/${id}/close`) : null;
  }

  // -- what is shown ---------------------------------------------------------------------------------------------

  /** What is shown stays if that fails; it is said, until it goes well again. */
  async #refresh() {
    this.#turn += 1;
    const turn = this.#turn;
    let answers;
    let problem = "";
    try {
      answers = await Promise.all(["overview", "bans", "reports?open=1", "audit", "rooms"].map((what) => this.#api.get(`/api/admin/${what}`)));
    } catch (fault) {
      if (fault.sentence === undefined) throw fault;
      problem = fault.sentence;
    }
    if (turn <= this.#told) return; // a later one is shown
    this.#told = turn;
    setText(this.#news, problem);
    if (answers !== undefined) this.#draw(answers);
  }

  #draw([overview, { bans }, reports, audit, { rooms }]) {
    this.#drawOverview(overview);
    this.#list("admin-bans", bans, (ban) => ban.user_id, ({ username, reason, until, by_username: by }) => ({
      title: username,
      text: [apart(reason), until === null ? t("ops.admin.no_end") : t("ops.admin.until", { when: dateAndTimeOf(until) }), t("ops.admin.by", { name: by })].join(" · "),
      deed: t("ops.bans.lift"),
    }));
    setText(byId("admin-reports-count"), String(reports.open));
    setHidden(byId("admin-reports-more"), !reports.has_more);
    this.#list("admin-reports", reports.reports, (report) => report.id, (report) => ({
      title: report.about_username,
      whose: report.from_username,
      text: [apart(report.text), t("ops.admin.from", { name: report.from_username }), ago(Date.parse(report.created_at))].join(" · "),
      deed: t("ops.reports.close"),
    }));
    this.#list("admin-rooms", rooms, (room) => room.id, (room) => ({
      title: titleOf(room),
      whose: room.host_username,
      text: [room.is_public ? "" : t("ops.rooms.private"), room.name ? apart(room.gamemode) : "", t("ops.rooms.host", { name: room.host_username }), `${room.current_players}/${room.max_players}`].filter(Boolean).join(" · "),
      deed: t("common.close"),
    }));
    if (this.#record.size === 0) setHidden(byId("admin-audit-more"), !audit.has_more);
    this.#drawRecord(audit.entries);
  }

  /** Of the record, what is older than all that is shown. */
  async #goBack() {
    const { entries, has_more: hasMore } = await this.#api.get(`/api/admin/audit?before=${Math.min(...this.#record.keys())}`);
    setHidden(byId("admin-audit-more"), !hasMore);
    this.#drawRecord(entries);
  }

  #drawRecord(entries) {
    for (const entry of entries) this.#record.set(entry.id, entry);
    const record = [...this.#record.values()].sort((a, b) => b.id - a.id);
    this.#list("admin-audit", record, (entry) => entry.id, (entry) => ({
      title: `${entry.deed in DEEDS ? t(DEEDS[entry.deed]) : entry.deed} ${entry.target}`,
      text: [apart(detailOf(entry)), t("ops.admin.by", { name: entry.by_username }), dateAndTimeOf(entry.at)].filter(Boolean).join(" · "),
    }));
  }

  #drawOverview({ version, uptime_s: uptimeS, started_at: startedAt, settings }) {
    const hours = Math.floor(uptimeS / HOUR_S);
    setText(byId("admin-version"), version);
    setText(byId("admin-uptime"), t("ops.server.up.value", { hours, minutes: Math.floor((uptimeS % HOUR_S) / 60), when: dateAndTimeOf(startedAt) }));
    syncList(byId("admin-settings"), Object.entries(settings), {
      key: ([name]) => name,
      make: () => fromTemplate("admin-setting"),
      update: (row, [name, value]) => {
        setText(part(row, "name"), name);
        setText(part(row, "value"), value === "" ? "–" : value);
      },
    });
  }

  #list(id, items, key, describe) {
    const list = byId(id);
    setHidden(byId(`${id}-none`), items.length > 0);
    syncList(list, items, {
      key,
      make: () => fromTemplate("admin-row"),
      update: (row, item) => {
        const { title, text, deed, whose } = describe(item);
        setText(part(row, "title"), title);
        setText(part(row, "text"), text);
        setHidden(part(row, "deed"), deed === undefined);
        setText(part(row, "deed"), deed ?? "");
        part(row, "deed").setAttribute("aria-label", [`${deed}: ${title}`, whose].filter(Boolean).join(", ")); // others may be called the same
      },
    });
  }
}

const titleOf = (room) => room.name ?? room.gamemode;

/** What the server has written into the record besides what somebody typed, in the reader's language. */
function detailOf({ deed, detail }) {
  if (detail === CLOSED) return t("ops.audit.closed");
  if (deed !== "ban") return detail.replace(MOMENT, dateAndTimeOf);
  return detail
    .replace(/^without an end(?=: )/, t("ops.admin.no_end"))
    .replace(/^until (\S+)(?=: )/, (_, when) => t("ops.admin.until", { when: dateAndTimeOf(when) }));
}

/** Getting a room ready: its code, who is ready, the start; and what its host alone does: settings, bans, hand-over. */
import { byId, clearForm, fromTemplate, onSubmit, onceAFrame, part, setHidden, setText, syncList } from "../base/dom.js";
import { confirm } from "../frame/confirm.js";
import { spelled } from "../words/room_words.js";
import { t } from "../words/words.js";
import { copyLink, linkTo } from "./room_card.js";

export class MyRoomHost {
  #room;
  #api;
  #notices;
  #settings = byId("room-settings");
  #fold = byId("my-room-bans-fold");
  #bans = null; // null: they are not known
  #shownId = null;

  constructor({ room, api, notices }) {
    this.#room = room;
    this.#api = api;
    this.#notices = notices;
    room.changed.connect(onceAFrame(() => this.#draw()));
    room.started.connect(() => notices.say(t("room.started")));
    byId("my-room-copy").addEventListener("click", () => copyLink(linkTo(room.state.code), notices));
    byId("my-room-ready").addEventListener("click", () => this.#post(this.#at("ready"), { ready: !this.#isReady(room.peerId) }));
    byId("my-room-start").addEventListener("click", () => this.#start());
    byId("my-room-reopen").addEventListener("click", () => notices.attempt(() => api.delete(this.#at("start"))));
    byId("my-room-settings").addEventListener("click", () => this.#openSettings());
    part(this.#settings, "close").addEventListener("click", () => this.#settings.close());
    onSubmit(byId("room-settings-form"), async (fields) => {
      await api.patch(`/api/rooms/${encodeURIComponent(room.id)}`, {
        name: fields.get("name").trim(),
        gamemode: fields.get("gamemode").trim(),
        mapName: fields.get("mapName").trim(),
        maxPlayers: Number(fields.get("maxPlayers")),
        isPublic: fields.get("isPublic") !== null,
      });
      this.#settings.close();
    });
    const refresh = () => this.#fold.open && this.#fetchBans();
    this.#fold.addEventListener("toggle", refresh);
    room.kicked.connect(refresh);
    byId("my-room-members").addEventListener("click", async (event) => {
      const button = event.target.closest("[data-part=lead]");
      if (button === null) return;
      const { peerId } = button.closest("li").dataset;
      const address = this.#at("host"); // of this room, whichever the user is in once that is answered
      const name = room.members.get(Number(peerId))?.name ?? "";
      const question = { title: t("room.host.sure", { name }), consequence: t("common.no_way_back"), deed: t("room.host.make") };
      if (await confirm(question)) this.#post(address, { peerId: Number(peerId) });
    });
  }

  #isReady = (peerId) => this.#room.state?.ready.includes(peerId) ?? false;
  #at = (what) => `/api/rooms/${encodeURIComponent(this.#room.id)}/${what}`;
  #post = (address, body) => this.#notices.attempt(() => this.#api.post(address, body));

  /** The others who are not ready. */
  get #missing() {
    const { members, peerId } = this.#room;
    return [...members.keys()].filter((id) => id !== peerId && !this.#isReady(id)).length;
  }

  async #start() {
    const missing = this.#missing;
    const address = this.#at("start");
    const question = {
      title: t("room.start.sure"),
      consequence: t("room.stage.not_ready", { count: missing }),
      deed: t("room.start.anyway"),
    };
    if (missing === 0 || (await confirm(question))) this.#post(address, { force: missing > 0 });
  }

  #openSettings() {
    const form = byId("room-settings-form");
    const { name, gamemode, mapName, maxPlayers, isPublic } = this.#room.state;
    clearForm(form);
    Object.entries({ name, gamemode, mapName, maxPlayers }).forEach(([field, value]) => (form.elements[field].value = value ?? ""));
    form.elements.isPublic.checked = isPublic;
    this.#settings.showModal();
  }

  #fetchBans() {
    const { id } = this.#room;
    this.#notices.attempt(async () => {
      const { bans } = await this.#api.get(this.#at("bans"));
      if (this.#room.id !== id) return; // they are of another room
      this.#bans = bans;
      this.#drawBans();
    });
  }

  #draw() {
    const { id, state, isHost, peerId, isComingBack } = this.#room;
    if (isComingBack) return; // the panel stays as it is until that is known
    if (id !== this.#shownId) {
      this.#shownId = id;
      this.#bans = null;
      this.#fold.open = false;
      this.#settings.close();
    }
    const isKnown = id !== null && state !== null;
    const isLeading = isKnown && isHost;
    if (!isLeading) this.#settings.close();
    setHidden(byId("my-room-share"), !isKnown);
    setHidden(byId("my-room-play"), !isKnown);
    setHidden(byId("my-room-settings"), !isLeading);
    setHidden(this.#fold, !isLeading);
    if (!isKnown) return;
    const { code, isStarted, isPublic, hostPeerId } = state;
    setText(byId("my-room-code"), spelled(code));
    setText(byId("my-room-visibility"), isPublic ? t("room.public") : t("room.private"));
    setHidden(byId("my-room-ready"), isStarted || isHost);
    byId("my-room-ready").classList.toggle("outline", this.#isReady(peerId)); // what is left to do stands out
    setText(byId("my-room-ready"), this.#isReady(peerId) ? t("room.not_ready") : t("room.ready"));
    setHidden(byId("my-room-start"), isStarted || !isHost);
    setHidden(byId("my-room-reopen"), !isStarted || !isHost);
    setText(byId("my-room-stage"), this.#stage(isStarted, hostPeerId));
    this.#drawBans();
  }

  #stage(isStarted, hostPeerId) {
    if (isStarted) return t("room.stage.started");
    if (hostPeerId === null) return t("room.stage.host_away");
    const { members, isHost } = this.#room;
    if (!isHost) return this.#isReady(this.#room.peerId) ? t("room.stage.waiting") : t("room.stage.say_ready");
    if (members.size === 1) return t("room.stage.alone");
    return this.#missing === 0 ? t("room.stage.all_ready") : t("room.stage.not_ready", { count: this.#missing });
  }

  #drawBans() {
    setHidden(byId("my-room-bans-none"), this.#bans?.length !== 0);
    syncList(byId("my-room-bans"), this.#bans ?? [], {
      key: (ban) => ban.user_id,
      make: (current) => {
        const row = fromTemplate("ban-row");
        part(row, "unban").addEventListener("click", () => {
          const { user_id: userId } = current();
          this.#notices.attempt(async () => {
            const { id } = this.#room;
            await this.#api.delete(this.#at(`bans/${userId}`));
            if (this.#room.id !== id) return;
            this.#bans = this.#bans.filter((ban) => ban.user_id !== userId);
            this.#drawBans();
          });
        });
        return row;
      },
      update: (row, { user_id: userId, username }) => {
        const name = username ?? t("room.member.unnamed", { id: userId });
        setText(part(row, "name"), name);
        part(row, "unban").setAttribute("aria-label", t("common.unban_name", { name }));
      },
    });
  }
}

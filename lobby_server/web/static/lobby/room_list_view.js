/** The list of rooms on the page: filters, arrivals, and the buttons of each row. Draws at most once a frame. */
import { confirm } from "./confirm.js";
import { ago, byId, fromTemplate, onSubmit, onceAFrame, part, setHidden, setText, syncList } from "./dom.js";
import { RoomFilters } from "./room_filters.js";
import { entrance } from "./room_words.js";
import { SteadyOrder } from "./steady_order.js";
import { t } from "./words.js";

const AGES_EVERY_MS = 30000;
const ROWS_AT_ONCE = 24; // of another choice: more than a screen has, and the others follow, so many a frame

export class RoomListView {
  #list = byId("rooms");
  #filters = new RoomFilters();
  #controls = {
    search: byId("rooms-search"),
    mode: byId("rooms-filter"),
    sort: byId("rooms-sort"),
    notFull: byId("rooms-not-full"),
    friends: byId("rooms-friends"),
  };
  #friendRooms;
  #withFriends = new Set(); // ids of rooms, as of the last draw
  #model;
  #mine;
  #account;
  #fresh = new Set();
  #most = Infinity; // rows to draw for now
  #redraw;
  #shown = []; // ids, in the order of the rows
  #order;

  /** `api` deletes and creates, `myRoom` is the room that the user is in, `notices` hears of arrivals. */
  constructor({ model, myRoom, friendRooms, card, api, account, notices }) {
    this.#model = model;
    this.#friendRooms = friendRooms;
    this.#mine = myRoom;
    this.#account = account;
    const draw = (this.#redraw = onceAFrame(() => this.#draw()));
    model.changed.connect(draw);
    myRoom.changed.connect(draw);
    friendRooms.changed.connect(draw);
    model.failed.connect((fault) => notices.problem(fault.sentence));
    model.arrived.connect((rooms) => {
      for (const room of rooms) this.#fresh.add(room.id);
      const [room] = rooms;
      notices.murmur(rooms.length === 1 ? t("New room: {mode} by {name}", { mode: room.gamemode, name: room.host_username }) : t("{count} new rooms", { count: rooms.length }));
    });
    this.#order = new SteadyOrder(this.#list, { shown: () => this.#shown, released: draw });
    const { search, mode, sort, notFull, friends } = this.#controls;
    search.addEventListener("input", () => this.#choose({ search: search.value }, draw));
    mode.addEventListener("change", () => this.#choose({ mode: mode.value.slice(1) }, draw));
    sort.addEventListener("change", () => this.#choose({ sort: sort.value }, draw));
    notFull.addEventListener("change", () => this.#choose({ notFull: notFull.checked }, draw));
    friends.addEventListener("change", () => this.#choose({ friends: friends.checked }, draw));
    byId("rooms-clear").addEventListener("click", () => {
      this.#filters.clear();
      this.#most = ROWS_AT_ONCE;
      this.#showChosen();
      draw();
      search.focus();
    });
    this.#showChosen();
    setInterval(draw, AGES_EVERY_MS);

    this.#list.addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (button === null) return;
      const id = button.closest("li").dataset.id;
      if (button.dataset.part === "join") myRoom.join(id);
      else if (button.dataset.part === "leave") myRoom.leave();
      else if (button.dataset.part === "open") card.open(model.rooms.get(id) ?? button.closest("li").item.item);
      else this.#delete(id, api, notices);
    });

    const form = byId("create-room");
    onSubmit(form, async (fields) => {
      const wish = {
        name: fields.get("name").trim() || null,
        gamemode: fields.get("gamemode").trim(),
        mapName: fields.get("mapName").trim() || null,
        maxPlayers: Number(fields.get("maxPlayers")),
        isPublic: fields.get("isPublic") !== null,
      };
      try {
        const { room } = await api.post("/api/rooms", wish);
        myRoom.host(room);
      } catch (fault) {
        if (!fault.existingRoomId || myRoom.id !== null) throw fault;
        myRoom.hostAgain(fault.existingRoomId); // left, but not gone yet: one that is private is in no list
        notices.say(t("You still have a room: you are in it again. Delete it to make another."));
        return;
      }
      form.reset();
      byId("create-room-fold").open = false;
    });
  }

  async #delete(id, api, notices) {
    const consequence = t("Everybody in it has to leave.");
    if (await confirm({ title: t("Delete this room?"), consequence, deed: t("Delete room") })) {
      notices.attempt(() => api.delete(`/api/rooms/${encodeURIComponent(id)}`));
    }
  }

  #draw() {
    const rooms = [...this.#model.rooms.values()];
    this.#drawModes(rooms);
    this.#withFriends = this.#friendRooms.rooms;
    const found = this.#filters.choose(rooms, this.#withFriends);
    const all = this.#order.arrange(new Map(found.map((room) => [room.id, room])));
    const rows = all.length > this.#most ? all.slice(0, this.#most) : all;
    this.#shown = rows.map(({ key }) => key);
    const { isOn } = this.#filters;
    setText(byId("rooms-count"), isOn ? `${found.length}/${rooms.length}` : String(rooms.length));
    setHidden(byId("rooms-none"), rooms.length > 0 || rows.length > 0 || !this.#model.isKnown);
    setHidden(byId("rooms-none-fit"), rooms.length === 0 || rows.length > 0);
    setHidden(byId("rooms-clear"), !isOn);
    setHidden(byId("rooms-loading"), this.#model.isKnown);
    syncList(this.#list, rows, {
      key: ({ key }) => key,
      comesBack: (id) => this.#model.rooms.has(id),
      make: () => fromTemplate("room-row"),
      update: (row, { item }) => (item === null ? this.#markGone(row) : this.#updateRow(row, item)),
    });
    if (!this.#order.isHeld) this.#fresh.clear();
    this.#most = rows.length < all.length ? this.#most + ROWS_AT_ONCE : Infinity;
    if (rows.length < all.length) this.#redraw();
  }

  #choose(changes, draw) {
    this.#filters.set(changes);
    this.#most = ROWS_AT_ONCE;
    draw();
  }

  #showChosen() {
    const { search, sort, notFull, friends } = this.#filters.chosen;
    this.#controls.search.value = search;
    this.#controls.sort.value = sort;
    this.#controls.notFull.checked = notFull;
    this.#controls.friends.checked = friends;
  }

  /** It is there for the eye until the pointer goes, and cannot be entered any more. */
  #markGone(row) {
    row.drawnState = "gone";
    row.classList.add("gone");
    for (const button of row.querySelectorAll("button")) button.disabled = true;
    setText(part(row, "age"), t("gone"));
  }

  #updateRow(row, room) {
    const isIn = this.#mine.id === room.id;
    const isBarred = this.#mine.barred.has(room.id);
    const hasFriends = this.#withFriends.has(room.id);
    const state = JSON.stringify([room, isIn, isBarred, hasFriends, this.#account.user?.username]);
    setText(part(row, "age"), ago(Date.parse(room.created_at)));
    if (this.#fresh.has(room.id)) row.classList.add("arrived");
    if (row.drawnState === state) return;
    row.drawnState = state;
    row.classList.remove("gone");
    row.dataset.id = room.id;
    setText(part(row, "name"), room.name ?? "");
    setHidden(part(row, "name"), !room.name);
    setText(part(row, "gamemode"), room.gamemode);
    setHidden(part(row, "friends"), !hasFriends);
    setText(part(row, "map"), room.map_name ?? "");
    const isHost = room.host_username === this.#account.user?.username;
    setText(part(row, "host"), isHost ? t("you") : room.host_username);
    setText(part(row, "players"), `${room.current_players}/${room.max_players}`);
    part(row, "players").setAttribute("aria-label", t("{players} of {places} players", { players: room.current_players, places: room.max_players }));
    row.classList.toggle("full", room.is_full);
    row.classList.toggle("mine", isIn);
    const { label, isOpen } = entrance(room, { isIn, isBarred });
    setText(part(row, "join"), label);
    row.classList.toggle("started", room.is_started ?? false);
    const named = t("{mode} by {name}", { mode: room.gamemode, name: room.host_username });
    for (const [name, isShown] of [["join", !isIn], ["leave", isIn], ["delete", isHost]]) {
      const button = part(row, name);
      setHidden(button, !isShown);
      button.disabled = name === "join" && !isOpen;
      button.setAttribute("aria-label", `${button.textContent} ${named}`);
    }
  }

  /** The modes that there are, most rooms first; the chosen one stays, also when its last room went. */
  #drawModes(rooms) {
    const counts = new Map();
    for (const room of rooms) counts.set(room.gamemode, (counts.get(room.gamemode) ?? 0) + 1);
    const { mode: chosen } = this.#filters.chosen;
    if (chosen !== "" && !counts.has(chosen)) counts.set(chosen, 0);
    const modes = [...counts].sort(([a, m], [b, n]) => n - m || a.localeCompare(b));
    const options = [["", t("All game modes")], ...modes.map(([mode, count]) => [`=${mode}`, `${mode} (${count})`])];
    syncList(this.#controls.mode, options, {
      key: ([value]) => value,
      make: () => document.createElement("option"),
      update: (option, [value, text]) => {
        option.value = value;
        setText(option, text);
      },
    });
    this.#controls.mode.value = chosen === "" ? "" : `=${chosen}`;
  }
}

/**
 * The list of rooms on the page: filters, arrivals, and the buttons of each row. Draws at most once a frame, and at once
 * when somebody chooses a filter.
 */
import { byId, onSubmit, onceAFrame, onceAfterAFrame, setHidden, setText, syncList } from "../base/dom.js";
import { t } from "../words/words.js";
import { deleteRoom } from "./room_deletion.js";
import { RoomFilters } from "./room_filters.js";
import { drawAge, drawRoomRow, makeRoomRow, markGone } from "./room_row.js";
import { RoomRows } from "./room_rows.js";
import { SteadyOrder } from "./steady_order.js";

const AGES_EVERY_MS = 30000;

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
  #shown = []; // ids, in the order of the rows
  #ordered = null; // all rooms, in the order that was chosen; null: to be put in order, and the modes counted
  #isScrolled = false; // to ask the list itself costs a layout
  #order;
  #rows = new RoomRows(this.#list, { make: makeRoomRow, draw: (row, room) => this.#drawRow(row, room) });
  #goOn = onceAfterAFrame(() => this.#draw());

  /** `api` deletes and creates, `myRoom` is the room that the user is in, `notices` hears of arrivals. */
  constructor({ model, myRoom, friendRooms, card, api, account, notices }) {
    this.#model = model;
    this.#friendRooms = friendRooms;
    this.#mine = myRoom;
    this.#account = account;
    const draw = onceAFrame(() => this.#draw());
    model.changed.connect(() => {
      this.#ordered = null;
      draw();
    });
    myRoom.changed.connect(draw);
    friendRooms.changed.connect(draw);
    model.failed.connect((fault) => notices.problem(fault.sentence));
    model.arrived.connect((rooms) => {
      for (const room of rooms) this.#fresh.add(room.id);
      const [{ gamemode: mode, host_username: name }] = rooms;
      notices.murmur(t("rooms.new", { count: rooms.length, mode, name }));
    });
    this.#order = new SteadyOrder(this.#list, { shown: () => this.#shown, released: draw });
    this.#offerFilters();
    account.loggedOut.connect(() => {
      this.#choose({ search: "" }); // the other filters are the device's
      this.#showChosen();
    });
    setInterval(() => {
      for (const row of this.#rows) drawAge(row);
    }, AGES_EVERY_MS);
    this.#list.addEventListener("scroll", () => (this.#isScrolled = this.#list.scrollTop > 0), { passive: true });
    this.#list.addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (button === null) return;
      const id = button.closest("li").dataset.id;
      if (button.dataset.part === "join") myRoom.join(id);
      else if (button.dataset.part === "leave") myRoom.leave();
      else if (button.dataset.part === "open") card.open(model.rooms.get(id) ?? button.closest("li").room);
      else deleteRoom(id, { myRoom, notices });
    });
    this.#offerCreation(api, notices);
  }

  #offerFilters() {
    const { search, mode, sort, notFull, friends } = this.#controls;
    search.addEventListener("input", () => this.#choose({ search: search.value }));
    mode.addEventListener("change", () => this.#choose({ mode: mode.value.slice(1) }));
    sort.addEventListener("change", () => this.#choose({ sort: sort.value }));
    notFull.addEventListener("change", () => this.#choose({ notFull: notFull.checked }));
    friends.addEventListener("change", () => this.#choose({ friends: friends.checked }));
    byId("rooms-clear").addEventListener("click", () => {
      this.#choose(this.#filters.cleared);
      this.#showChosen();
      search.focus();
    });
    this.#showChosen();
  }

  #offerCreation(api, notices) {
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
        this.#mine.host(room);
      } catch (fault) {
        if (!fault.existingRoomId || this.#mine.id !== null) throw fault;
        this.#mine.hostAgain(fault.existingRoomId); // left, but not gone yet: one that is private is in no list
        notices.say(t("rooms.create.still"));
        return;
      }
      form.reset();
      byId("create-room-fold").open = false;
    });
  }

  #draw(mostMs) {
    if (this.#ordered === null) {
      this.#ordered = this.#filters.order(this.#model.rooms.values());
      this.#drawModes(this.#ordered);
      this.#rows.forget((id) => this.#model.rooms.has(id));
    }
    this.#withFriends = this.#friendRooms.rooms;
    const found = this.#filters.choose(this.#ordered, this.#withFriends);
    const wanted = this.#order.arrange(found);
    this.#shown = wanted.map(({ key }) => key);
    const count = this.#ordered.length;
    const { isOn } = this.#filters;
    const { isKnown } = this.#model;
    setText(byId("rooms-count"), isKnown ? (isOn ? `${found.length}/${count}` : String(count)) : "");
    setHidden(byId("rooms-none"), count > 0 || wanted.length > 0 || !isKnown);
    setHidden(byId("rooms-none-fit"), count === 0 || wanted.length > 0);
    setHidden(byId("rooms-clear"), !isOn);
    setHidden(byId("rooms-loading"), isKnown);
    if (!this.#rows.settle(wanted, mostMs)) this.#goOn();
    else if (!this.#order.isHeld) this.#fresh.clear();
  }

  /** Somebody chose: they see it in this very frame. */
  #choose(changes) {
    this.#filters.set(changes);
    if ("sort" in changes || "mode" in changes) this.#ordered = null;
    this.#order.letGo();
    if (this.#isScrolled) this.#list.scrollTop = 0;
    this.#draw(0);
  }

  #showChosen() {
    const { search, sort, notFull, friends } = this.#filters.chosen;
    this.#controls.search.value = search;
    this.#controls.sort.value = sort;
    this.#controls.notFull.checked = notFull;
    this.#controls.friends.checked = friends;
  }

  #drawRow(row, room) {
    if (room === null) {
      markGone(row);
      return;
    }
    if (this.#fresh.has(room.id)) row.classList.add("arrived");
    drawRoomRow(row, room, {
      isIn: this.#mine.id === room.id,
      isBarred: this.#mine.barred.has(room.id),
      hasFriends: this.#withFriends.has(room.id),
      me: this.#account.user?.username,
    });
  }

  /** The modes that there are, most rooms first; the chosen one stays, also when its last room went. */
  #drawModes(rooms) {
    const counts = new Map();
    for (const room of rooms) counts.set(room.gamemode, (counts.get(room.gamemode) ?? 0) + 1);
    const { mode: chosen } = this.#filters.chosen;
    if (chosen !== "" && !counts.has(chosen)) counts.set(chosen, 0);
    const modes = [...counts].sort(([a, m], [b, n]) => n - m || a.localeCompare(b));
    const options = [["", t("rooms.filters.all_modes")], ...modes.map(([mode, count]) => [`=${mode}`, `${mode} (${count})`])];
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

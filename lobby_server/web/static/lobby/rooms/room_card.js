/**
 * The page of one room, in a dialog: what it is, a link to it, and the way in. Opened from the list, by a link
 * (`#room=…`, with a code or an id), or by a code that somebody typed.
 */
import { byId, onSubmit, onceAFrame, part, setHidden, setText } from "../base/dom.js";
import { ago } from "../words/moments.js";
import { entrance, gameOf } from "../words/room_words.js";
import { addressForAll, t } from "../words/words.js";

const LINK = /^#room=([\w-]+)$/;
const CODE = /^[A-Za-z0-9]{3}[- ]?[A-Za-z0-9]{3}$/;

/** The address that opens a room: what stands behind `room=` is its code or its id. */
export function linkTo(codeOrId) {
  return new URL(`#room=${codeOrId}`, addressForAll()).href;
}

/** Copy a link, or show it where the browser does not let a page copy. */
export async function copyLink(link, notices) {
  try {
    await navigator.clipboard.writeText(link);
    notices.say(t("room.link_copied"));
  } catch {
    notices.say(link);
  }
}

export class RoomCard {
  #dialog = byId("room-card");
  #api;
  #mine;
  #model;
  #notices;
  #shown = null; // the room as it was found; the list knows newer ones
  #key = ""; // for the link
  #isListed = false; // or has been
  #isGone = false;

  constructor({ api, myRoom, model, notices }) {
    this.#api = api;
    this.#mine = myRoom;
    this.#model = model;
    this.#notices = notices;
    const draw = onceAFrame(() => this.#dialog.open && this.#draw());
    model.changed.connect(draw);
    myRoom.changed.connect(draw);
    part(this.#dialog, "close").addEventListener("click", () => this.#dialog.close());
    part(this.#dialog, "copy").addEventListener("click", () => copyLink(linkTo(this.#key), notices));
    part(this.#dialog, "join").addEventListener("click", () => {
      this.#dialog.close();
      myRoom.join(this.#shown.id);
    });
    const form = byId("code-form");
    onSubmit(form, async (fields) => {
      const code = fields.get("code").trim();
      if (code === "") {
        form.elements.code.focus();
        return;
      }
      this.#show(await this.#find(code), code);
      form.reset();
    });
  }

  /** A row of the list was opened. */
  open(room) {
    this.#show(room, room.id);
  }

  /** Follow the link by which the page was opened, once somebody is logged in. */
  followLink() {
    const found = LINK.exec(location.hash);
    if (found === null) return;
    history.replaceState(null, "", location.href.split("#")[0]);
    this.#notices.attempt(async () => this.#show(await this.#find(found[1]), found[1]));
  }

  /** A code lets its user in; an id only shows. */
  #find(codeOrId) {
    const encoded = encodeURIComponent(codeOrId);
    return CODE.test(codeOrId) ? this.#api.post(`/api/codes/${encoded}`) : this.#api.get(`/api/rooms/${encoded}`);
  }

  #show(room, key) {
    this.#shown = room;
    this.#key = key;
    this.#isListed = this.#isGone = false;
    this.#draw();
    if (!this.#dialog.open) this.#dialog.showModal();
  }

  /** It is not in the list any more: it is private now, or there is none. */
  async #look() {
    const shown = this.#shown;
    this.#isListed = false;
    try {
      const room = await this.#api.get(`/api/rooms/${encodeURIComponent(shown.id)}`);
      if (this.#shown === shown) this.#shown = room;
    } catch (fault) {
      if (this.#shown === shown) this.#isGone = fault.code === "room_not_found"; // else it is not known
    }
    if (this.#dialog.open) this.#draw();
  }

  #draw() {
    const known = this.#model.rooms.get(this.#shown.id);
    if (known !== undefined) [this.#isListed, this.#isGone] = [true, false];
    else if (this.#isListed) this.#look();
    const room = (this.#shown = known ?? this.#shown);
    const isIn = this.#mine.id === room.id;
    const { label, isOpen } = entrance(room, { isIn, isGone: this.#isGone, isBarred: this.#mine.barred.has(room.id) });
    setText(byId("room-card-name"), room.name ?? gameOf(room.gamemode, room.map_name));
    setText(part(this.#dialog, "game"), gameOf(room.gamemode, room.map_name));
    setText(part(this.#dialog, "host"), room.host_username);
    setText(part(this.#dialog, "players"), t("rooms.card.players", { players: room.current_players, places: room.max_players }));
    setText(part(this.#dialog, "since"), ago(Date.parse(room.created_at)));
    const join = part(this.#dialog, "join");
    setText(join, label);
    join.disabled = !isOpen;
    setHidden(join, isIn);
    setHidden(part(this.#dialog, "inside"), !isIn);
  }
}

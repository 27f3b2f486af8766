/**
 * Which rooms of the list are shown, and in which order. What was chosen stays on this device.
 *
 * Rooms are put in order when they or the order have changed, and only looked through when a filter has: what a search
 * compares with is written once per room.
 */
import { ofDevice } from "../base/storage.js";
import { byNewest, ORDERS } from "./room_order.js";

const KEY = "lobby.rooms";
const NOTHING = { search: "", mode: "", sort: "newest", notFull: false, friends: false };

const searched = new WeakMap(); // room → all that a search looks at, in lower case

function searchedOf(room) {
  let text = searched.get(room);
  if (text === undefined) {
    text = `${room.name ?? ""}\n${room.gamemode}\n${room.map_name ?? ""}\n${room.host_username}`.toLowerCase();
    searched.set(room, text);
  }
  return text;
}

export class RoomFilters {
  chosen = { ...NOTHING, ...read() };

  /** Whether some rooms may be hidden. */
  get isOn() {
    const { search, mode, notFull, friends } = this.chosen;
    return search.trim() !== "" || mode !== "" || notFull || friends;
  }

  set(changes) {
    Object.assign(this.chosen, changes);
    const { search, ...kept } = this.chosen; // what is searched for is of the moment
    if (!("search" in changes) || Object.keys(changes).length > 1) ofDevice.set(KEY, JSON.stringify(kept));
  }

  /** What hides nothing; the order stays. */
  get cleared() {
    return { ...NOTHING, sort: this.chosen.sort };
  }

  /** All rooms, in the order that was chosen. */
  order(rooms) {
    return [...rooms].sort(ORDERS[this.chosen.sort] ?? byNewest);
  }

  /** Those of `rooms` to show. `friendRooms`: ids of rooms that friends are in. */
  choose(rooms, friendRooms) {
    const { mode, notFull, friends } = this.chosen;
    const wanted = this.chosen.search.trim().toLowerCase();
    return rooms.filter(
      (room) =>
        (mode === "" || room.gamemode === mode) &&
        !(notFull && (room.is_full || room.is_started)) &&
        (!friends || friendRooms.has(room.id)) &&
        (wanted === "" || searchedOf(room).includes(wanted)),
    );
  }
}

function read() {
  try {
    const kept = JSON.parse(ofDevice.get(KEY)) ?? {};
    return Object.fromEntries(Object.entries(kept).filter(([name, value]) => typeof value === typeof NOTHING[name]));
  } catch {
    return {}; // somebody else wrote there
  }
}

/**
 * Which rooms of the list are shown, and in which order. What was chosen stays on this device.
 *
 * `choose` looks at every room once and sorts what is left: a list of 500 rooms is no work.
 */
const KEY = "lobby.rooms";
const NOTHING = { search: "", mode: "", sort: "newest", notFull: false, friends: false };
const collator = new Intl.Collator(undefined, { sensitivity: "base", numeric: true });

const byNewest = (a, b) => (a.created_at < b.created_at ? 1 : a.created_at > b.created_at ? -1 : 0);
const nameOf = (room) => room.name ?? room.gamemode;
const ORDERS = {
  newest: byNewest,
  players: (a, b) => b.current_players - a.current_players || byNewest(a, b),
  name: (a, b) => collator.compare(nameOf(a), nameOf(b)) || byNewest(a, b),
};

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
    localStorage.setItem(KEY, JSON.stringify(kept));
  }

  clear() {
    const { sort } = this.chosen;
    this.set({ ...NOTHING, sort });
  }

  /** The rooms to show, in their order. `friendRooms`: ids of rooms that friends are in. */
  choose(rooms, friendRooms) {
    const { mode, sort, notFull, friends } = this.chosen;
    const wanted = this.chosen.search.trim().toLowerCase();
    const found = [];
    for (const room of rooms) {
      if (mode !== "" && room.gamemode !== mode) continue;
      if (notFull && (room.is_full || room.is_started)) continue;
      if (friends && !friendRooms.has(room.id)) continue;
      if (wanted !== "" && !`${room.name ?? ""}\n${room.gamemode}\n${room.map_name ?? ""}\n${room.host_username}`.toLowerCase().includes(wanted)) continue;
      found.push(room);
    }
    return found.sort(ORDERS[sort] ?? byNewest);
  }
}

function read() {
  try {
    const kept = JSON.parse(localStorage.getItem(KEY)) ?? {};
    return Object.fromEntries(Object.entries(kept).filter(([name, value]) => typeof value === typeof NOTHING[name]));
  } catch {
    return {}; // somebody else wrote there
  }
}

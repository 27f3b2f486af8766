/** The order of the list of rooms as the server has it, and as a reader may choose it. */
const collator = new Intl.Collator(undefined, { sensitivity: "base", numeric: true });
const nameOf = (room) => room.name ?? room.gamemode;

/** The order of the server: by when they were made; of one moment, by id. */
export const byPlace = (a, b) => byNewest(a, b) || compare(b.id, a.id);

/** Of rooms that stand in the order of the server. */
export const byNewest = (a, b) => compare(b.created_at, a.created_at);

export const ORDERS = {
  newest: byNewest,
  players: (a, b) => b.current_players - a.current_players || byNewest(a, b),
  name: (a, b) => collator.compare(nameOf(a), nameOf(b)) || byNewest(a, b),
};

const compare = (one, other) => (one < other ? -1 : one > other ? 1 : 0);

/** What is said of a room wherever it is shown: its name, and whether one can enter it. */
import { apart, t } from "./words.js";

/** `duel on Harbour`. */
export function gameOf(gamemode, mapName) {
  return mapName ? t("rooms.game", { mode: gamemode, map: mapName }) : gamemode;
}

/** `Friday night · duel on Harbour`, or the latter alone. */
export function titleOf({ name, gamemode, mapName }) {
  const game = gameOf(gamemode, mapName);
  return name ? `${apart(name)} · ${game}` : game;
}

/** The label of the button that enters a room of the list, and whether it does: full, started and banned have words. */
export function entrance(room, { isIn = false, isBarred = false } = {}) {
  const [label, isOpen] = isBarred
    ? [t("rooms.entrance.banned"), false]
    : room.is_started && !isIn
      ? [t("rooms.entrance.started"), false]
      : room.is_full && !isIn
        ? [t("rooms.entrance.full"), false]
        : [t("common.join"), true];
  return { label, isOpen };
}

/** A code as people read it aloud: `H7K-2QX`. */
export const spelled = (code) => `${code.slice(0, 3)}-${code.slice(3)}`;

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

/** The label of the button that enters a room of the list, and whether it does: what shuts a room has words. */
export function entrance(room, { isIn = false, isBarred = false, isGone = false } = {}) {
  if (isGone) return { label: t("rooms.entrance.gone"), isOpen: false };
  if (isBarred) return { label: t("rooms.entrance.banned"), isOpen: false };
  if (room.is_started && !isIn) return { label: t("rooms.entrance.started"), isOpen: false };
  if (room.is_full && !isIn) return { label: t("rooms.entrance.full"), isOpen: false };
  return { label: t("common.join"), isOpen: true };
}

/** A code as people read it aloud: `H7K-2QX`. */
export const spelled = (code) => `${code.slice(0, 3)}-${code.slice(3)}`;

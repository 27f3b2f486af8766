/** One row of the list of rooms. It is written only when what it shows has become something else. */
import { fromTemplate, partsOf, setHidden, setText } from "../base/dom.js";
import { ago } from "../words/moments.js";
import { entrance } from "../words/room_words.js";
import { t } from "../words/words.js";

export function makeRoomRow() {
  const row = fromTemplate("room-row");
  row.parts = partsOf(row);
  row.addEventListener("animationend", () => row.classList.remove("arrived")); // or it would arrive again behind a filter
  return row;
}

/** `view`: {isIn, isBarred, hasFriends, me}. Returns whether anything had to be written. */
export function drawRoomRow(row, room, view) {
  if (row.room === room && row.view !== null && isSame(row.view, view)) return false;
  row.room = room;
  row.view = view;
  const { isIn, isBarred, hasFriends, me } = view;
  const { parts } = row;
  row.classList.remove("gone");
  setText(parts.name, room.name ?? "");
  setHidden(parts.name, !room.name);
  setText(parts.gamemode, room.gamemode);
  setHidden(parts.friends, !hasFriends);
  setText(parts.map, room.map_name ?? "");
  const isHost = room.host_username === me;
  setText(parts.host, isHost ? t("rooms.row.you") : room.host_username);
  setText(parts.players, `${room.current_players}/${room.max_players}`);
  parts.players.setAttribute("aria-label", t("rooms.row.players", { players: room.current_players, places: room.max_players }));
  row.classList.toggle("full", room.is_full);
  row.classList.toggle("mine", isIn);
  row.classList.toggle("started", room.is_started ?? false);
  const { label, isOpen } = entrance(room, { isIn, isBarred });
  setText(parts.join, label);
  const named = t("rooms.row.label", { mode: room.gamemode, name: room.host_username });
  for (const [name, isShown] of [["join", !isIn], ["leave", isIn], ["delete", isHost]]) {
    const button = parts[name];
    setHidden(button, !isShown);
    button.disabled = name === "join" && !isOpen;
    button.setAttribute("aria-label", `${button.textContent} ${named}`);
  }
  parts.open.disabled = false;
  drawAge(row);
  return true;
}

/** The room is gone. It is there for the eye until the pointer goes, and cannot be entered any more. */
export function markGone(row) {
  if (row.view === null) return false;
  row.view = null;
  row.classList.add("gone");
  for (const button of row.querySelectorAll("button")) button.disabled = true;
  setText(row.parts.age, t("rooms.row.gone"));
  return true;
}

export function drawAge(row) {
  if (row.view !== null) setText(row.parts.age, ago(Date.parse(row.room.created_at)));
}

function isSame(one, other) {
  for (const name in one) if (one[name] !== other[name]) return false;
  return true;
}

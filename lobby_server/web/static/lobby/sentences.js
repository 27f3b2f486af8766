/** What a person is told. Codes are for programs; nothing on the page shows one. */
import { t } from "./words.js";

const REASONS = {
  room_not_found: "This room is not there any more.",
  room_full: "This room is full.",
  version_mismatch: "This room plays another version of the game.",
  no_room_found: "You have no room to host; create one first.",
  not_in_room: "You are not in a room.",
  not_host: "Only the host can do that.",
  already_started: "The game in this room has started; nobody new can join.",
  banned: "The host has banned you from this room.",
  invitation_required: "This room is private: somebody in it has to invite you.",
  invalid_target: "That does not work with this player.",
  invalid_join_room: "This room could not be joined.",
  invalid_chat_message: "That message was empty.",
  invalid_channel: "This conversation does not exist.",
  user_not_found: "There is no player of that name.",
  not_in_party: "You are not in that party.",
  blocked_by_you: "You have blocked this player; unblock them first.",
  rate_limited: "That was too much at once; wait a moment.",
  try_again_later: "The server cannot do that at the moment; try again in a few seconds.",
  room_closed: "The host has deleted the room.",
  host_kick: "The host kicked you from the room.",
};

/** An error that the socket told of. */
export function reasonSentence(reason) {
  return reason in REASONS ? t(REASONS[reason]) : t("The server could not do that.");
}

/** Why a handshake was refused. */
export function refusalSentence(reason) {
  if (reason === "invalid_token") return t("Your login has ended. Please log in again.");
  if (reason === "admin_required") return t("This login is valid, but not an administrator's.");
  return t("The server did not accept this login. Please log in again.");
}

const CLOSES = {
  1001: "The server restarts.",
  1006: "The connection to the server was lost.",
  1009: "A message was too big for the server.",
  1011: "The server made a mistake.",
  1012: "The server restarts.",
  4001: "The login took too long.",
  4002: "This page could not keep up with the server.",
  4003: "This page sent too much at once.",
  4004: "The server heard nothing from this page for too long.",
  4501: "The server did not understand this page. Reload it.",
  4502: "You are logged out.",
};

/** Why a connection ended. */
export function closeSentence(code, reason = "") {
  const why = reason.replace(/^(kicked|banned): /, "");
  if (code === 4502 && reason.startsWith("kicked: ")) return t("An administrator has kicked you. Reason: {why}", { why });
  if (code === 4503) return t("You are banned from this lobby. Reason: {why}", { why });
  if (code === 4502 && reason.includes("expired")) return t("Your login has ended. Please log in again.");
  return t(CLOSES[code] ?? CLOSES[1006]);
}

export const AWAY = t("The server does not answer. Please try again in a moment.");

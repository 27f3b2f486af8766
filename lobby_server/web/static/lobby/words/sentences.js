/** What a person is told. Codes are for programs; nothing on the page shows one. */
import { dateAndTimeOf } from "./moments.js";
import { said, t } from "./words.js";

const REASONS = {
  room_not_found: "reason.room_not_found",
  room_full: "reason.room_full",
  version_mismatch: "reason.version_mismatch",
  no_room_found: "reason.no_room_found",
  not_in_room: "reason.not_in_room",
  not_host: "reason.not_host",
  already_started: "reason.already_started",
  banned: "reason.banned",
  invitation_required: "reason.invitation_required",
  invalid_target: "reason.invalid_target",
  invalid_join_room: "reason.invalid_join_room",
  invalid_chat_message: "reason.invalid_chat_message",
  invalid_channel: "reason.invalid_channel",
  user_not_found: "reason.user_not_found",
  not_in_party: "reason.not_in_party",
  blocked_by_you: "reason.blocked_by_you",
  rate_limited: "reason.rate_limited",
  try_again_later: "reason.try_again_later",
  room_closed: "room.closed",
  host_kick: "room.kicked",
};

/** An error that the socket told of. */
export function reasonSentence(reason) {
  return reason in REASONS ? t(REASONS[reason]) : t("reason.unknown");
}

/** Why a handshake was refused. `detail`: the server's own sentence, where it has one. */
export function refusalSentence(reason, detail = "") {
  if (BANNED.test(detail)) return bannedSentence(detail);
  if (reason === "invalid_token") return t("door.ended");
  if (reason === "admin_required") return t("door.admin_required");
  return t("door.refused");
}

const CLOSES = {
  1001: "close.restarts",
  1006: "close.lost",
  1009: "close.too_big",
  1011: "close.failed",
  1012: "close.restarts",
  4001: "close.late",
  4002: "close.slow",
  4003: "close.too_much",
  4004: "close.silent",
  4501: "close.not_understood",
  4502: "door.logged_out",
};

/** Why a connection ended. */
export function closeSentence(code, reason = "") {
  if (code === 4502 && reason.startsWith("kicked: ")) return t("door.kicked", { why: reason.replace("kicked: ", "") });
  if (code === 4503) return sentenceOfBan(BANNED_NOW.exec(reason)?.groups ?? { why: reason });
  if (code === 4502 && reason.includes("expired")) return t("door.ended");
  return t(CLOSES[code] ?? CLOSES[1006]);
}

const BANNED_NOW = /^banned(?: until (?<day>[\d-]+) (?<time>[\d:]+) UTC)?: (?<why>.*)$/s;
const BANNED = /^You are banned from this lobby(?: until (?<day>[\d-]+) (?<time>[\d:]+) UTC)?\. Reason: (?<why>.*)$/s;

/** What the server says to a user whom an administrator has banned, in the reader's language and time. */
export function bannedSentence(sentence) {
  const ban = BANNED.exec(sentence)?.groups;
  return ban === undefined ? said(sentence) : sentenceOfBan(ban);
}

function sentenceOfBan({ day, time, why }) {
  if (day === undefined) return t("door.banned", { why });
  const when = dateAndTimeOf(`${day}T${time}Z`);
  return t("door.banned_until", { when, why });
}

export const AWAY = t("reason.away");

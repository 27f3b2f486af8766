/** The text of a notification in the reader's language: the server keeps it in English, in one of these forms. */
import { t } from "./words.js";

const FORMS = [
  [/^(?<name>\S+) would like to be your friend\.$/, "{name} would like to be your friend."],
  [/^(?<name>\S+) is your friend now\.$/, "{name} is your friend now."],
  [/^(?<name>\S+) invites you to a party\.$/, "{name} invites you to a party."],
  [/^(?<name>\S+) invites you to play (?<mode>.*) in room (?<room>\S+)\.$/s, "{name} invites you to play {mode} in room {room}."],
];

export function bodyOf({ body }) {
  for (const [form, sentence] of FORMS) {
    const found = form.exec(body);
    if (found !== null) return t(sentence, found.groups);
  }
  return body; // what somebody wrote
}

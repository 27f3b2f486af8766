/** A notification in the reader's language: the server keeps it in English, in one of these forms. */
import { t } from "./words.js";

const TITLES = [
  [/^Friend request$/, "Friend request"],
  [/^Match invitation$/, "Match invitation"],
  [/^Message from (?<name>.+)$/, "Message from {name}"],
  [/^New friend$/, "New friend"],
  [/^Party invitation$/, "Party invitation"],
];
const FORMS = [
  [/^(?<name>.+) would like to be your friend\.$/, "{name} would like to be your friend."],
  [/^(?<name>.+) is your friend now\.$/, "{name} is your friend now."],
  [/^(?<name>.+) invites you to a party\.$/, "{name} invites you to a party."],
  [/^(?<name>.+) invites you to play (?<mode>.*) in room (?<room>\S+)\.$/s, "{name} invites you to play {mode} in room {room}."],
];

export const titleOf = ({ title }) => inWords(title, TITLES);
/** What somebody wrote stays as it is. */
export const bodyOf = ({ kind, body }) => (kind === "direct_message" ? body : inWords(body, FORMS));

function inWords(text, forms) {
  for (const [form, sentence] of forms) {
    const found = form.exec(text);
    if (found !== null) return t(sentence, found.groups);
  }
  return text;
}

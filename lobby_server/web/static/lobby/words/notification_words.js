/** A notification in the reader's language: the server keeps it in English, in one of these forms. */
import { t } from "./words.js";

const TITLES = [
  [/^Friend request$/, "notifications.friend_request"],
  [/^Match invitation$/, "notifications.match_invite"],
  [/^Message from (?<name>.+)$/, "notifications.message"],
  [/^New friend$/, "notifications.new_friend"],
  [/^Party invitation$/, "notifications.party_invite"],
];
const BODIES = [
  [/^(?<name>.+) would like to be your friend\.$/, "notifications.friend_request.body"],
  [/^(?<name>.+) is your friend now\.$/, "notifications.new_friend.body"],
  [/^(?<name>.+) invites you to a party\.$/, "notifications.party_invite.body"],
  [/^(?<name>.+) invites you to play (?<mode>.*) in room (?<room>\S+)\.$/s, "notifications.match_invite.body"],
];

export const titleOf = ({ title }) => inWords(title, TITLES);
/** What somebody wrote stays as it is. */
export const bodyOf = ({ kind, body }) => (kind === "direct_message" ? body : inWords(body, BODIES));

function inWords(text, forms) {
  for (const [form, key] of forms) {
    const found = form.exec(text);
    if (found !== null) return t(key, found.groups);
  }
  return text;
}

/**
 * English for players, of sentences that the server says to programs as well: those name fields and types, which nobody
 * sees on a page. What is not here is said as the server says it. The pages' own sentences are English already.
 */
export const WORDS = {
  "A gamemode has at most 64 characters.": "A game mode has 1 to 64 characters.",
  "A gamemode is needed, as text.": "Enter a game mode.",
  "A mapName is text of at most 64 characters.": "The name of a map has at most 64 characters.",
  "A name is text of at most 64 characters.": "The name of a room has at most 64 characters.",
  "A password is needed, as text.": "Enter a password.",
  "A reason is needed, as text of at most 200 characters.": "Enter a reason of at most 200 characters.",
  "A username is needed, as text.": "Enter a username.",
  "The token does not hold.": "This login is not valid any more.",
  "The token of a reset link is needed, as text.": "The link to a new password is not complete.",
  "The token of the link in the mail is needed, as text.": "The link of the mail is not complete.",
  "There is no such channel: lobby, party, or user: and an id.": "There is no such conversation.",
  "There is nobody of that name or id here.": "There is no player of that name.",
  "You have blocked this user; lift that first.": "You have blocked this player; unblock them first.",
  "Your password as it is now is needed, as text.": "Enter your current password.",
  "Your password is needed, as text.": "Enter your password.",
  "body is text of at most 2000 characters.": "The text has at most 2000 characters.",
  "ends_in_s is a whole number of seconds, from 1 to 315360000.": "The end is more than 0 hours and at most ten years away.",
  "maxPlayers is a whole number from 2 to 64.": "A room has places for 2 to 64 players.",
  "title is text of at most 100 characters.": "Enter a headline of at most 100 characters.",
  "to_username is text of at most 64 characters.": "Enter the name of a player.",
  "username is text of at most 64 characters.": "Enter the name of a player.",
};

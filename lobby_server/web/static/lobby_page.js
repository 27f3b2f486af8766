/**
 * The lobby page: everything is made here, once, and connected to everything that it needs.
 *
 * In the address: `?features=none` speaks the base protocol (or names features, comma separated), `?reconnect=fixed` comes
 * back every 5 s as the first client did, `?version=…` is the version of the game.
 */
import { Account } from "./lobby/account/account.js";
import { AccountDialog } from "./lobby/account/account_dialog.js";
import { AccountSettings } from "./lobby/account/account_settings.js";
import { AccountView } from "./lobby/account/account_view.js";
import { byId, setText } from "./lobby/base/dom.js";
import { focusHeading } from "./lobby/base/focus.js";
import { Attention } from "./lobby/frame/attention.js";
import { ConnectionView } from "./lobby/frame/connection_view.js";
import { offerLanguages } from "./lobby/frame/language_choice.js";
import { Notices } from "./lobby/frame/notices.js";
import { MyRoom } from "./lobby/rooms/my_room.js";
import { MyRoomHost } from "./lobby/rooms/my_room_host.js";
import { MyRoomView } from "./lobby/rooms/my_room_view.js";
import { RoomCard } from "./lobby/rooms/room_card.js";
import { RoomInvites } from "./lobby/rooms/room_invites.js";
import { RoomInvitesView } from "./lobby/rooms/room_invites_view.js";
import { RoomList } from "./lobby/rooms/room_list.js";
import { RoomListView } from "./lobby/rooms/room_list_view.js";
import { RoomUnread } from "./lobby/rooms/room_unread.js";
import { Api } from "./lobby/server/api.js";
import { Connection } from "./lobby/server/connection.js";
import { BrowserNotifications } from "./lobby/social/browser_notifications.js";
import { Chat } from "./lobby/social/chat.js";
import { ChatView } from "./lobby/social/chat_view.js";
import { FriendRooms } from "./lobby/social/friend_rooms.js";
import { Friends } from "./lobby/social/friends.js";
import { FriendsView } from "./lobby/social/friends_view.js";
import { HiddenLines } from "./lobby/social/hidden_lines.js";
import { Mutes } from "./lobby/social/mutes.js";
import { Notifications } from "./lobby/social/notifications.js";
import { Party } from "./lobby/social/party.js";
import { PartyView } from "./lobby/social/party_view.js";
import { People } from "./lobby/social/people.js";
import { Presence } from "./lobby/social/presence.js";
import { ReportDialog } from "./lobby/social/report_dialog.js";
import { showDoor } from "./lobby/words/opening.js";
import { reasonSentence } from "./lobby/words/sentences.js";
import { t } from "./lobby/words/words.js";

const VERSION = "13020";
const FEATURES = ["rooms_delta", "presence_batch", "room_state", "friend_rooms", "own_changes", "drain", "refresh", "ack"];

const RENEW_TRIES = 5;
const RENEW_PAUSE_MS = 10000;

offerLanguages();

const asked = new URLSearchParams(location.search);
const features = asked.get("features")?.split(",").filter((name) => name !== "none") ?? FEATURES;

const notices = new Notices();
const api = new Api();
const account = new Account(api);
const connection = new Connection({
  url: new URL("ws", location.href).href.replace(/^http/, "ws"),
  version: asked.get("version") ?? VERSION,
  features,
  policy: asked.get("reconnect") ?? "jitter",
});

const rooms = new RoomList(connection, api);
const myRoom = new MyRoom(connection, account, api);
const presence = new Presence(connection, api);
const friends = new Friends(connection, api, presence);
const friendRooms = new FriendRooms(connection, api);
const party = new Party(connection, api, account);
const mutes = new Mutes(account);
const hidden = new HiddenLines({ mutes, friends });
const chat = new Chat(connection, api, account, hidden);
const attention = new Attention({ account, checkbox: byId("sounds") });
chat.changed.connect(() => attention.count("chat", chat.unreadOfMine));
const roomUnread = new RoomUnread({ room: myRoom, account, hidden });
roomUnread.changed.connect((unread) => {
  attention.count("room", unread);
  setText(byId("view-rooms-unread"), unread ? ` (${unread})` : "");
});
myRoom.started.connect(() => attention.call());

const people = new People({ presence, friends, friendRooms, rooms, mutes, api, account, notices });
const reports = new ReportDialog({ api, myRoom, notices });
people.onReport((username) => reports.open(username));
const invites = new RoomInvites({ connection, api, friends });
const notifications = new Notifications({
  connection, api, notices, invites,
  joinRoom: (id) => invitesView.join(id),
  counted: (unread) => attention.count("notifications", unread),
});
const invitesView = new RoomInvitesView({ invites, api, notifications, myRoom, notices });
friends.blocked.connect(() => {
  if (!connection.isConnected) return; // all of it is fetched once it is
  notifications.beginAgain();
  party.refresh();
});
new ConnectionView(connection);
const card = new RoomCard({ api, myRoom, model: rooms, notices });
new RoomListView({ model: rooms, myRoom, friendRooms, card, api, account, notices });
new MyRoomView({ room: myRoom, people, party, hidden, api, notices });
new MyRoomHost({ room: myRoom, api, notices });
new FriendsView({ friends, friendRooms, rooms, people, notices });
new PartyView({ party, people, account, notices, notifications });
new ChatView({ chat, party, people, hidden, account, notices });
const accountSettings = new AccountSettings({ connection, api, notices });
const accountDialog = new AccountDialog({ api, account, settings: accountSettings, notices });
const accountView = new AccountView({ account, notices });
new BrowserNotifications({
  connection, chat, myRoom, friends, hidden, account,
  openChat: (channel) => {
    look("chat");
    notices.attempt(() => chat.open(channel));
  },
});

people.offer(({ id, username, roomId }) => {
  const deeds = [];
  if (id !== null) deeds.push([t("people.write"), () => notices.attempt(() => talkTo(id, username))]);
  if (roomId !== null && roomId !== myRoom.id) deeds.push([t("people.join"), () => myRoom.join(roomId)]);
  deeds.push([t("people.invite.party"), () => notices.attempt(() => party.invite(username), t("party.invite.done", { name: username }))]);
  if (myRoom.id !== null) {
    deeds.push([t("people.invite.room"), () => notices.attempt(() => myRoom.invite(username), t("room.invite.done", { name: username }))]);
  }
  return deeds;
});

function talkTo(id, username) {
  look("chat");
  byId("chat-form").elements.text.focus();
  return chat.openWith(id, username);
}

// -- who is logged in is connected, and nobody else ----------------------------------------------------------------

account.loggedIn.connect(() => connection.connect(account.token, account.user.username));
account.loggedOut.connect(() => {
  connection.disconnect();
  notices.forgetAll();
  for (const part of [rooms, myRoom, presence, friends, friendRooms, party, chat, notifications, invites, people, accountDialog]) part.clear();
  look("rooms");
});
connection.established.connect(() => card.followLink());
addEventListener("hashchange", () => connection.isConnected && card.followLink());
connection.refused.connect((sentence) => account.forget(sentence));
connection.unsent.connect(() => notices.problem(t("page.unsent")));
connection.message.connect(async (type, data) => {
  if (type === "error") {
    if (!myRoom.takesError(data.reason)) notices.problem(reasonSentence(data.reason));
    chat.takesError(data.reason);
  }
  if (type === "token_expiring") await renew();
});
myRoom.changed.connect(people.refresh);
myRoom.entered.connect(() => look("rooms"));
for (const part of [rooms, myRoom]) part.changed.connect(() => myRoom.listIs(rooms.rooms)); // whichever is told first

/** A fresher token before this one ends: it was told of once, so a server that is away for a moment is asked again. */
async function renew() {
  const { user } = account;
  for (let tries = 0; tries < RENEW_TRIES && account.user === user; tries += 1) {
    try {
      connection.renew(await account.refresh());
      return;
    } catch {
      await new Promise((done) => setTimeout(done, RENEW_PAUSE_MS));
    }
  }
}

// Of what users do about friends and parties, their other windows are told the answers and ends, but not of a request or an
// invitation that is sent, nor of a party that is made: that is looked up when they come back to one.
const lookAgain = () => {
  if (document.hidden || !connection.isConnected) return;
  friends.refresh();
  party.refresh();
};
document.addEventListener("visibilitychange", lookAgain);
addEventListener("focus", lookAgain);

// -- one part at a time on a small screen --------------------------------------------------------------------------

function look(view) {
  byId("inside").dataset.view = view;
  for (const button of document.querySelectorAll("#views button")) {
    button.setAttribute("aria-pressed", String(button.dataset.view === view));
  }
  roomUnread.look();
}

byId("skips").addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button === null) return;
  const { skip: view } = button.dataset;
  look(view);
  focusHeading([...document.querySelectorAll(`.column.${view} h2`)].find((heading) => heading.checkVisibility()));
});
byId("views").addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button !== null) look(button.dataset.view);
});
look("rooms");
if (!accountView.isResetting) account.resume();
showDoor();

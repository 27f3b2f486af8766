/**
 * Invitations into rooms: asked about while they stand, and while their senders are heard. One that ended while the connection
 * was lost is known by its notification, which the server counts as read then. Read otherwise, it stands.
 */
import { t } from "../words/words.js";

export class RoomInvites {
  #asked = new Map(); // id of a room that is asked about → id of who invites into it
  #isBack = false; // connected again, and not told yet what has ended meanwhile
  #api;
  #notifications;
  #myRoom;
  #notices;

  constructor({ connection, api, friends, notifications, myRoom, notices }) {
    this.#api = api;
    this.#notifications = notifications;
    this.#myRoom = myRoom;
    this.#notices = notices;
    connection.message.connect((type, data) => {
      if (type === "match_invite") this.#ask(data);
      if (type === "match_invite_closed") this.#forget(data.room_id);
    });
    friends.blocked.connect(() => {
      for (const [roomId, senderId] of this.#asked) if (friends.isBlocked(senderId)) this.#forget(roomId);
    });
    connection.established.connect(() => (this.#isBack = true));
    notifications.told.connect((waited) => {
      const isBack = this.#isBack;
      this.#isBack = false;
      if (!isBack) return; // what ends now is told
      for (const roomId of this.#asked.keys()) {
        if (waited(roomId) && notifications.invitesInto(roomId) === false) this.#forget(roomId);
      }
    });
  }

  clear() {
    this.#asked.clear();
  }

  #ask({ room_id: id, from_user_id: senderId, from_username: name, gamemode }) {
    this.#asked.set(id, senderId);
    const address = `/api/rooms/${encodeURIComponent(id)}/invites/decline`;
    this.#notices.ask({
      key: keyOf(id),
      sentence: t("room.invited", { name, mode: gamemode }),
      answers: [
        [t("common.join"), () => this.#answer(id, () => this.#myRoom.join(id))],
        [t("party.invited.later"), () => this.#answer(id, () => {})],
        [t("common.decline"), () => this.#notices.attempt(() => this.#api.post(address))],
      ],
    });
  }

  /** Answered here, its notification is read. */
  #answer(id, act) {
    this.#asked.delete(id);
    this.#notifications.read((item) => item.room_id === id);
    act();
  }

  #forget(id) {
    this.#asked.delete(id);
    this.#notices.forget(keyOf(id));
  }
}

/** Of the question, for `Notices`. */
export const keyOf = (roomId) => `room ${roomId}`;

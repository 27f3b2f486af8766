/** Invitations into rooms: asked about while they stand, and while their senders are heard. */
import { t } from "../words/words.js";

export class RoomInvites {
  #senders = new Map(); // id of a room that is asked about → id of the user who invites
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
      for (const [roomId, senderId] of this.#senders) if (friends.isBlocked(senderId)) this.#forget(roomId);
    });
  }

  clear() {
    this.#senders.clear();
  }

  #ask({ room_id: id, from_user_id: senderId, from_username: name, gamemode }) {
    this.#senders.set(id, senderId);
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
    this.#notifications.read((item) => item.room_id === id);
    act();
  }

  #forget(id) {
    this.#senders.delete(id);
    this.#notices.forget(keyOf(id));
  }
}

/** Of the question, for `Notices`. */
export const keyOf = (roomId) => `room ${roomId}`;

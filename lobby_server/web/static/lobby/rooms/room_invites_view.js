/** Questions about the rooms that the user is invited into: they stand until they are answered, or the invitation is over. */
import { t } from "../words/words.js";

export class RoomInvitesView {
  #asked = new Set(); // ids of rooms
  #answered = new Set(); // ids of rooms whose invitation stands, and is not asked about again
  #invites;
  #api;
  #notifications;
  #myRoom;
  #notices;

  constructor({ invites, api, notifications, myRoom, notices }) {
    this.#invites = invites;
    this.#api = api;
    this.#notifications = notifications;
    this.#myRoom = myRoom;
    this.#notices = notices;
    invites.invited.connect(({ room_id: id }) => {
      this.#answered.delete(id); // asked anew
      this.#draw();
    });
    invites.changed.connect(() => this.#draw());
  }

  /** From a notification: as by the question. */
  join(id) {
    this.#notices.forget(keyOf(id));
    this.#asked.delete(id);
    if (this.#myRoom.join(id)) this.#answer(id);
    this.#draw();
  }

  #draw() {
    const { standing } = this.#invites;
    for (const id of this.#answered) if (!standing.has(id)) this.#answered.delete(id);
    for (const id of this.#asked) {
      if (standing.has(id)) continue;
      this.#asked.delete(id);
      this.#notices.forget(keyOf(id));
    }
    for (const [id, invite] of standing) if (!this.#answered.has(id)) this.#ask(id, invite);
  }

  #ask(id, { from_username: name, gamemode: mode }) {
    this.#asked.add(id);
    this.#notices.ask({
      key: keyOf(id),
      sentence: t("room.invited", { name, mode }),
      answers: [
        [t("common.join"), () => this.join(id)],
        [t("party.invited.later"), () => this.#answer(id)],
        [t("common.decline"), () => this.#decline(id)],
      ],
    });
  }

  /** Answered here, its notification is read. */
  #answer(id) {
    this.#asked.delete(id);
    this.#answered.add(id);
    this.#notifications.read((item) => item.room_id === id);
  }

  async #decline(id) {
    this.#asked.delete(id);
    this.#answered.add(id);
    const address = `/api/rooms/${encodeURIComponent(id)}/invites/decline`;
    if (await this.#notices.attempt(() => this.#api.post(address))) return; // its end is told
    this.#answered.delete(id);
    this.#draw();
    this.#invites.refresh();
  }
}

const keyOf = (roomId) => `room ${roomId}`; // of the question, for `Notices`

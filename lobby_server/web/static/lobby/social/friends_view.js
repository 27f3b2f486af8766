/** Friends, requests and blocked players on the page. */
import { byId, fromTemplate, onSubmit, onceAFrame, part, setHidden, setText, syncList } from "../base/dom.js";
import { t } from "../words/words.js";

export class FriendsView {
  #friends;
  #people;
  #notices;
  #asked = new Map(); // id of a request that is asked about → {senderId, isListed}

  constructor({ friends, friendRooms, rooms, people, notices }) {
    this.#friends = friends;
    this.#people = people;
    this.#notices = notices;
    const draw = onceAFrame(() => this.#draw());
    for (const part of [friends, friendRooms]) part.changed.connect(draw);
    friends.changed.connect(() => this.#forgetUnlisted());
    rooms.changed.connect(() => friendRooms.roomOf.size > 0 && draw()); // the room that one of them is in may have a name now
    friends.asked.connect(({ request_id: id, from_user_id: senderId, from_username: name }) => {
      this.#asked.set(id, { senderId, isListed: false });
      notices.ask({
        key: `friend ${id}`,
        sentence: t("friends.requests.asked", { name }),
        answers: [
          [t("common.accept"), () => notices.attempt(() => friends.accept(id), t("friends.add.accepted", { name }))],
          [t("common.decline"), () => notices.attempt(() => friends.decline(id))],
        ],
      });
    });
    friends.closed.connect((closed) => this.#forget(closed));
    friends.blocked.connect(() => {
      for (const [id, { senderId }] of this.#asked) if (friends.isBlocked(senderId)) this.#drop(id); // also one that no list has had
    });
    const form = byId("friend-form");
    onSubmit(form, async (fields) => {
      await people.askFriend(fields.get("username").trim());
      form.reset();
    });
  }

  /** Nobody is asked what was answered on another device. */
  #forget({ request_id: closedId, user_id: friendId }) {
    for (const [id, { senderId }] of this.#asked) if (id === closedId || senderId === friendId) this.#drop(id);
  }

  /** A request that was in the list and is not any more has ended while this page was away, or its sender is blocked. */
  #forgetUnlisted() {
    const listed = new Set(this.#friends.incoming.map((request) => request.request_id));
    for (const [id, asked] of this.#asked) {
      if (listed.has(id)) asked.isListed = true; // until then the list may be older than the question
      else if (asked.isListed) this.#drop(id);
    }
  }

  #drop(id) {
    this.#asked.delete(id);
    this.#notices.forget(`friend ${id}`);
  }

  #draw() {
    const { friends, incoming, outgoing, blocks, isKnown } = this.#friends;
    const requests = [
      ...incoming.map((request) => ({ ...request, isIncoming: true, name: request.from_username })),
      ...outgoing.map((request) => ({ ...request, isIncoming: false, name: request.to_username })),
    ];
    setText(byId("friends-count"), isKnown ? String(friends.length) : "");
    setHidden(byId("friends-none"), friends.length > 0 || !isKnown);
    const sorted = [...friends].sort((a, b) => b.is_online - a.is_online || a.username.localeCompare(b.username));
    this.#people.drawList(byId("friends"), sorted);
    setHidden(byId("requests-block"), requests.length === 0);
    syncList(byId("requests"), requests, {
      key: (request) => request.request_id,
      make: (current) => this.#makeRequest(current),
      update: updateRequest,
    });
    setHidden(byId("blocks-fold"), blocks.length === 0);
    setText(byId("blocks-count"), String(blocks.length));
    this.#people.drawList(byId("blocks"), blocks);
  }

  #makeRequest(current) {
    const row = fromTemplate("request-row");
    part(row, "accept").addEventListener("click", () => {
      const { request_id: id, name } = current();
      this.#notices.forget(`friend ${id}`);
      this.#notices.attempt(() => this.#friends.accept(id), t("friends.add.accepted", { name }));
    });
    part(row, "decline").addEventListener("click", () => {
      const { request_id: id } = current();
      this.#notices.forget(`friend ${id}`);
      this.#notices.attempt(() => this.#friends.decline(id));
    });
    return row;
  }
}

function updateRequest(row, { isIncoming, name }) {
  const decline = part(row, "decline");
  setText(part(row, "name"), name);
  setText(part(row, "what"), isIncoming ? t("friends.requests.incoming") : t("friends.requests.outgoing"));
  setHidden(part(row, "accept"), !isIncoming);
  setText(decline, isIncoming ? t("common.decline") : t("common.withdraw"));
  part(row, "accept").setAttribute("aria-label", t("friends.requests.accept_name", { name }));
  decline.setAttribute("aria-label", `${decline.textContent} ${name}`);
}

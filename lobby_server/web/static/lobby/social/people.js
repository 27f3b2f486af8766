/**
 * Who is online, and what can be done with somebody: one dialog, opened by a name wherever it stands. While it is open it
 * shows what is known now, not what was known when it was opened.
 */
import { byId, fromTemplate, onceAFrame, part, setHidden, setText, syncList } from "../base/dom.js";
import { drawAvatar } from "../frame/avatar.js";
import { confirm } from "../frame/confirm.js";
import { dateOf } from "../words/moments.js";
import { titleOf } from "../words/room_words.js";
import { apart, t } from "../words/words.js";

const SHOWN = 100; // names; the search finds the others

export class People {
  #presence;
  #friends;
  #account;
  #notices;
  #friendRooms;
  #rooms;
  #mutes;
  #api;
  #profile = null; // of whom the dialog is on, once it is known
  #dialog = byId("person");
  #search = byId("online-search");
  #deeds = () => [];
  #report = () => {};
  #shown = null; // {id, username}: whom the dialog is on; the id may be unknown

  constructor({ presence, friends, friendRooms, rooms, mutes, api, account, notices }) {
    this.#friendRooms = friendRooms;
    this.#rooms = rooms;
    this.#mutes = mutes;
    this.#api = api;
    this.#presence = presence;
    this.#friends = friends;
    this.#account = account;
    this.#notices = notices;
    const draw = onceAFrame(() => this.#draw());
    presence.changed.connect(draw);
    for (const part of [friends, friendRooms]) part.changed.connect(draw);
    rooms.changed.connect(() => friendRooms.roomOf.size > 0 && draw());
    for (const part of [presence, friends, friendRooms, mutes]) part.changed.connect(this.refresh);
    this.#search.addEventListener("input", draw);
    part(this.#dialog, "close").addEventListener("click", () => this.#dialog.close());
    this.#dialog.addEventListener("click", (event) => {
      if (event.target === this.#dialog) this.#dialog.close(); // beside the box
    });
  }

  /** What can be done with somebody may have changed. */
  refresh = onceAFrame(() => {
    if (this.#dialog.open) this.#drawDialog();
  });

  /** Somebody else logs in next. */
  clear() {
    this.#search.value = "";
  }

  /** `report(username)` asks what there is to tell of somebody. */
  onReport(report) {
    this.#report = report;
  }

  /** `deeds({id, username, roomId})` gives [[label, action]…] that other parts of the page can do with somebody. */
  offer(deeds) {
    this.#deeds = deeds;
  }

  /** Ask for a friendship, and say what became of that. Rejects with an `ApiError`. */
  async askFriend(name) {
    const { status } = await this.#friends.ask(name);
    this.#notices.say(status === "accepted" ? t("friends.add.accepted", { name }) : t("friends.add.sent", { name }));
  }

  /** Make a button open the dialog on somebody; `current()` says on whom, when it is pressed: `{user_id?, username}`. */
  makeOpener(button, current) {
    button.addEventListener("click", () => this.#open(current()));
  }

  /** A list of `{user_id, username, is_online?}` as names with a dot. */
  drawList(list, people) {
    syncList(list, people, {
      key: (person) => person.user_id,
      make: (current) => {
        const row = fromTemplate("person-row");
        this.makeOpener(part(row, "name"), current);
        return row;
      },
      update: (row, person) => {
        setText(part(row, "name"), person.username);
        drawAvatar(part(row, "avatar"), person.username);
        const isOnline = person.is_online ?? this.#presence.users.has(person.user_id);
        part(row, "dot").classList.toggle("on", isOnline);
        part(row, "dot").classList.toggle("unknown", !isOnline && !this.#presence.isKnown);
        setText(part(row, "state"), this.#stateOf(isOnline));
        const where = this.#placeOf(this.#friendRooms.roomOf.get(person.user_id) ?? null);
        setText(part(row, "where"), where);
        setHidden(part(row, "where"), where === "");
      },
    });
  }

  /** The room that the dialog's user is in; null: in none, or it is not told. Of friends the server tells each change. */
  #roomOf(id) {
    if (id === null) return null;
    return this.#friendRooms.roomOf.get(id) ?? (this.#friends.isFriend(id) ? null : (this.#profile?.room_id ?? null));
  }

  /** Empty: it is not known, for there is no connection. */
  #stateOf(isOnline) {
    if (isOnline) return t("common.online");
    return this.#presence.isKnown ? t("common.offline") : "";
  }

  /** A room in words; empty: none. */
  #placeOf(roomId) {
    if (roomId === null) return "";
    const room = this.#rooms.rooms.get(roomId);
    if (room === undefined) return t("people.in_a_room");
    const title = titleOf({ name: room.name, gamemode: room.gamemode, mapName: room.map_name });
    return t("people.in_room", { room: title });
  }

  #draw() {
    const wanted = this.#search.value.trim().toLowerCase();
    const found = [];
    for (const [user_id, username] of this.#presence.users) {
      if (wanted === "" || username.toLowerCase().includes(wanted)) found.push({ user_id, username });
    }
    const isFriend = (person) => Number(this.#friends.isFriend(person.user_id));
    const shown = found.sort((a, b) => isFriend(b) - isFriend(a) || collator.compare(a.username, b.username)).slice(0, SHOWN);
    setText(byId("online-count"), this.#presence.isKnown ? String(this.#presence.users.size) : "");
    setHidden(byId("online-none"), wanted === "" || found.length > 0 || !this.#presence.isKnown);
    setHidden(byId("online-more"), found.length <= SHOWN);
    setText(byId("online-more"), t("people.online.more", { count: found.length - SHOWN }));
    this.drawList(byId("online"), shown);
  }

  #open({ user_id, username }) {
    this.#shown = { id: user_id ?? null, username };
    this.#profile = null;
    this.#drawDialog();
    this.#dialog.showModal();
    this.#fetchProfile();
  }

  async #fetchProfile() {
    const shown = this.#shown;
    if (shown.id === null) return;
    try {
      const profile = await this.#api.get(`/api/users/${shown.id}`);
      if (shown !== this.#shown) return;
      this.#profile = profile;
      this.refresh();
    } catch {
      // What is known without it is shown.
    }
  }

  #drawProfile() {
    const profile = this.#profile;
    const facts = [];
    if (profile?.since) facts.push([t("people.since"), dateOf(profile.since)]);
    if (profile?.rooms_hosted > 0) facts.push([t("people.rooms_hosted"), String(profile.rooms_hosted)]);
    if (profile?.mutual_friends_count > 0) {
      const more = profile.mutual_friends_count - profile.mutual_friends.length;
      facts.push([t("people.friends_in_common"), profile.mutual_friends.map(apart).join(", ") + (more > 0 ? ` +${more}` : "")]);
    }
    syncList(part(this.#dialog, "facts"), facts, {
      key: ([name]) => name,
      make: () => fromTemplate("fact"),
      update: (row, [name, value]) => {
        setText(part(row, "name"), name);
        setText(part(row, "value"), value);
      },
    });
  }

  #drawDialog() {
    const shown = this.#shown;
    shown.id ??= this.#presence.idOf(shown.username);
    shown.username = this.#presence.users.get(shown.id) ?? shown.username;
    const { id, username } = shown;
    const isMe = username === this.#account.user?.username;
    setText(byId("person-name"), username);
    drawAvatar(part(this.#dialog, "avatar"), username);
    const isOnline = id !== null && this.#presence.users.has(id);
    const roomId = this.#roomOf(id);
    const where = this.#placeOf(roomId);
    setText(part(this.#dialog, "state"), isMe ? t("people.you") : [this.#stateOf(isOnline), isOnline ? where : ""].filter(Boolean).join(", "));
    this.#drawProfile();
    const deeds = isMe ? [] : [...this.#deeds({ id, username, roomId }), ...this.#ownDeeds(id, username)];
    syncList(part(this.#dialog, "deeds"), deeds, {
      key: ([label]) => label,
      make: (current) => {
        const button = Object.assign(document.createElement("button"), { type: "button", className: "outline" });
        button.addEventListener("click", () => {
          const [, action] = current();
          this.#dialog.close();
          action();
        });
        return button;
      },
      update: (button, [label]) => setText(button, label),
    });
  }

  #ownDeeds(id, username) {
    const name = username;
    const friends = this.#friends;
    const attempt = (action, done) => () => this.#notices.attempt(action, done);
    const sure = (question, action, done) => async () => {
      if (await confirm(question)) this.#notices.attempt(action, done);
    };
    const deeds = [];
    if (id !== null && friends.isFriend(id)) {
      const question = { title: t("friends.remove.sure", { name }), consequence: t("friends.remove.consequence"), deed: t("friends.remove.do") };
      deeds.push([t("friends.remove"), sure(question, () => friends.remove(id), t("friends.remove.done", { name }))]);
    } else if (id === null || !friends.isBlocked(id)) {
      deeds.push([t("friends.add"), attempt(() => this.askFriend(name))]);
    }
    if (id !== null && friends.isBlocked(id)) {
      deeds.push([t("people.unblock"), attempt(() => friends.unblock(id), t("people.unblock.done", { name }))]);
    } else if (id !== null) {
      const consequence = t("people.block.consequence");
      const question = { title: t("people.block.sure", { name }), consequence, deed: t("people.block.do") };
      deeds.push([t("people.block"), sure(question, () => friends.block(id), t("people.block.done", { name }))]);
    }
    if (this.#mutes.has(username)) {
      deeds.push([t("people.unmute"), () => this.#mutes.set(username, false)]);
    } else {
      deeds.push([t("people.mute"), () => this.#mute(username)]);
    }
    deeds.push([t("people.report"), () => this.#report(username)]);
    return deeds;
  }

  #mute(username) {
    this.#mutes.set(username, true);
    this.#notices.say(t("people.mute.done", { name: username }));
  }
}

const collator = new Intl.Collator(undefined, { sensitivity: "base", numeric: true });


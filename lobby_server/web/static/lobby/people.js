/**
 * Who is online, and what can be done with somebody: one dialog, opened by a name wherever it stands. While it is open it
 * shows what is known now, not what was known when it was opened.
 */
import { confirm } from "./confirm.js";
import { byId, fromTemplate, onceAFrame, part, setHidden, setText, syncList } from "./dom.js";

const SHOWN = 100; // names; the search finds the others

export class People {
  #presence;
  #friends;
  #account;
  #notices;
  #dialog = byId("person");
  #search = byId("online-search");
  #deeds = () => [];
  #shown = null; // {id, username}: whom the dialog is on; the id may be unknown

  constructor({ presence, friends, account, notices }) {
    this.#presence = presence;
    this.#friends = friends;
    this.#account = account;
    this.#notices = notices;
    const draw = onceAFrame(() => this.#draw());
    presence.changed.connect(draw);
    for (const part of [presence, friends]) part.changed.connect(this.refresh);
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
    this.#dialog.close();
    this.#search.value = "";
  }

  /** `deeds(person)` gives [[label, action]…] that other parts of the page can do with somebody. */
  offer(deeds) {
    this.#deeds = deeds;
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
        const isOnline = person.is_online ?? this.#presence.users.has(person.user_id);
        part(row, "dot").classList.toggle("on", isOnline);
        setText(part(row, "state"), isOnline ? "online" : "offline");
      },
    });
  }

  #draw() {
    const wanted = this.#search.value.trim().toLowerCase();
    const found = [];
    for (const [user_id, username] of this.#presence.users) {
      if (wanted === "" || username.toLowerCase().includes(wanted)) found.push({ user_id, username });
    }
    const shown = found.sort((a, b) => a.username.localeCompare(b.username)).slice(0, SHOWN);
    setText(byId("online-count"), String(this.#presence.users.size));
    setHidden(byId("online-more"), found.length <= SHOWN);
    setText(byId("online-more"), `and ${found.length - SHOWN} more; search by name`);
    this.drawList(byId("online"), shown);
  }

  #open({ user_id, username }) {
    this.#shown = { id: user_id ?? null, username };
    this.#drawDialog();
    this.#dialog.showModal();
  }

  #drawDialog() {
    const shown = this.#shown;
    shown.id ??= this.#presence.idOf(shown.username);
    shown.username = this.#presence.users.get(shown.id) ?? shown.username;
    const { id, username } = shown;
    const isMe = username === this.#account.user?.username;
    setText(byId("person-name"), username);
    const isOnline = id !== null && this.#presence.users.has(id);
    setText(part(this.#dialog, "state"), isMe ? "This is you." : isOnline ? "online" : "offline");
    const deeds = isMe ? [] : [...this.#deeds({ id, username }), ...this.#ownDeeds(id, username)];
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
    const friends = this.#friends;
    const attempt = (action, done) => () => this.#notices.attempt(action, done);
    const sure = (question, action, done) => async () => {
      if (await confirm(question)) this.#notices.attempt(action, done);
    };
    const deeds = [];
    if (id !== null && friends.isFriend(id)) {
      const question = { title: `Remove ${username} from your friends?`, consequence: "The friendship ends for both of you.", deed: "Remove friend" };
      deeds.push(["Remove from friends", sure(question, () => friends.remove(id), `${username} is no friend any more.`)]);
    } else if (id === null || !friends.isBlocked(id)) {
      deeds.push(["Add friend", attempt(() => friends.ask(username), `Friend request sent to ${username}.`)]);
    }
    if (id !== null && friends.isBlocked(id)) {
      deeds.push(["Unblock", attempt(() => friends.unblock(id), `${username} is not blocked any more.`)]);
    } else if (id !== null) {
      const consequence = "You see none of their messages and invitations until you unblock them. A friendship ends.";
      const question = { title: `Block ${username}?`, consequence, deed: "Block player" };
      deeds.push(["Block", sure(question, () => friends.block(id), `${username} is blocked.`)]);
    }
    return deeds;
  }
}

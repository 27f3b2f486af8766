/** The room that the user is in: members, its own chat, invitations into it. */
import { byId, clearForm, fromTemplate, onSubmit, onceAFrame, part, setHidden, setText, syncList } from "../base/dom.js";
import { byArrows, focusHeading } from "../base/focus.js";
import { LogPlace } from "../base/log_place.js";
import { drawAvatar } from "../frame/avatar.js";
import { t } from "../words/words.js";
import { deleteRoom } from "./room_deletion.js";

export class MyRoomView {
  #panel = byId("my-room");
  #place = new LogPlace(byId("my-room-log"));
  #focused = null; // what had the focus in the panel when the connection was lost
  #room;
  #hidden;
  #shownId = null;
  #newest = 0; // id of the last line that was drawn
  #isEntered = false; // just now, by the user's own wish: that is where they go on

  constructor({ room, people, party, hidden, api, notices }) {
    this.#room = room;
    this.#hidden = hidden;
    const draw = onceAFrame(() => this.#draw(people, party));
    room.changed.connect(draw);
    party.changed.connect(draw);
    hidden.changed.connect(draw);
    room.entered.connect(() => {
      this.#isEntered = true;
      draw();
    });
    room.kicked.connect((name) => notices.say(t("room.kick.done", { name })));
    room.ended.connect((sentence) => notices.problem(sentence));
    byId("my-room-leave").addEventListener("click", () => room.leave());
    byId("my-room-delete").addEventListener("click", () => deleteRoom(room.id, { myRoom: room, notices }));
    byId("my-room-party").addEventListener("click", () =>
      notices.attempt(() => api.post(`/api/rooms/${encodeURIComponent(room.id)}/party`)),
    );
    byId("my-room-members").addEventListener("click", (event) => {
      const button = event.target.closest("[data-part=kick]");
      if (button !== null) room.kick(Number(button.closest("li").dataset.peerId));
    });
    byArrows(byId("my-room-log"), "button.name");
    const say = byId("my-room-say");
    onSubmit(say, async (fields) => {
      const text = fields.get("text").trim();
      if (text && room.say(text)) say.reset();
    });
    const invite = byId("my-room-invite");
    onSubmit(invite, async (fields) => {
      const name = fields.get("username").trim();
      await room.invite(name);
      notices.say(t("room.invite.done", { name }));
      invite.reset();
    });
  }

  /** Until it is known what became of the room, the panel stays as it is, and nothing in it can be pressed. */
  #hold(isHeld) {
    if (this.#panel.inert === isHeld) return;
    if (isHeld) this.#focused = this.#panel.contains(document.activeElement) ? document.activeElement : null;
    this.#panel.inert = isHeld;
    if (!isHeld && document.activeElement === document.body) this.#focused?.focus();
  }

  #draw(people, party) {
    const room = this.#room;
    this.#hold(room.isComingBack);
    if (room.isComingBack) return;
    setHidden(this.#panel, room.id === null);
    if (room.id !== this.#shownId) {
      this.#shownId = room.id;
      for (const form of [byId("my-room-say"), byId("my-room-invite")]) clearForm(form); // they were for the other room
    }
    if (room.id === null) return;
    setText(byId("my-room-title"), room.title);
    setHidden(byId("my-room-delete"), !room.isHost);
    setHidden(byId("my-room-party"), !party.isLeader || party.members.length < 2);
    syncList(byId("my-room-members"), [...room.members.values()], {
      key: (member) => member.peerId,
      make: (current) => {
        const row = fromTemplate("member-row");
        people.makeOpener(part(row, "name"), () => ({ username: current().name }));
        return row;
      },
      update: (row, member) => {
        row.dataset.peerId = member.peerId;
        setText(part(row, "name"), member.name);
        drawAvatar(part(row, "avatar"), member.name);
        setHidden(part(row, "host"), !member.isHost);
        setHidden(part(row, "ready"), member.isHost || !room.state?.ready.includes(member.peerId));
        setHidden(part(row, "lead"), !room.isHost || room.state === null || member.peerId === room.peerId);
        part(row, "lead").setAttribute("aria-label", t("room.host.make_name", { name: member.name }));
        setHidden(part(row, "kick"), !room.isHost || member.peerId === room.peerId);
        part(row, "kick").setAttribute("aria-label", t("room.kick.name", { name: member.name }));
      },
    });
    const lines = room.lines.filter((line) => !this.#hidden.has(line.fromName));
    const isAtEnd = this.#place.isAtEnd || !lines.some((line) => line.id <= this.#newest); // an empty log is at its end
    this.#newest = Math.max(this.#newest, ...lines.map((line) => line.id));
    syncList(byId("my-room-log"), lines, {
      key: (line) => line.id,
      make: (current) => {
        const row = fromTemplate("room-line");
        people.makeOpener(part(row, "name"), () => ({ username: current().fromName })); // also of a member who has left
        return row;
      },
      update: (row, { fromName, text }) => {
        setText(part(row, "name"), fromName);
        row.classList.toggle("mine", fromName === room.members.get(room.peerId)?.name);
        setText(part(row, "text"), text);
      },
    });
    if (isAtEnd) this.#place.toEnd();
    if (this.#isEntered) focusHeading(byId("my-room-heading"));
    this.#isEntered = false;
  }
}

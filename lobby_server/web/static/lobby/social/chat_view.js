/** Conversations on the page: a tab each, the lines, what one says. */
import { byId, fromTemplate, onSubmit, onceAFrame, part, setHidden, setText, syncList } from "../base/dom.js";
import { byArrows } from "../base/focus.js";
import { LogPlace } from "../base/log_place.js";
import { momentOf } from "../words/moments.js";
import { t } from "../words/words.js";

export class ChatView {
  #chat;
  #people;
  #hidden;
  #account;
  #log = byId("chat-log");
  #place = new LogPlace(this.#log);
  #tabs = byId("chat-tabs");
  #shown = null;
  #drafted = null; // the conversation that the input belongs to

  constructor({ chat, party, people, hidden, account, notices }) {
    this.#chat = chat;
    this.#hidden = hidden;
    this.#people = people;
    this.#account = account;
    chat.changed.connect(onceAFrame(() => this.#draw()));
    chat.failed.connect((fault) => notices.problem(fault.sentence));
    party.changed.connect(() => chat.partyIs(party.party?.id ?? null));
    this.#tabs.addEventListener("click", (event) => {
      const tab = event.target.closest("button");
      if (tab !== null) notices.attempt(() => chat.open(tab.dataset.channel));
    });
    byId("chat-earlier").addEventListener("click", () => notices.attempt(() => chat.earlier()));
    const form = byId("chat-form");
    onSubmit(form, async (fields) => {
      const text = fields.get("text").trim();
      if (text === "") return;
      if (chat.say(text)) form.reset();
      form.elements.text.focus();
    });
    chat.unsaid.connect(({ channel, text }) => {
      const input = form.elements.text;
      if (channel !== this.#drafted) channel.draft ||= text;
      else input.value ||= text; // for another try
    });
    chat.changed.connect(() => this.#takeDraft(form.elements.text)); // at once: the next key belongs to the other one
    this.#takeDraft(form.elements.text);
    byArrows(this.#log, "button.name");
    this.#draw();
  }

  /** What is typed and not sent stays with the conversation that it is meant for. */
  #takeDraft(input) {
    const channel = this.#chat.channels.get(this.#chat.current);
    if (channel === this.#drafted) return;
    if (this.#drafted !== null) this.#drafted.draft = input.value;
    this.#drafted = channel;
    input.value = channel.draft;
  }

  #draw() {
    const chat = this.#chat;
    syncList(this.#tabs, [...chat.channels], {
      key: ([name]) => name,
      make: () => fromTemplate("chat-tab"),
      update: (tab, [name, channel]) => {
        tab.querySelector("button").dataset.channel = name;
        setText(part(tab, "title"), channel.title);
        setText(part(tab, "unread"), String(channel.unread));
        setHidden(part(tab, "unread"), channel.unread === 0);
        part(tab, "unread").setAttribute("aria-label", t("chat.unread", { count: channel.unread }));
        tab.querySelector("button").setAttribute("aria-pressed", String(name === chat.current));
      },
    });
    const unread = [...chat.channels.values()].reduce((sum, channel) => sum + channel.unread, 0);
    setText(byId("view-chat-unread"), unread ? ` (${unread})` : "");
    const channel = chat.channels.get(chat.current);
    setText(byId("chat-with"), channel.userId === null ? channel.title : t("chat.with", { name: channel.title }));
    const keepPlace = this.#placeIn(channel);
    setHidden(byId("chat-earlier"), !channel.hasMore);
    const heard = channel.lines.filter((line) => !this.#hidden.has(line.from_username, line.from_user_id));
    setHidden(byId("chat-none"), heard.length > 0 || !channel.isWhole);
    syncList(byId("chat-lines"), heard, {
      key: (line) => `${line.channel}/${line.id}`,
      make: (current) => this.#makeLine(current),
      update: (row, line) => this.#updateLine(row, line),
    });
    keepPlace();
  }

  /** Before the log changes. What it returns scrolls to the end again, or to the lines that somebody reads further up. */
  #placeIn(channel) {
    const log = this.#log;
    const isAtEnd = this.#shown !== channel || this.#place.isAtEnd;
    this.#shown = channel;
    if (isAtEnd) return () => this.#place.toEnd();
    const { top } = log.getBoundingClientRect();
    const boxes = [...byId("chat-lines").children].map((row) => [row, row.getBoundingClientRect()]);
    const read = boxes.filter(([, box]) => box.bottom > top);
    return () => {
      const [row, before] = read.find(([each]) => each.isConnected) ?? [];
      if (row !== undefined) log.scrollTop += row.getBoundingClientRect().top - before.top;
    };
  }

  #makeLine(current) {
    const row = fromTemplate("chat-line");
    const personOf = (line) => ({ user_id: line.from_user_id, username: line.from_username });
    this.#people.makeOpener(part(row, "name"), () => personOf(current()));
    return row;
  }

  /** Lines are never changed in place, so one that is drawn needs no second look: there are hundreds. */
  #updateLine(row, line) {
    if (row.drawnLine === line) return;
    row.drawnLine = line;
    setText(part(row, "name"), line.from_username);
    row.classList.toggle("mine", line.from_user_id === this.#account.user?.id);
    setText(part(row, "text"), line.text);
    const time = part(row, "time");
    time.dateTime = new Date(line.ts).toISOString();
    setText(time, momentOf(line.ts));
  }
}

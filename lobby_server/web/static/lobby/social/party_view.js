/** The party on the page. */
import { byId, fromTemplate, onSubmit, onceAFrame, part, setHidden, setText, syncList } from "../base/dom.js";
import { drawAvatar } from "../frame/avatar.js";
import { confirm } from "../frame/confirm.js";
import { t } from "../words/words.js";

export class PartyView {
  #party;
  #people;
  #account;
  #notices;
  #notifications;
  #asked = new Set(); // ids of parties

  constructor({ party, people, account, notices, notifications }) {
    this.#party = party;
    this.#people = people;
    this.#account = account;
    this.#notices = notices;
    this.#notifications = notifications;
    party.changed.connect(onceAFrame(() => this.#draw()));
    party.invited.connect((invite) => this.#ask(invite));
    byId("party-create").addEventListener("click", () => notices.attempt(() => party.create()));
    byId("party-leave").addEventListener("click", () => notices.attempt(() => party.leave()));
    const form = byId("party-form");
    onSubmit(form, async (fields) => {
      const name = fields.get("username").trim();
      await party.invite(name);
      notices.say(t("party.invite.done", { name }));
      form.reset();
    });
    byId("party-members").addEventListener("click", (event) => {
      const button = event.target.closest("[data-part=kick], [data-part=lead]");
      if (button === null) return;
      const { user_id: id, username: name } = button.closest("li").item;
      if (button.dataset.part === "kick") notices.attempt(() => party.kick(id));
      else this.#handOver(id, name);
    });
  }

  async #handOver(id, name) {
    const partyId = this.#party.party.id; // of which it is asked, whichever the user is in once that is answered
    const question = { title: t("party.leader.sure", { name }), consequence: t("common.no_way_back"), deed: t("party.leader.make") };
    if (await confirm(question)) this.#notices.attempt(() => this.#party.makeLeader(id, partyId));
  }

  #ask({ party_id: id, from_username: name }) {
    this.#asked.add(id);
    this.#notices.ask({
      key: `party ${id}`,
      sentence: t("party.invited", { name }),
      answers: [
        [t("common.join"), () => this.#answer(id, () => this.#notices.attempt(() => this.#party.join(id)))],
        [t("party.invited.later"), () => this.#answer(id, () => this.#party.dismiss(id))],
        [t("common.decline"), () => this.#answer(id, () => this.#notices.attempt(() => this.#party.decline(id)))],
      ],
    });
  }

  /** With the last question answered, no notification of an invitation into a party is unread either. */
  #answer(id, act) {
    this.#asked.delete(id);
    if (this.#asked.size === 0) this.#notifications.read((item) => item.kind === "party_invite");
    act();
  }

  /** Withdrawn, expired, or answered in another tab. */
  #forgetOthersThan(invites) {
    for (const id of this.#asked) {
      if (invites.some((invite) => invite.party_id === id)) continue;
      this.#asked.delete(id);
      this.#notices.forget(`party ${id}`);
    }
  }

  #draw() {
    const { party, invites, isLeader, isKnown, isUpToDate } = this.#party;
    setHidden(byId("party-in"), party === null);
    setHidden(byId("party-none"), party !== null || !isKnown);
    setText(byId("party-size"), party === null ? "" : `${party.members.length}/${party.max_members}`);
    setHidden(byId("party-create"), party !== null || !isKnown);
    this.#forgetOthersThan(invites);
    for (const invite of invites) this.#ask(invite); // those that were there before the page was
    if (party === null) return;
    syncList(byId("party-members"), party.members, {
      key: (member) => member.user_id,
      make: (current) => {
        const row = fromTemplate("party-row");
        this.#people.makeOpener(part(row, "name"), current);
        return row;
      },
      update: (row, member) => {
        row.dataset.userId = member.user_id;
        setText(part(row, "name"), member.username);
        drawAvatar(part(row, "avatar"), member.username);
        part(row, "kick").setAttribute("aria-label", t("party.kick.name", { name: member.username }));
        part(row, "lead").setAttribute("aria-label", t("party.leader.make_name", { name: member.username }));
        part(row, "dot").classList.toggle("on", isUpToDate && member.is_online);
        part(row, "dot").classList.toggle("unknown", !isUpToDate);
        setText(part(row, "state"), isUpToDate ? stateOf(member) : "");
        setHidden(part(row, "leader"), member.user_id !== party.leader_user_id);
        const isOther = member.user_id !== this.#account.user?.id;
        setHidden(part(row, "kick"), !isLeader || !isOther);
        setHidden(part(row, "lead"), !isLeader || !isOther);
      },
    });
    this.#drawInvited(party, isLeader);
  }

  /** Whoever is invited, and for the leader a way to take it back. */
  #drawInvited({ invited }, isLeader) {
    setHidden(byId("party-invited"), invited.length === 0);
    syncList(byId("party-invited"), invited, {
      key: (user) => user.user_id,
      make: (current) => {
        const row = fromTemplate("invited-row");
        this.#people.makeOpener(part(row, "name"), current);
        part(row, "withdraw").addEventListener("click", () =>
          this.#notices.attempt(() => this.#party.withdraw(current().user_id)),
        );
        return row;
      },
      update: (row, user) => {
        setText(part(row, "name"), user.username);
        setHidden(part(row, "withdraw"), !isLeader);
        part(row, "withdraw").setAttribute("aria-label", t("party.invited.withdraw_name", { name: user.username }));
      },
    });
  }
}

const stateOf = ({ is_online: isOnline }) => (isOnline ? t("common.online") : t("common.offline"));

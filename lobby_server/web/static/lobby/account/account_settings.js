/** The settings that the server keeps with the account, in the account's dialog: who sees the room one is in, and the email address. */
import { byId, clearForm, onSubmit, setHidden, setText } from "../base/dom.js";
import { language, t } from "../words/words.js";

export class AccountSettings {
  #api;
  #account = null; // as the server told of it last; null: not yet

  constructor({ connection, api, notices }) {
    this.#api = api;
    connection.message.connect((type, { whereabouts }) => {
      if (type !== "whereabouts_changed" || this.#account === null) return;
      this.#account = { ...this.#account, whereabouts };
      this.#draw();
    });
    const whereabouts = byId("whereabouts");
    whereabouts.addEventListener("change", async () => {
      const wish = { whereabouts: whereabouts.value };
      await notices.attempt(async () => (this.#account = await api.patch("/api/account", wish)));
      this.#draw(); // as it was, if that went wrong
    });
    const form = byId("email-form");
    onSubmit(form, async (fields, submitter) => {
      const email = submitter?.value === "remove" ? null : fields.get("email").trim();
      await api.post("/api/account/email", { email, password: fields.get("password"), language });
      clearForm(form);
      await this.fetch();
      if (email) setText(byId("email-state"), t("account.email.sent", { email }));
    });
  }

  async fetch() {
    this.#account = await this.#api.get("/api/account");
    this.#draw();
  }

  /** Somebody else logs in next. */
  clear() {
    this.#account = null;
    this.#draw();
  }

  #draw() {
    const account = this.#account;
    const email = account?.user.email ?? null;
    byId("whereabouts").disabled = account === null;
    byId("whereabouts").value = account?.whereabouts ?? ""; // nothing is chosen before it is known
    setHidden(byId("email-fold"), !account?.is_here || (!account.sends_mail && email === null));
    setText(byId("email-state"), stateOf(email, account?.email_confirmed));
    setHidden(byId("email-send"), !account?.sends_mail);
    setHidden(byId("email-remove"), email === null);
  }
}

function stateOf(email, isConfirmed) {
  if (email === null) return t("account.email.none");
  return isConfirmed ? t("account.email.confirmed", { email }) : t("account.email.unconfirmed", { email });
}

/** What a user does with their account: password, sign-ins, a copy of the data, the end of it. */
import { byId, clearForm, fromTemplate, onSubmit, part, setHidden, setText, syncList } from "../base/dom.js";
import { confirm } from "../frame/confirm.js";
import { clientName } from "../words/client_name.js";
import { ago } from "../words/moments.js";
import { t } from "../words/words.js";

export class AccountDialog {
  #dialog = byId("account");
  #api;
  #account;
  #notices;
  #settings;

  /** `settings`: what else the server keeps with the account. */
  constructor({ api, account, settings, notices }) {
    this.#settings = settings;
    this.#api = api;
    this.#account = account;
    this.#notices = notices;
    byId("account-button").addEventListener("click", () => this.#open());
    part(this.#dialog, "close").addEventListener("click", () => this.#dialog.close());
    const password = byId("password-form");
    onSubmit(password, async (fields) => {
      await api.post("/api/auth/password", { current_password: fields.get("current_password"), new_password: fields.get("new_password") });
      clearForm(password);
      notices.say(t("account.password.done"));
      this.#dialog.close();
    });
    byId("sign-ins-end").addEventListener("click", () =>
      notices.attempt(async () => {
        await api.delete("/api/auth/sign-ins");
        await this.#fetch();
      }, t("account.sign_ins.ended_others")),
    );
    byId("account-export").addEventListener("click", () => notices.attempt(() => this.#export()));
    const removal = byId("account-delete-form");
    onSubmit(removal, async (fields) => {
      const sure = await confirm({
        title: t("account.delete.sure"),
        consequence: t("account.delete.consequence"),
        deed: t("account.delete"),
      });
      if (!sure) return;
      account.farewell = t("account.delete.done"); // the socket ends before the call is answered
      try {
        await api.post("/api/account/delete", { password: fields.get("password") });
      } catch (fault) {
        account.farewell = "";
        throw fault;
      }
      account.forget("");
    });
  }

  clear() {
    this.#settings.clear();
    this.#draw(null);
  }

  #open() {
    for (const form of this.#dialog.querySelectorAll("form")) clearForm(form);
    setText(byId("account-name"), this.#account.user.username);
    for (const fold of this.#dialog.querySelectorAll("details")) fold.open = false;
    this.#dialog.showModal();
    this.#notices.attempt(() => Promise.all([this.#fetch(), this.#settings.fetch()]));
  }

  async #fetch() {
    const { sign_ins: signIns } = await this.#api.get("/api/auth/sign-ins");
    this.#draw(signIns);
  }

  /** null: they are not known yet. */
  #draw(signIns) {
    setHidden(byId("sign-ins-end"), signIns === null || signIns.length < 2);
    setHidden(byId("sign-ins-none"), signIns?.length !== 0);
    syncList(byId("sign-ins"), signIns ?? [], {
      key: (signIn) => signIn.id,
      make: (current) => {
        const row = fromTemplate("sign-in-row");
        part(row, "end").addEventListener("click", () => {
          const { id } = current();
          this.#notices.attempt(async () => {
            await this.#api.delete(`/api/auth/sign-ins/${encodeURIComponent(id)}`);
            await this.#fetch();
          });
        });
        return row;
      },
      update: (row, signIn) => {
        const client = clientName(signIn.client);
        setText(part(row, "client"), client);
        setText(part(row, "used"), ago(Date.parse(signIn.used_at)));
        setHidden(part(row, "current"), !signIn.is_current);
        setHidden(part(row, "end"), signIn.is_current);
        part(row, "end").setAttribute("aria-label", t("account.sign_ins.end", { client }));
      },
    });
  }

  async #export() {
    const data = await this.#api.get("/api/account/export");
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([JSON.stringify(data, null, 2)], { type: "application/json" }));
    link.download = `${this.#account.user.username}.json`;
    link.click();
    URL.revokeObjectURL(link.href);
  }
}

/** The door: log in, register, log out; and the links of mails, to another password (`#reset=…`) and to a confirmed address (`#confirm=…`). */
import { byId, clearForm, clearPage, onSubmit, part, setHidden, setText } from "../base/dom.js";
import { ofDevice, ofTab } from "../base/storage.js";
import { t } from "../words/words.js";

const LINK = /^#(reset|confirm)=([\w.-]+)$/;

export class AccountView {
  #resetToken = null;
  #isForgotten = false; // the password is, and its user wants a link
  #account;
  #notices;

  constructor({ account, notices }) {
    this.#account = account;
    this.#notices = notices;
    this.#readLink(account);
    addEventListener("hashchange", () => this.#readLink(account));
    const reset = byId("reset-form");
    onSubmit(reset, async (fields) => {
      await account.reset({ token: this.#resetToken, newPassword: fields.get("new_password") });
      this.#endReset();
    });
    part(reset, "cancel").addEventListener("click", () => this.#endReset());
    const forgot = byId("forgot-form");
    byId("forgot").addEventListener("click", () => this.#showForgotten(true));
    part(forgot, "cancel").addEventListener("click", () => this.#showForgotten(false));
    onSubmit(forgot, async (fields) => {
      await account.askReset(fields.get("username").trim());
      this.#showForgotten(false);
      setText(byId("door-news"), t("door.forgot.sent"));
    });
    const form = byId("login-form");
    onSubmit(form, async (fields, submitter) => {
      const wish = {
        username: fields.get("username").trim(),
        password: fields.get("password"),
        isKept: fields.get("keep") !== null,
      };
      setText(byId("door-news"), "");
      if (submitter?.value === "register") await account.register(wish);
      else await account.logIn(wish);
      form.reset();
    });
    setHidden(byId("not-kept"), ofTab.isLasting);
    setHidden(form.elements.keep.closest("label"), !ofDevice.isLasting);
    byId("log-out").addEventListener("click", async () => {
      const isTold = await account.logOut();
      if (!isTold && account.user === null) setText(byId("door-news"), t("door.logout_untold"));
    });
    account.loggedIn.connect(() => this.#show(account.user));
    account.loggedOut.connect((sentence) => {
      clearPage(); // the door cannot have the focus below a dialog
      setText(byId("door-news"), sentence);
      this.#show(null);
      byId("login-username").focus();
    });
    this.#show(account.user);
  }

  get isResetting() {
    return this.#resetToken !== null;
  }

  /** Whoever opens a link to another password wants that, also while somebody is logged in here. */
  #readLink(account) {
    const [, kind, token] = LINK.exec(location.hash) ?? [];
    if (token === undefined) return;
    history.replaceState(null, "", location.href.split("#")[0]); // it is a secret
    if (kind === "confirm") {
      this.#confirm(token);
      return;
    }
    this.#resetToken = token;
    this.#isForgotten = false;
    account.forget("");
    this.#drawForms();
  }

  async #confirm(token) {
    const isDone = await this.#notices.attempt(() => this.#account.confirmEmail(token));
    if (isDone) this.#notices.say(t("door.email_confirmed"));
  }

  #showForgotten(isForgotten) {
    this.#isForgotten = isForgotten;
    setText(byId("door-news"), "");
    clearForm(byId("forgot-form"));
    this.#drawForms();
    if (isForgotten) byId("forgot-username").value = byId("login-username").value;
    byId(isForgotten ? "forgot-username" : "login-username").focus();
  }

  #endReset() {
    this.#resetToken = null;
    clearForm(byId("reset-form"));
    this.#drawForms();
  }

  #drawForms() {
    const isResetting = this.#resetToken !== null;
    setHidden(byId("reset-form"), !isResetting);
    setHidden(byId("forgot-form"), isResetting || !this.#isForgotten);
    setHidden(byId("login-form"), isResetting || this.#isForgotten);
    setText(byId("door-heading"), isResetting || this.#isForgotten ? t("door.reset") : t("common.log_in"));
  }

  #show(user) {
    setHidden(byId("door"), user !== null);
    for (const element of document.querySelectorAll("[data-inside]")) setHidden(element, user === null);
    setText(byId("my-name"), user?.username ?? "");
  }
}

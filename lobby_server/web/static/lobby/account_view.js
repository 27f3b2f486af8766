/** The door: log in, register, log out, and another password by a link (`#reset=…`). */
import { byId, clearForm, onSubmit, part, setHidden, setText } from "./dom.js";

const RESET = /^#reset=([\w.-]+)$/;

export class AccountView {
  #resetToken = null;

  constructor({ account }) {
    this.#readLink(account);
    addEventListener("hashchange", () => this.#readLink(account));
    const reset = byId("reset-form");
    onSubmit(reset, async (fields) => {
      await account.reset({ token: this.#resetToken, newPassword: fields.get("new_password") });
      this.#endReset();
    });
    part(reset, "cancel").addEventListener("click", () => this.#endReset());
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
    byId("log-out").addEventListener("click", () => account.logOut());
    account.loggedIn.connect(() => this.#show(account.user));
    account.loggedOut.connect((sentence) => {
      setText(byId("door-news"), sentence);
      this.#show(null);
      byId("login-username").focus();
    });
    this.#show(account.user);
  }

  get isResetting() {
    return this.#resetToken !== null;
  }

  /** Whoever opens such a link wants another password, also while somebody is logged in here. */
  #readLink(account) {
    const found = RESET.exec(location.hash);
    if (found === null) return;
    history.replaceState(null, "", location.href.split("#")[0]); // it is a secret, and works once
    this.#resetToken = found[1];
    account.forget("");
    this.#drawReset();
  }

  #endReset() {
    this.#resetToken = null;
    clearForm(byId("reset-form"));
    this.#drawReset();
  }

  #drawReset() {
    setHidden(byId("reset-form"), this.#resetToken === null);
    setHidden(byId("login-form"), this.#resetToken !== null);
  }

  #show(user) {
    setHidden(byId("door"), user !== null);
    for (const element of document.querySelectorAll("[data-inside]")) setHidden(element, user === null);
    setText(byId("my-name"), user?.username ?? "");
  }
}

/** The door: log in, register, log out. */
import { byId, onSubmit, setHidden, setText } from "./dom.js";

export class AccountView {
  constructor({ account }) {
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

  #show(user) {
    setHidden(byId("door"), user !== null);
    for (const element of document.querySelectorAll("[data-inside]")) setHidden(element, user === null);
    setText(byId("my-name"), user?.username ?? "");
    document.title = user === null ? "Game lobby" : `${user.username} · Game lobby`;
  }
}

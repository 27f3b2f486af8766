/** Telling the administrators of another player. */
import { byId, clearForm, onSubmit, part, setText } from "../base/dom.js";
import { t } from "../words/words.js";

export class ReportDialog {
  #dialog = byId("report");
  #username = "";

  constructor({ api, myRoom, notices }) {
    part(this.#dialog, "close").addEventListener("click", () => this.#dialog.close());
    onSubmit(byId("report-form"), async (fields) => {
      await api.post("/api/reports", { username: this.#username, text: fields.get("text").trim(), room_id: myRoom.id });
      this.#dialog.close();
      notices.say(t("report.done"));
    });
  }

  open(username) {
    this.#username = username;
    clearForm(byId("report-form"));
    setText(byId("report-name"), username);
    this.#dialog.showModal();
  }
}

/** Questions before what cannot be taken back: one dialog, whose buttons name the deed. Escape and Cancel mean no. */
import { byId, part, setText } from "../base/dom.js";

/** Resolves to whether the user means it. `deed` is the label of the button that does it. */
export function confirm({ title, consequence, deed }) {
  const dialog = byId("confirm");
  setText(byId("confirm-title"), title);
  setText(part(dialog, "consequence"), consequence);
  setText(part(dialog, "deed"), deed);
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((answer) => {
    dialog.addEventListener("close", () => answer(dialog.returnValue === "do"), { once: true });
  });
}

/** The end of a room by its host's wish, wherever that is pressed. */
import { confirm } from "../frame/confirm.js";
import { t } from "../words/words.js";

/** Asks first; a failure is a sentence on the page. */
export async function deleteRoom(id, { myRoom, notices }) {
  const question = { title: t("rooms.delete"), consequence: t("rooms.delete.consequence"), deed: t("rooms.delete.do") };
  if (await confirm(question)) await notices.attempt(() => myRoom.delete(id));
}

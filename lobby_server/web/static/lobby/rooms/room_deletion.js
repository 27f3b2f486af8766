/** The end of a room by its host's wish, wherever that is pressed. */
import { confirm } from "../frame/confirm.js";
import { t } from "../words/words.js";

/** Asks first. Resolves to whether the room was deleted; a failure is a sentence on the page. */
export async function deleteRoom(id, { api, notices }) {
  const question = { title: t("rooms.delete"), consequence: t("rooms.delete.consequence"), deed: t("rooms.delete.do") };
  return (await confirm(question)) && notices.attempt(() => api.delete(`/api/rooms/${encodeURIComponent(id)}`));
}

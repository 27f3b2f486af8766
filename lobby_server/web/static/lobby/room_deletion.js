/** The end of a room by its host's wish, wherever that is pressed. */
import { confirm } from "./confirm.js";
import { t } from "./words.js";

/** Asks first. Resolves to whether the room was deleted; a failure is a sentence on the page. */
export async function deleteRoom(id, { api, notices }) {
  const question = { title: t("Delete this room?"), consequence: t("Everybody in it has to leave."), deed: t("Delete room") };
  return (await confirm(question)) && notices.attempt(() => api.delete(`/api/rooms/${encodeURIComponent(id)}`));
}

/**
 * How a page opens: first what it says is written into it and can be read, then its other modules are fetched. Until they are
 * there, nothing can be pressed that would lead nowhere: what has `data-waits` is disabled in the page. If they do not come,
 * or not in time, that is said at the door, with a button to load the page again. Where not even the words come, the style
 * sheet shows what has the class `late`.
 *
 * Who has logged in before does not see the forms of the door until they are needed, which the page tells by `showDoor`.
 */
import { ofDevice, ofTab } from "../base/storage.js";
import { fillPage, t } from "./words.js";

const LONGEST_MS = 100; // a page that nobody looks at is not painted
const LATE_MS = 10000; // as long as the style sheet waits for the words

/** `key`: under which a login is kept, if there is one. */
export async function open(loadPage, key) {
  const isKept = [ofTab, ofDevice].some((storage) => storage.get(key) !== null);
  document.documentElement.toggleAttribute("data-returns", isKept);
  fillPage();
  await painted();
  const news = document.getElementById("door-news");
  const again = document.getElementById("load-again");
  again.addEventListener("click", () => location.reload());
  const tell = (sentence) => {
    news.textContent = sentence;
    again.hidden = false;
  };
  const late = setTimeout(() => tell(t("page.late")), LATE_MS);
  try {
    await loadPage();
  } catch (fault) {
    tell(t("page.not_opened"));
    throw fault;
  } finally {
    clearTimeout(late);
  }
  again.hidden = true;
  if (news.textContent === t("page.late")) news.textContent = "";
  for (const element of document.querySelectorAll("[data-waits]")) element.disabled = false;
}

/** It is known that nobody is logged in, or will not be known soon; or somebody is. */
export function showDoor() {
  document.documentElement.removeAttribute("data-returns");
}

function painted() {
  return new Promise((done) => {
    setTimeout(done, LONGEST_MS);
    requestAnimationFrame(() => setTimeout(done));
  });
}

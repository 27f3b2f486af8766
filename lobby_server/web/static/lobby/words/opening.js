/**
 * How a page opens: first what it says is written into it and can be read, then its other modules are fetched. Until they are
 * there, nothing can be pressed that would lead nowhere: what has `data-waits` is disabled in the page. If they do not come,
 * that is said at the door. Where not even the words come, the style sheet shows what has the class `late`.
 */
import { fillPage, t } from "./words.js";

const LONGEST_MS = 100; // a page that nobody looks at is not painted

export async function open(loadPage) {
  fillPage();
  await painted();
  try {
    await loadPage();
  } catch (fault) {
    document.getElementById("door-news").textContent = t("page.not_opened");
    throw fault;
  }
  for (const element of document.querySelectorAll("[data-waits]")) element.disabled = false;
}

function painted() {
  return new Promise((done) => {
    setTimeout(done, LONGEST_MS);
    requestAnimationFrame(() => setTimeout(done));
  });
}

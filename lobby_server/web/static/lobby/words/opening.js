/**
 * How a page opens: first what it says is written into it and can be read, then its other modules are fetched. Until they are
 * there, nothing can be pressed that would lead nowhere: what has `data-waits` is disabled in the page.
 */
import { fillPage } from "./words.js";

const LONGEST_MS = 100; // a page that nobody looks at is not painted

export async function open(loadPage) {
  fillPage();
  await painted();
  await loadPage();
  for (const element of document.querySelectorAll("[data-waits]")) element.disabled = false;
}

function painted() {
  return new Promise((done) => {
    setTimeout(done, LONGEST_MS);
    requestAnimationFrame(() => setTimeout(done));
  });
}

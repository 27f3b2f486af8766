/**
 * What goes away takes no focus along: whoever presses a button by keyboard that is gone then would have to begin at the
 * top of the page. A neighbour in its row or its list has the focus then, or the heading of what is left: of the page, once
 * its door opens, so that no stop of what is behind shows itself unasked.
 */
const PRESSED = "button, summary";

/** Call this before an element is hidden or taken out of the page. */
export function letGoOfFocus(element) {
  if (!element.contains(document.activeElement)) return;
  const near = [element.nextElementSibling, element.previousElementSibling, element.parentElement];
  queueMicrotask(() => { // once everything that changes with it has changed
    if (!isLost()) return;
    const isPanel = element.matches("section, main");
    const button = isPanel ? undefined : near.flatMap(pressedOf).find((each) => isThere(each) && !element.contains(each));
    if (button === undefined) focusHeading(headingNear(near.at(-1)));
    else button.focus({ preventScroll: true });
  });
}

/** Headings are no stops on the way through the page; one that has the focus is where the next stop is counted from. */
export function focusHeading(heading) {
  heading.tabIndex = -1;
  heading.focus();
}

/** Of a list of many, whose buttons are no stops on the way through the page: the arrow keys go from one to the next, the last one first. */
export function byArrows(list, selector) {
  list.addEventListener("keydown", (event) => {
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (step === undefined) return;
    const all = [...list.querySelectorAll(selector)];
    const at = all.indexOf(document.activeElement);
    const next = at === -1 ? all.at(-1) : all[at + step];
    if (next === undefined) return;
    event.preventDefault();
    next.focus();
  });
}

const isThere = (each) => each.checkVisibility() && !each.disabled;
const pressedOf = (node) => (node === null ? [] : node.matches(PRESSED) ? [node] : [...node.querySelectorAll(PRESSED)]);

function isLost() {
  const { activeElement } = document;
  return activeElement === null || activeElement === document.body || !activeElement.checkVisibility();
}

function headingNear(node) {
  for (let around = node; around !== null; around = around.parentElement) {
    const heading = [...around.querySelectorAll("h1, h2, h3")].find(isThere);
    if (heading !== undefined) return heading;
  }
  return document.querySelector("h1");
}

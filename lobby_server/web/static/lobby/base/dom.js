/** Small tools for the page. Text of users becomes text and nothing else: there is no way to markup here. */
import { letGoOfFocus } from "./focus.js";
import { tame } from "./tame.js";

export const byId = (id) => document.getElementById(id);

/** A copy of a template's one element. */
export function fromTemplate(id) {
  return byId(id).content.firstElementChild.cloneNode(true);
}

/** The part of an element that carries `data-part="name"`. */
export const part = (element, name) => element.querySelector(`[data-part="${name}"]`);

/** All parts of an element, by name. */
export const partsOf = (element) =>
  Object.fromEntries([...element.querySelectorAll("[data-part]")].map((each) => [each.dataset.part, each]));

export function setText(element, wanted) {
  const text = tame(wanted);
  if (element.textContent !== text) element.textContent = text;
}

export function setHidden(element, isHidden) {
  if (element.hidden === isHidden) return;
  if (isHidden) letGoOfFocus(element);
  element.hidden = isHidden;
}

/**
 * Make the children of a list those of `items`, in order, keeping the elements that are there (and their focus).
 *
 * A key may come again with other contents: another room has a member of the same number. So `make(current)` is given no
 * item, only `current()`, which is the newest one whenever it is called; what a row shows is written by `update`.
 */
export function syncList(list, items, { key, make, update }) {
  const known = (list.knownItems ??= new Map());
  const wanted = new Set(items.map(key));
  for (const [id, element] of known) {
    if (!wanted.has(id)) {
      letGoOfFocus(element);
      element.remove();
      known.delete(id);
    }
  }
  let next = list.firstElementChild;
  for (const item of items) {
    const id = key(item);
    let element = known.get(id);
    if (element === undefined) {
      const made = make(() => made.item);
      known.set(id, made);
      element = made;
    }
    element.item = item;
    update(element, item);
    if (element === next) next = next.nextElementSibling;
    else list.insertBefore(element, next);
  }
}

/** Calls `draw` before the next frame, once, however often it is asked. */
export const onceAFrame = (draw) => once(draw, requestAnimationFrame);

/** Calls `draw` once the next frame is on the screen, once, however often it is asked: work that can wait keeps nobody waiting. */
export const onceAfterAFrame = (draw) => once(draw, (run) => requestAnimationFrame(() => setTimeout(run)));

function once(draw, later) {
  let isAsked = false;
  return () => {
    if (isAsked) return;
    isAsked = true;
    later(() => {
      isAsked = false;
      draw();
    });
  };
}

/** Run what a form asks for: its button is busy meanwhile, and a failure is a sentence in its `.problem`. */
export function onSubmit(form, action) {
  const problem = form.querySelector(".problem");
  let isBusy = false; // the button is not disabled: it would lose the focus, and a question could not give it back
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (isBusy) return;
    isBusy = true;
    const button = event.submitter ?? form.querySelector("button");
    button.setAttribute("aria-busy", "true");
    setText(problem, "");
    markFields(form, {});
    try {
      await action(new FormData(form), event.submitter);
    } catch (fault) {
      if (fault.sentence === undefined) throw fault;
      const named = markFields(form, fault.fields);
      setText(problem, named.length ? named.join(" ") : fault.sentence);
    } finally {
      button.removeAttribute("aria-busy");
      isBusy = false;
    }
  });
}

/** Take back what was typed into a form, and what was said of it. */
export function clearForm(form) {
  form.reset();
  setText(form.querySelector(".problem"), "");
  markFields(form);
}

/** Take back what was opened and typed within the page: somebody else may look at it next. */
export function clearPage() {
  for (const dialog of document.querySelectorAll("dialog[open]")) dialog.close();
  for (const form of document.querySelectorAll("#inside form, dialog form:not([method=dialog])")) clearForm(form);
  for (const fold of document.querySelectorAll("#inside details[open]")) fold.open = false;
}

/** Mark the inputs that are named, and focus the first. Returns the sentences of those that the form has. */
function markFields(form, fields = {}) {
  let first = null;
  const sentences = [];
  for (const input of form.elements) {
    if (!input.name) continue;
    if (fields[input.name] === undefined) {
      input.removeAttribute("aria-invalid");
    } else {
      input.setAttribute("aria-invalid", "true");
      sentences.push(fields[input.name]);
      first ??= input;
    }
  }
  first?.focus();
  return sentences;
}

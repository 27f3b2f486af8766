/** A round mark beside a name: its first letter, in a colour that the name has everywhere. Decoration: the name stands beside it. */
import { setText } from "../base/dom.js";

const HUES = 24; // apart enough to be told from each other

export function drawAvatar(element, name) {
  if (element.drawnName === name) return;
  element.drawnName = name;
  setText(element, [...name][0]?.toUpperCase() ?? "");
  element.style.setProperty("--hue", String(hueOf(name)));
}

/** FNV-1a over the name in lower case, so that Ann and ann look the same. */
function hueOf(name) {
  let hash = 0x811c9dc5;
  for (const character of name.toLowerCase()) hash = Math.imul(hash ^ character.codePointAt(0), 0x01000193);
  return ((hash >>> 8) % HUES) * (360 / HUES);
}

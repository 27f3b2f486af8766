/** Text of users that turns nothing around it, whatever signs of direction are in it (Unicode Standard Annex 9). */
const SIGNS = /[\u200e\u200f\u202a-\u202e\u2066-\u2069]/;
const [BEGINS, ENDS] = [/[\u2066-\u2068]/, "\u2069"];

/**
 * Without signs of direction, but for whole pieces that are set apart. One that ends what it did not begin would let out
 * what follows, of an element with `unicode-bidi` as well, for that is the same signs.
 */
export function tame(text) {
  if (!SIGNS.test(text)) return text;
  const kept = [];
  const begun = [];
  for (const sign of text) {
    const isEnd = sign === ENDS && begun.length > 0;
    if (BEGINS.test(sign)) begun.push(kept.length);
    if (isEnd) begun.pop();
    if (isEnd || BEGINS.test(sign) || !SIGNS.test(sign)) kept.push(sign);
  }
  for (const at of begun) kept[at] = "";
  return kept.join("");
}

/**
 * How long to wait before another try. Delays in seconds; `failures` counts the tries since the last connection.
 *
 * `jitter` draws the first delay from U(0, 5 s) and later ones full-jitter exponentially up to 30 s, so that a crowd does
 * not come back in one instant. `fixed` is every 5 s.
 */
const FIRST_S = 5;
const MOST_S = 30;

export const policies = {
  jitter: (failures, random = Math.random) => random() * Math.min(MOST_S, FIRST_S * 2 ** failures),
  fixed: () => FIRST_S,
};

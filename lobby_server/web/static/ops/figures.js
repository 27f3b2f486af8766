/** What the operations page shows, and how one figure is drawn: a title, the latest values in words, a curve. */
import { fromTemplate, part, setText } from "../lobby/base/dom.js";
import { locale, t } from "../lobby/words/words.js";

/** Two places below 10, none above: as much as a glance takes in. */
const short = (value) => value.toLocaleString(locale, { maximumFractionDigits: value < 10 ? 1 : 0 });
const percent = (value) => `${short(value * 100)} %`;
const ms = (value) => `${short(value)} ms`;

function bytes(value) {
  const units = ["B", "KiB", "MiB", "GiB"];
  let at = 0;
  while (value >= 1024 && at < units.length - 1) {
    value /= 1024;
    at += 1;
  }
  return `${at === 0 ? Math.round(value) : short(value)} ${units[at]}`;
}

const WHOLE = [1, 2, 5].flatMap((step) => Array.from({ length: 10 }, (_, power) => step * 10 ** power)).sort((a, b) => a - b);
const BINARY = Array.from({ length: 40 }, (_, power) => 2 ** power);

/** A curve is [field of a sample, its name]; `unit` writes a value, `steps` are those of the axis, `most` is its end. */
export const FIGURES = [
  { title: t("ops.figure.connections"), what: t("ops.figure.connections.what"), unit: short, steps: WHOLE, curves: [["sockets", t("ops.figure.connections.sockets")], ["sessions", t("ops.figure.connections.accepted")], ["users_online", t("ops.figure.connections.users")]] },
  { title: t("ops.figure.logins"), what: t("ops.figure.logins.what"), unit: short, curves: [["logins_per_s", t("ops.figure.logins.curve")]] },
  { title: t("ops.figure.events"), what: t("ops.figure.events.what"), unit: short, curves: [["events_per_s", t("ops.figure.events.curve")], ["messages_in_per_s", t("ops.figure.events.messages")]] },
  { title: t("ops.figure.frames"), what: t("ops.figure.frames.what"), unit: short, curves: [["frames_out_per_s", t("ops.figure.frames.curve")]] },
  { title: t("ops.figure.bytes"), what: t("ops.figure.bytes.what"), unit: bytes, steps: BINARY, curves: [["bytes_out_per_s", t("ops.figure.bytes.curve")]] },
  { title: t("ops.figure.latency"), what: t("ops.figure.latency.what"), unit: ms, curves: [["seen_p50_ms", "p50"], ["seen_p99_ms", "p99"]] },
  { title: t("ops.figure.sends"), what: t("ops.figure.sends.what"), unit: short, curves: [["sends_per_tick", t("ops.figure.sends.curve")]] },
  { title: t("ops.figure.conflation"), what: t("ops.figure.conflation.what"), unit: percent, most: 1, curves: [["conflation_ratio", t("ops.figure.conflation.curve")]] },
  { title: t("ops.figure.behind"), what: t("ops.figure.behind.what"), unit: short, steps: WHOLE, curves: [["sessions_behind", t("ops.figure.behind.curve")]] },
  { title: t("ops.figure.lag"), what: t("ops.figure.lag.what"), unit: ms, curves: [["loop_lag_ms", t("ops.figure.lag.curve")]] },
  { title: t("ops.figure.processor"), what: t("ops.figure.processor.what"), unit: percent, curves: [["cpu_ratio", t("ops.figure.processor.curve")]] },
  { title: t("ops.figure.memory"), what: t("ops.figure.memory.what"), unit: bytes, steps: BINARY, curves: [["resident_bytes", t("ops.figure.memory.resident")], ["log_bytes", t("ops.figure.memory.log")]] },
  { title: t("rooms.title"), what: t("ops.figure.rooms.what"), unit: short, steps: WHOLE, curves: [["rooms", t("ops.figure.rooms.curve")]] },
];

const KEYS = ["one", "two", "three"];
const COLOURS = ["--pico-primary", "--waiting", "--good"];
const DASHES = [undefined, [6, 3], [2, 3]]; // for readers who cannot tell the colours apart
const WINDOW_S = 15 * 60;
const LEAST_WINDOW_S = 2 * 60;

export class Figure {
  #spec;
  #element = fromTemplate("figure");
  #box = part(this.#element, "chart");
  #plot = null;

  constructor(spec, parent) {
    this.#spec = spec;
    setText(part(this.#element, "title"), spec.title);
    setText(part(this.#element, "what"), spec.what);
    part(this.#element, "now").append(...spec.curves.map(([, name], at) => legendOf(name, KEYS[at])));
    parent.append(this.#element);
    new ResizeObserver(() => this.#plot?.setSize(this.#size())).observe(this.#box);
  }

  /** `columns`: field → values, `ts` among them. */
  draw(columns) {
    const { curves, unit } = this.#spec;
    if (this.#box.clientWidth === 0) return; // nobody sees it
    const data = [columns.ts.map((ts) => ts / 1000), ...curves.map(([field]) => columns[field])];
    this.#plot ??= this.#make();
    this.#plot.setData(data, false);
    const now = data[0].at(-1) ?? Date.now() / 1000;
    const span = Math.min(WINDOW_S, Math.max(LEAST_WINDOW_S, now - (data[0][0] ?? now)));
    this.#plot.setScale("x", { min: now - span, max: now });
    curves.forEach(([field], at) => {
      const latest = columns[field].at(-1);
      const value = this.#element.querySelectorAll("[data-part=value]")[at];
      setText(value, latest === undefined || latest === null ? "–" : unit(latest));
    });
  }

  /** The page turned light or dark: colours are given to the plot when it is made. */
  recolour() {
    this.#plot?.destroy();
    this.#plot = null;
  }

  #size = () => ({ width: this.#box.clientWidth, height: this.#box.clientHeight });

  #make() {
    const { curves, unit, steps, most } = this.#spec;
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(name).trim();
    const axis = { stroke: colour("--pico-muted-color"), grid: { stroke: colour("--pico-muted-border-color"), width: 1 }, ticks: { show: false } };
    return new uPlot(
      {
        ...this.#size(),
        legend: { show: false },
        cursor: { show: false },
        padding: [6, 6, 0, 0],
        scales: { y: { range: (plot, min, max) => [0, most ?? (max > 0 ? max * 1.1 : 1)] } },
        axes: [
          { ...axis, values: "{HH}:{mm}", space: 60, size: 26, incrs: [60, 120, 300] },
          { ...axis, size: 62, space: 28, values: (plot, ticks) => ticks.map(unit), ...(steps && { incrs: steps }) },
        ],
        series: [
          {},
          ...curves.map((_, at) => ({ stroke: colour(COLOURS[at]), width: 1.5, dash: DASHES[at], points: { show: false } })),
        ],
      },
      [[], ...curves.map(() => [])],
      this.#box,
    );
  }
}

function legendOf(name, key) {
  const legend = document.createElement("span");
  const mark = document.createElement("i");
  mark.className = `key ${key}`;
  const value = document.createElement("span");
  value.dataset.part = "value";
  value.textContent = "–";
  const label = document.createElement("small");
  label.textContent = name;
  legend.append(mark, value, label);
  return legend;
}

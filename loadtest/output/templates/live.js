/* The charts of a run that goes on. What is new is asked for every other second, and drawn with uPlot; what happened is a
   line upright in every chart over time, a fault a shade. Texts of others come in by textContent only. */
(() => {
  const EVERY_MS = 2000;
  const COLOURS = ["--one", "--two", "--three", "--four", "--five", "--six"];
  const DASHES = [undefined, [6, 3], [2, 3], [10, 3, 2, 3], [3, 6], [12, 4]]; // for readers who cannot tell the colours
  // apart; and where curves lie on one another the lower one shows between the dashes
  const LEAST_MS = 0.01; // a logarithm has no place for less
  const find = (id) => document.getElementById(id);
  const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const short = (value) => (Math.abs(value) < 10 ? String(Number(value.toFixed(value < 1 ? 2 : 1))) : Math.round(value).toLocaleString("en"));
  const ms = (value) => `${short(value)} ms`;
  const percent = (value) => `${short(value * 100)} %`;

  /* A curve is a name and what it takes of a sample. With `least` a chart is logarithmic from there on: a fetch of a tenth
     of a millisecond and an announcement of a tenth of a second are both to be read. */
  const SAMPLED = [
    { key: "connections", title: "Open connections", what: "accepted less lost", unit: short, curves: [["connected", (s) => s.established - s.lost]] },
    { key: "received", title: "Messages received", what: "on sockets, per second", unit: short, curves: [["received", (s) => s.received_per_s]] },
    { key: "requests", title: "Requests", what: "per second", unit: short, curves: [["all", (s) => s.requests_per_s], ["failed", (s) => s.errors_per_s]] },
    { key: "lost", title: "Lost", what: "connections, without those lost on purpose; events, by the ledger", unit: short, curves: [["connections", (s) => s.lost - (s.dropped ?? 0)], ["events", (s) => s.events_lost ?? null]] },
    { key: "cpu", title: "CPU", what: "of a core: the busiest process of each", unit: percent, curves: [["swarm", (s) => s.generator_cpu ?? null], ["server", (s) => s.server_cpu ?? null]] },
  ];
  const WINDOWED = [
    { key: "p50", title: "Median", what: "of windows of 5 s; logarithmic", unit: ms, figure: "p50_ms", least: LEAST_MS },
    { key: "p99", title: "99th percentile", what: "of windows of 5 s; logarithmic", unit: ms, figure: "p99_ms", least: LEAST_MS },
  ];

  /* Which values of a series have no neighbour to draw a line to. */
  function alone(plot, series) {
    const values = plot.data[series];
    return values.flatMap((value, at) => (value != null && values[at - 1] == null && values[at + 1] == null ? [at] : []));
  }

  const LINEAR = { range: (plot, min, max) => [0, max > 0 ? max * 1.1 : 1] };
  const LOGARITHMIC = { distr: 3, range: (plot, min, max) => (min > 0 ? [decade(min, Math.floor), decade(max * 1.01, Math.ceil)] : [1, 10]) };
  const decade = (value, round) => 10 ** round(Math.log10(value));

  /* The decades of a logarithmic axis; where these are few what is between them, too. */
  function logarithmicTicks(plot, axis, least, most) {
    const steps = most / least > 100 ? [1] : [1, 2, 5];
    const ticks = [];
    for (let from = least; from <= most * 1.01; from *= 10) ticks.push(...steps.map((step) => Number((from * step).toPrecision(1))));
    return ticks.filter((tick) => tick <= most * 1.01);
  }


  let run = "";
  let untilS = 0;
  let samples = [];
  let windows = [];
  let moments = [];
  let titles = {};
  const charts = new Map();
  const rows = new Map(); // role → its row in the table

  class Chart {
    constructor(spec) {
      this.spec = spec;
      this.names = "";
      const figure = document.createElement("figure");
      figure.dataset.chart = spec.key;
      const caption = document.createElement("figcaption");
      caption.append(`${spec.title} `, Object.assign(document.createElement("small"), { textContent: spec.what }));
      this.box = Object.assign(document.createElement("div"), { className: "plot" });
      this.legend = Object.assign(document.createElement("div"), { className: "legend" });
      figure.append(caption, this.box, this.legend);
      find("charts").append(figure);
      new ResizeObserver(() => this.plot?.setSize(this.size())).observe(this.box);
    }

    size() {
      return { width: this.box.clientWidth, height: this.box.clientHeight };
    }

    draw(times, curves) {
      const names = curves.map(([name]) => name).join("\n");
      if (names !== this.names) this.forget();
      this.names = names;
      this.plot ??= this.make(curves.map(([name]) => name));
      this.plot.setData([times, ...curves.map(([, values]) => this.drawable(values))]);
      this.legend.replaceChildren(...curves.map(([name, values], at) => this.entry(name, values.findLast((value) => value != null), at)));
    }

    drawable(values) {
      const { least } = this.spec;
      return least === undefined ? values : values.map((value) => (value == null ? null : Math.max(value, least)));
    }

    entry(name, latest, at) {
      const entry = document.createElement("span");
      const key = Object.assign(document.createElement("b"), { textContent: "■ " });
      key.style.color = style(COLOURS[at % COLOURS.length]);
      const value = Object.assign(document.createElement("b"), { textContent: latest == null ? "–" : this.spec.unit(latest) });
      entry.append(key, `${name} `, value);
      return entry;
    }

    make(names) {
      const axis = { stroke: style("--quiet"), grid: { stroke: style("--line"), width: 1 }, ticks: { show: false } };
      return new uPlot(
        {
          ...this.size(),
          legend: { show: false },
          cursor: { show: false },
          padding: [10, 16, 0, 0],
          scales: { x: { time: false }, y: this.spec.least === undefined ? LINEAR : LOGARITHMIC },
          axes: [
            { ...axis, size: 26, values: (plot, ticks) => ticks.map((tick) => `${tick} s`) },
            { ...axis, size: 70, space: 28, ...(this.spec.least === undefined ? {} : { splits: logarithmicTicks, filter: (plot, ticks) => ticks }), values: (plot, ticks) => ticks.map(this.spec.unit) },
          ],
          series: [{}, ...names.map((name, at) => ({ label: name, stroke: style(COLOURS[at % COLOURS.length]), width: 1.5, dash: DASHES[at % DASHES.length], points: { show: false, filter: alone, size: 4, width: 1, fill: style(COLOURS[at % COLOURS.length]) } }))],
          hooks: { draw: [mark] },
        },
        [[], ...names.map(() => [])],
        this.box,
      );
    }

    forget() {
      this.plot?.destroy();
      this.plot = undefined;
    }
  }

  function mark(plot) {
    const { ctx, bbox } = plot;
    ctx.save();
    for (const { at_s: at, until_s: until, kind } of moments) {
      const left = plot.valToPos(at, "x", true);
      if (!(left >= bbox.left && left <= bbox.left + bbox.width)) continue;
      const right = kind === "fault" ? Math.min(plot.valToPos(until ?? at, "x", true), bbox.left + bbox.width) : left;
      ctx.globalAlpha = kind === "fault" ? 0.18 : 0.7;
      ctx.fillStyle = style(kind === "fault" ? "--two" : "--moment");
      ctx.fillRect(left - 1, bbox.top, Math.max(2, right - left), bbox.height);
    }
    ctx.restore();
  }

  const chartOf = (spec) => {
    if (!charts.has(spec.key)) charts.set(spec.key, new Chart(spec));
    return charts.get(spec.key);
  };

  function drawCharts() {
    const times = samples.map((sample) => sample.t_s);
    for (const spec of SAMPLED) chartOf(spec).draw(times, spec.curves.map(([name, take]) => [name, samples.map(take)]));
    const ends = windows.map((window) => window.until_s);
    const names = Object.keys(titles).filter((name) => windows.some((window) => name in window.metrics));
    for (const spec of WINDOWED) {
      chartOf(spec).draw(ends, names.map((name) => [titles[name], windows.map((window) => window.metrics[name]?.[spec.figure] ?? null)]));
    }
  }

  function tell(found) {
    const about = find("about");
    const level = Object.assign(document.createElement("strong"), { className: found.validity, textContent: found.validity });
    const reach = Object.entries(found.reach).map(([name, value]) => `reach of ${name} ${value}`).join(", ");
    about.replaceChildren(`${found.running ? "Running" : "Over"} · ${short(found.now_s)} s · ${found.host} · seed ${found.seed} · `, level, ` · ${reach}`);
    const said = [...found.reasons.map((text) => ({ text, met: true })), ...found.thresholds];
    find("said").replaceChildren(...said.map(({ text, met }) => Object.assign(document.createElement("li"), { textContent: text, className: met ? "" : "missed" })));
  }

  /* A row stays while its role does: a button that is replaced while somebody presses it would not hear of the click. */
  function rowOf(role) {
    if (!rows.has(role)) {
      const row = document.createElement("tr");
      row.dataset.role = role;
      row.append(...["role", "active", "connecting", "paused", "away", "deed"].map(() => document.createElement("td")));
      const button = Object.assign(document.createElement("button"), { type: "button" });
      button.addEventListener("click", () => setPaused(role, row.dataset.paused !== "true"));
      row.lastElementChild.append(button);
      rows.set(role, row);
    }
    return rows.get(role);
  }

  function showRoles(roles, running) {
    const body = find("roles");
    for (const [role, row] of rows) {
      if (roles.some((each) => each.role === role)) continue;
      row.remove();
      rows.delete(role);
    }
    roles.forEach(({ role, paused, states }, at) => {
      const row = rowOf(role);
      const figures = [states.active, states.connecting, states.paused, states.away].map((count) => count.toLocaleString("en"));
      [role, ...figures].forEach((text, column) => (row.children[column].textContent = text));
      row.dataset.paused = String(paused);
      const button = row.querySelector("button");
      const deed = paused ? "Resume" : "Pause";
      button.hidden = !running;
      if (button.textContent !== deed) button.textContent = deed;
      button.setAttribute("aria-label", `${deed} ${role}`);
      if (body.children[at] !== row) body.insertBefore(row, body.children[at] ?? null);
    });
  }

  function showMoments() {
    find("moments").replaceChildren(...[...moments].sort((one, other) => one.at_s - other.at_s).map(({ at_s: at, text, kind }) => {
      const entry = document.createElement("li");
      entry.dataset.kind = kind;
      entry.append(Object.assign(document.createElement("time"), { textContent: `${at.toFixed(1)} s` }), text);
      return entry;
    }));
  }

  function say(where, words) {
    const place = find(where);
    if (place.textContent !== words) place.textContent = words; // else it would be read out again
    place.hidden = !words;
  }

  /** What the swarm says; or an error whose message is a sentence for people. */
  async function ask(path, options) {
    let answer;
    try {
      answer = await fetch(path, options);
    } catch {
      throw new Error("The swarm does not answer: its program has ended, or the network is down.");
    }
    const told = await answer.json().catch(() => null);
    if (answer.ok && told !== null) return told;
    if (answer.redirected) throw new Error("You are not logged in any more: load the page again.");
    throw new Error(told?.message ?? `The swarm answered with ${answer.status}, which says nothing.`);
  }

  async function setPaused(role, paused) {
    say("refusal", "");
    try {
      await ask("roles", { method: "POST", body: new URLSearchParams({ role, paused }) });
    } catch (fault) {
      say("refusal", `${role} was not ${paused ? "paused" : "resumed"}. ${fault.message}`);
    }
    await look();
  }

  async function look() {
    let found;
    try {
      found = await ask(`live.json?${new URLSearchParams({ run, after_s: untilS })}`);
    } catch (fault) {
      find("about").textContent = `What is below is old. ${fault.message}`;
      return;
    }
    if (!found.run) return;
    say("doubt", found.doubt);
    if (found.run !== run) {
      say("refusal", ""); // of another run
      [run, untilS, samples, windows] = [found.run, 0, [], []];
      charts.forEach((chart) => chart.forget());
    }
    const newer = (time) => time > untilS;
    samples.push(...found.samples.filter((sample) => newer(sample.t_s)));
    windows.push(...found.windows.filter((window) => newer(window.until_s)));
    untilS = Math.max(untilS, found.until_s);
    ({ moments, titles } = found);
    tell(found);
    showRoles(found.roles, found.running);
    showMoments();
    drawCharts();
  }

  document.documentElement.classList.toggle("dark", location.hash === "#dark");
  (async function follow() {
    await look();
    setTimeout(follow, EVERY_MS);
  })();
})();

"""Charts of the scenarios that leave findings: freshness, storms, capacity, cost, peers, noise."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.analysis.estimates import Estimate, estimate, in_pairs, ratio
from bench.analysis.noise_floors import noise_floors
from bench.analysis.windows import rates_of
from bench.measures import (
    ANNOUNCEMENT_P99,
    CAPACITY,
    COLD_BROADCAST,
    CPU_PER_EVENT,
    CPU_PER_PLAYER_HOUR,
    CPU_PER_RECIPIENT,
    CPU_PER_REQUEST,
    KIB_PER_PLAYER_HOUR,
    RSS_PER_CONNECTION,
    SLAB_PER_SOCKET,
    TIME_TO_FRESH_P50,
    TOLD_OFFLINE,
    Measure,
)
from bench.record.findings import Findings, Measured
from bench.record.run import Run
from bench.record.vocabulary import (
    ACCEPTED,
    ANNOUNCEMENT,
    BACK_AND_FRESH,
    DISTURBED,
    FLOOR,
    LOBBY,
    LOBBY_AGAIN,
    MET,
    MISSED,
    NOT_MEASURED,
    OTHER_BUILD,
    STALENESS,
    TIME_TO_FRESH,
)
from bench.report.charts.broadcast import distribution
from bench.report.charts.colours import (
    BLUE,
    GREEN,
    GREY,
    LIFE_COLOURS,
    SKY,
    VERMILLION,
    WAY_COLOURS,
    party_colour,
    policy_colour,
    size_colour,
)
from bench.report.charts.sheet import (
    MARKERS,
    STYLE,
    STYLES,
    client_axis,
    columns,
    is_narrow,
    mark_invalid,
    nines_axis,
    number_axis,
    ratio_axis,
    sheet,
    thinned,
    time_axis,
    title,
    wrapped,
)
from bench.stats import merge, percentile
from bench.words import count, in_digits, in_percent, plural, way_words
from loadtest.results.validity import Validity

INVALID = Validity.INVALID
SUSPECT = " *"
"""Behind a figure that is suspect: a word would not fit beside a bar."""


def freshness(run: Run, found: Findings) -> Figure:
    """Time to fresh, and how stale a client is at any time; the same definition for all ways."""
    sizes = run.profile.freshness
    reach = min(
        (ledger.reach for each in found.series for ledger in each.ledgers), default=float("nan")
    )  # fmt: skip
    what = (
        f"n: {sizes.clients} clients per way, {rates_of(found, sizes.changes_per_s)} for {sizes.window_s:g} s, "
        f"{plural(sizes.repeats, 'time')}; reach {in_percent(reach)}. Polling every {sizes.poll_s:g} s. Staleness: age "
        "of the oldest "
        "change that a client has not, looked at all over the window."
    )
    with mpl.rc_context(STYLE):
        figure, (left, right) = sheet(run, what, height_in=4.4, columns=2)
        most = 1.0
        for number, (way, colour) in enumerate(WAY_COLOURS.items()):
            style = STYLES[number % len(STYLES)]
            for series in found.series_of(TIME_TO_FRESH, way):
                samples = merge([group.values_ms() for group in series.groups])
                bad = " – INVALID" if _is_invalid(found, TIME_TO_FRESH_P50, way) else ""
                most = max(most, distribution(left, samples, colour, style, way_words(way) + bad))
            for series in found.series_of(STALENESS, way):
                every_s = np.sort(merge([group.values_ms() for group in series.groups])) / 1e3
                stale_s, kept = thinned(every_s)
                shares = 100 * (kept + 1) / len(every_s)
                right.plot(stale_s, shares, color=colour, linestyle=style, linewidth=1.8)
        title(left, "until a client holds a change")
        left.set_xlabel("time since the change (log scale)")
        left.set_ylabel("percentile of changes × clients (in nines)")
        nines_axis(left, most)
        time_axis(left.xaxis, left.set_xscale)
        title(right, "how stale a client is at any moment")
        right.set_xlabel("staleness below (s)")
        right.set_ylabel("share of client time (%)")
        right.set_ylim(0, 101)
        right.set_xlim(left=-0.05)
        lines, names = left.get_legend_handles_labels()
        figure.legend(lines, names, loc="outside upper center", ncols=columns(6), fontsize=9)
    return figure


def storm(run: Run, found: Findings) -> Figure:
    """Share of the clients accepted, over time."""
    series = sorted(found.series_of(ACCEPTED), key=lambda each: each.clients)
    what = (
        f"n: {', '.join(str(len(each.groups)) for each in series)} storms by size, a fresh server each; all say hello "
        "in one moment, on sockets that are open. Reach 100 %: who heard of whom is checked to the event and the byte."
    )
    with mpl.rc_context(STYLE):
        figure, (axes,) = sheet(run, what, height_in=3.6)
        for number, each in enumerate(series):
            for repeat, group in enumerate(each.groups):
                whose = f", {OTHER_BUILD}" if each.party == OTHER_BUILD else ""
                label = f"{count(each.clients)} clients{whose}" if not repeat else None
                _share_over_time(axes, group.values_ms() / 1e3, each.clients, size_colour(each.clients), number, label)
        axes.set_xlabel("seconds since the first hello")
        axes.set_ylabel("clients accepted (%)")
        axes.set_xlim(left=0)
        axes.legend(loc="lower right", fontsize=9)
    return figure


def reconnect(run: Run, found: Findings) -> Figure:
    """Share of the clients back and fresh, by policy and by how the server went."""
    series = found.series_of(BACK_AND_FRESH)
    what = (
        f"n: {count(run.profile.returns.clients)} clients, {plural(len(series[0].groups), 'restart')} per line; "
        "back is accepted again, fresh is with the list. Time counts from the stop of the old process; SIGTERM and "
        "kill -9 meet the same delays of retries. A line whose last dot is below 100 % has left somebody out."
    )
    with mpl.rc_context(STYLE):
        figure, (axes,) = sheet(run, what, height_in=3.8)
        for number, each in enumerate(sorted(series, key=lambda one: one.party)):
            for repeat, group in enumerate(each.groups):
                label = each.party if not repeat else None
                _share_over_time(axes, group.values_ms() / 1e3, each.clients, policy_colour(each.party), number, label)
        axes.set_xlabel("seconds since the server was stopped")
        axes.set_ylabel("clients back and fresh (%)")
        axes.set_xlim(left=0)
        axes.set_ylim(0, 103)
        axes.legend(loc="lower right", fontsize=9, title="retry policy, way to go", title_fontsize=9)
    return figure


def flap(run: Run, found: Findings) -> Figure:
    """What witnesses were told of players who came back."""
    told = sorted((each for each in found.measures if each.measure == TOLD_OFFLINE), key=lambda each: each.party)
    series = {each.party: each for each in found.series_of(BACK_AND_FRESH)}
    sizes = run.profile.returns
    cut = round(sizes.flap_share * sizes.flapping)
    what = (
        f"n: {plural(len(told[0].readings), 'flap')} per line; {cut} of {count(sizes.flapping)} sockets are reset "
        "in one moment. "
        "Each user_offline that a witness heard is of a player who came back."
    )
    with mpl.rc_context(STYLE):
        figure, (left, right) = sheet(run, what, height_in=3.4, columns=2)
        for number, measure in enumerate(told):
            found_estimate = estimate(measure)
            if found_estimate is None:
                continue
            share = 100 * found_estimate.value / cut
            left.barh(number, share, color=policy_colour(measure.party), height=0.6)
            if found_estimate.judgement.validity is INVALID:
                mark_invalid(left, min(share, 100.0), number)
            else:
                left.annotate(f"{share:.0f} %", (share, number), xytext=(4, 0), textcoords="offset points", va="center")
            each = series[measure.party]
            if measure.party.endswith("grace 0 s"):  # when players are back does not depend on the grace
                policy = measure.party.partition(",")[0]
                for repeat, group in enumerate(each.groups):
                    _share_over_time(right, group.values_ms() / 1e3, cut, policy_colour(policy), number,
                                     None if repeat else policy)  # fmt: skip
        left.set_yticks(range(len(told)), wrapped([measure.party for measure in told]))
        left.invert_yaxis()
        left.set_xlim(0, 118)
        left.set_xlabel("players told offline though they came back (%)")
        left.grid(visible=False, axis="y")
        right.set_xlabel("seconds since the cut")
        right.set_ylabel("players back and fresh (%)")
        right.set_xlim(left=0)
        if right.lines:
            right.legend(loc="upper left", fontsize=8)
    return figure


def capacity(run: Run, found: Findings) -> Figure:
    """Every step of the search, and where it ended."""
    sizes = run.profile.capacity
    steps = [each for each in found.measures if each.measure == ANNOUNCEMENT_P99]
    knee = next((estimate(each) for each in found.measures if each.measure == CAPACITY), None)
    what = (
        f"n: {plural(sum(len(each.readings) for each in steps), 'step')} of {sizes.broadcasts} broadcasts, a fresh "
        "server each; "
        f"{sizes.repeats} {'search' if sizes.repeats == 1 else 'searches'}. Service level: p99 below "
        f"{sizes.slo_ms:g} ms and reach 1."
    )
    with mpl.rc_context(STYLE):
        figure, (axes,) = sheet(run, what, height_in=3.8)
        for outcome, colour, marker in ((MET, BLUE, "o"), (MISSED, VERMILLION, "X"), (NOT_MEASURED, GREY, "s")):
            dots = [  # a size may have met the level in one search and missed it in the next
                (series.clients, percentile(group.values_ms(), 99))
                for series in found.series_of(ANNOUNCEMENT, outcome)
                for group in series.groups
                if len(group)
            ]
            if dots:
                label = outcome if outcome != NOT_MEASURED else f"{NOT_MEASURED}: {DISTURBED}"
                axes.plot([n for n, _ in dots], [ms for _, ms in dots], linestyle="", marker=marker, color=colour,
                          markersize=7, label=label)  # fmt: skip
        axes.axhline(sizes.slo_ms, color=GREY, linestyle=(0, (5, 3)), linewidth=1)
        axes.annotate(f"service level, {sizes.slo_ms:g} ms", (0.01, sizes.slo_ms), xycoords=("axes fraction", "data"),
                      xytext=(0, 3), textcoords="offset points", fontsize=8, color=GREY)  # fmt: skip
        if knee is not None and knee.value:
            axes.axvspan(knee.low, knee.high, color=GREEN, alpha=0.2, linewidth=0)
            is_least = any("at least" in note for note in found.notes)
            words = f"{'at least ' if is_least else ''}{count(knee.value)} clients"
            axes.axvline(knee.value, color=GREEN, linewidth=1.5)
            axes.annotate(words, (knee.value, 0.02), xycoords=("data", "axes fraction"), xytext=(-4, 0),
                          textcoords="offset points", ha="right", fontsize=9, color=GREEN)  # fmt: skip
        client_axis(axes, sorted({step.clients for step in steps}))
        time_axis(axes.yaxis, axes.set_yscale)
        axes.set_ylabel("p99 of the fan-out (log scale)")
        axes.set_ylim(top=1.6 * max(sizes.slo_ms, *(reading.value for step in steps for reading in step.readings)))
        axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=1 if is_narrow() else 3, fontsize=9)
    return figure


def cost(run: Run, found: Findings) -> Figure:
    """CPU and bytes per player-hour and memory per connection, by number of players."""
    sizes = run.profile.cost
    what = (
        f"n: {plural(sizes.repeats, 'window')} of {sizes.window_s:g} s per point, a fresh server each; bars: "
        "least to most. "
        f"Active: {rates_of(found, sizes.changes_per_s)}. Kernel: growth of the machine's slab per socket."
    )
    with mpl.rc_context(STYLE):
        figure, (left, middle, right) = sheet(run, what, height_in=4.0, columns=3)
        for axes, measure in ((left, CPU_PER_PLAYER_HOUR), (middle, KIB_PER_PLAYER_HOUR)):
            parties = list(dict.fromkeys(each.party for each in found.measures if each.measure == measure))
            for number, party in enumerate(parties):
                _line(axes, [m for m in found.measures if (m.measure, m.party) == (measure, party)],
                      number, LIFE_COLOURS.get(party, GREY), party)  # fmt: skip
            client_axis(axes, sizes.clients)
            number_axis(axes.yaxis, axes.set_yscale)
        left.set_ylabel("server CPU, s per player-hour (log scale)")
        middle.set_ylabel("KiB per player-hour, with TCP/IP (log scale)")
        middle.legend(loc="best", fontsize=8)
        for number, (measure, label) in enumerate(
            ((RSS_PER_CONNECTION, "server, RSS"), (SLAB_PER_SOCKET, "kernel, per socket"))
        ):
            colour = (BLUE, SKY)[number]
            _line(right, [each for each in found.measures if each.measure == measure], number + 3, colour, label)
        client_axis(right, sizes.clients)
        least, highest = min(0.0, right.dataLim.y0), right.dataLim.y1
        right.set_ylim(1.3 * least, 1.3 * highest if highest > 0 else 1.0)  # RSS need not grow at all
        right.set_ylabel("KiB per connection")
        right.legend(loc="best", fontsize=8)
        for axes in (left, middle, right):
            axes.set_xlabel("players (log scale)")
    return figure


def peers(run: Run, found: Findings) -> Figure:
    """The lobby among others, cost per unit of work."""
    sizes = run.profile.peers
    what = (
        f"n: {plural(sizes.repeats, 'repeat')} in turns, {sizes.broadcasts} broadcasts to "
        f"{count(sizes.clients)} clients and a "
        f"storm of {count(sizes.storm)} each; bars: median, lines: least to most. Reach 100 %, or the ledger's faults "
        "are told in the report."
    )
    panels = ((CPU_PER_RECIPIENT, "broadcast: per recipient"), (CPU_PER_EVENT, "login storm: per event"),
              (CPU_PER_REQUEST, "GET /api/rooms"))  # fmt: skip
    shown = {measure for measure, _ in panels}
    made_of = [made for each in found.measures if each.measure in shown and (made := estimate(each)) is not None]
    if any(_mark(made) == SUSPECT for made in made_of):
        what += " *: suspect, the table says why."
    with mpl.rc_context(STYLE):
        figure, axes_of = sheet(run, what, height_in=3.6, columns=3)
        for axes, (measure, words) in zip(axes_of, panels, strict=True):
            bars = [
                (each.party, made) for each in found.measures if each.measure == measure and (made := estimate(each))
            ]
            bars.sort(key=lambda bar: bar[1].value)
            for row, (party, made) in enumerate(bars):
                axes.barh(row, max(0.0, made.value), color=party_colour(party), height=0.65)
                if made.n > 1:
                    axes.plot([made.low, made.high], [row, row], color="black", linewidth=1.2)
                axes.annotate(f"{in_digits(made.value)}{_mark(made)}", (max(made.value, made.high), row), xytext=(4, 0),
                              textcoords="offset points", va="center", fontsize=8)  # fmt: skip
            axes.set_yticks(range(len(bars)), [_party_words(party) for party, _ in bars], fontsize=8)
            for tick in axes.get_yticklabels():
                tick.set_fontweight("bold" if tick.get_text() == LOBBY else "normal")
            axes.invert_yaxis()
            axes.set_xlim(0, 1.3 * max((made.high for _, made in bars), default=1.0))
            axes.grid(visible=False, axis="y")
            axes.set_xlabel("server CPU (µs)")
            title(axes, words)
    return figure


def _mark(made: Estimate) -> str:
    """Behind a figure that is not valid."""
    return {Validity.VALID: "", Validity.SUSPECT: SUSPECT, Validity.INVALID: "  INVALID"}[made.judgement.validity]


def _is_invalid(found: Findings, measure: Measure, party: str) -> bool:
    """Any of its points."""
    made = [estimate(each) for each in found.measures if (each.measure, each.party) == (measure, party)]
    return any(each is not None and each.judgement.validity is INVALID for each in made)


def _party_words(party: str) -> str:
    return "floor: bare loop\nof sends" if party == FLOOR else party.replace(", ", ",\n")


def noise(run: Run, found: Findings) -> Figure:
    """The ratio of two that are the same, pair by pair."""
    sizes = run.profile.noise
    floors = noise_floors(found, LOBBY_AGAIN)
    named = [each for each in found.measures if each.party != LOBBY_AGAIN and each.measure != COLD_BROADCAST]
    what = (
        f"n: {sizes.repeats} pairs, {count(sizes.clients)} clients, fresh processes, random order. Each dot is a pair "
        "of equal servers; the shade is the noise floor of that quantity, the largest of a kind that of all others: a "
        "smaller difference is called none."
    )
    with mpl.rc_context(STYLE):
        figure, (axes,) = sheet(run, what, height_in=1.4 + 0.45 * len(named))
        furthest = 1.05
        for row, measured in enumerate(named):
            again = found.find(measured.measure, LOBBY_AGAIN, measured.where)
            ratios = [b.value / a.value for a, b in in_pairs(measured.readings, again) or () if a.value]
            floor = floors.of(measured.measure) or 0.0
            low, high = 1 / (1 + floor), 1 + floor
            axes.fill_betweenx([row - 0.35, row + 0.35], low, high, color=SKY, alpha=0.4, linewidth=0)
            axes.plot(ratios, [row] * len(ratios), linestyle="", marker="o", color=BLUE)
            pairs = ratio(again, measured.readings, measured.measure.kind)
            if pairs is not None and pairs.judgement.validity is INVALID:
                mark_invalid(axes, pairs.value if pairs.value > 0 else 1.0, row)
            furthest = max(furthest, high, *ratios, *(1 / each for each in ratios if each > 0))
        axes.axvline(1, color=GREY, linewidth=1)
        axes.set_xscale("log")
        axes.set_xlim(1 / furthest**1.1, furthest**1.1)
        ratio_axis(axes)
        axes.set_yticks(range(len(named)), wrapped([measure.name for measure in named]))
        axes.invert_yaxis()
        axes.set_xlabel("second ÷ first of two equal servers (log scale)")
        axes.grid(visible=False, axis="y")
    return figure


def _share_over_time(axes: Axes, moments_s: np.ndarray[tuple[int], np.dtype[np.float64]], of: int, colour: str,
                     number: int, label: str | None) -> None:  # fmt: skip
    shown_s, kept = thinned(moments_s)
    shares = 100 * (kept + 1) / of
    axes.step([0.0, *shown_s], [0.0, *shares], where="post", color=colour, linestyle=STYLES[number % len(STYLES)],
              linewidth=1.6, marker="o", markevery=[-1], markersize=4, label=label)  # fmt: skip


def _line(axes: Axes, measures: Sequence[Measured], number: int, colour: str, label: str) -> None:
    points: list[tuple[int, Estimate]] = [
        (each.clients, found) for each in measures if (found := estimate(each)) is not None
    ]
    points.sort(key=lambda point: point[0])
    axes.plot([n for n, _ in points], [found.value for _, found in points], color=colour, marker=MARKERS[number],
              linestyle=STYLES[number % len(STYLES)], markersize=5, linewidth=1.6, label=label)  # fmt: skip
    for clients, found in points:
        if found.n > 1:
            axes.plot([clients, clients], [found.low, found.high], color=colour, linewidth=3, alpha=0.4)
        if found.judgement.validity is INVALID:
            mark_invalid(axes, clients, found.value)

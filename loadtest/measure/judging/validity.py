"""Can the figures of a run be trusted? What doubts there are, and of which weight.

Judged from what was recorded; no clock is read. `loadtest.results.validity` has the levels, and
`loadtest.measure.judging.bottleneck` says what held the run up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from loadtest.measure.examples import NOT_UNDERSTOOD
from loadtest.measure.judging.bottleneck import LEAST_SECONDS, STOOD_STILL_S, bottleneck, busy_figure, seen_in
from loadtest.measure.judging.thresholds import in_time_units
from loadtest.measure.metrics import (
    ARRIVALS,
    CALLED_OFF,
    FAILURES,
    FAULTS_FAILED,
    LATE_WORKERS,
    METRICS,
    ONLINE_BEFORE,
    POLLS_SKIPPED,
    RESTARTS,
    RESTARTS_ASKED_FOR,
    RESTARTS_FAILED,
    ROLE_FAULTS,
    WITHOUT_A_SEAT,
    WITHOUT_IDENTITY,
    counts_by_place,
    series_of,
)
from loadtest.measure.points import DELAYED
from loadtest.measure.processes.health import Health
from loadtest.measure.recorder import LATENESS, Recorder
from loadtest.measure.run_facts import ServerState
from loadtest.results.validity import BUSY_SHARE, NEAR_SHARE, Validity

BUSY_SECONDS_INVALID = 0.10
"""Share of the seconds: more of them distort every percentile from p90 on."""
LATE_TICKS_INVALID = 0.10
LATE_TICKS_SUSPECT = 0.01
"""Share of the ticks that were `LATE_TICK_S` late; every p99 is then the generator's own."""
DELAYED_INVALID = 0.10
DELAYED_SUSPECT = 0.01
"""Share of a metric's durations that were left out, because the generator stood still meanwhile."""
LATENESS_SUSPECT_S = 1.0
"""At p99: the load was not the one that was planned."""
NOT_UNDERSTOOD_INVALID = 0.01
"""Share of the messages: with more of them the ledger knows too little."""
UNHEARD_INVALID = 0.5
"""Share of the players' comings and goings."""
UNHEARD_PAIRS_INVALID = 0.10
"""Share of all that was expected of presence: by as much reach is too low, and it may not be the server's doing."""
LEAST_UNHEARD = 3
LEAST_UNHEARD_BY = 10
"""Observers of which not one heard: fewer may have lost it one by one, of which `LEAST_UNHEARD` such comings tell, as a
doubt. Without so many, no share of the losses makes a run INVALID."""
LEAST_UNANSWERED = 3
ONLINE_BEFORE_INVALID = 0.01
"""Share of the connections."""


@dataclass(frozen=True)
class RunValidity:
    level: Validity
    reasons: tuple[str, ...]
    bottleneck: str | None
    """A sentence, where the figures allow one."""
    notes: tuple[str, ...] = ()
    """Said of a run whatever its level: no doubt comes of them."""

    def __str__(self) -> str:
        return f"{self.level.value}: {'; '.join(self.reasons)}" if self.reasons else self.level.value


@dataclass
class _Doubts:
    invalid: list[str] = field(default_factory=list)
    suspect: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, sentence: str, *, is_invalid: bool) -> None:
        (self.invalid if is_invalid else self.suspect).append(sentence)


def validity_of(
    recorder: Recorder,
    *,
    server_cpu_shares: Sequence[float] = (),
    server_state: ServerState | None = None,
    has_faults: bool = False,
    is_over: bool = True,
    players: int = 0,
    has_lines: bool = False,
) -> RunValidity:
    """`players`: how many took part; 0 where that is not known. `server_cpu_shares` are of a core, second by second, of
    the server's busiest process; none where unknown. `has_faults`: the run itself killed or froze processes, so that
    they were away or stood still is no surprise. `has_lines`: those of players were emulated. While a run is not over,
    counts cannot be reconciled yet."""
    processes, doubts = healths(recorder), _Doubts()
    for name, health in processes.items():
        _judge_process(name, health, doubts)
    _judge_identities(recorder, doubts)
    _judge_roles(recorder, doubts)
    if is_over:
        doubts.invalid += recorder.unreconciled
        _judge_what_was_judged(recorder, doubts, players=players)
        _judge_answers(recorder, doubts)
    _judge_understanding(recorder, doubts)
    _judge_load(recorder, doubts)
    _judge_points(recorder, doubts)
    if not has_faults:
        is_planned = any(recorder.events[name] for name in (RESTARTS, RESTARTS_ASKED_FOR, RESTARTS_FAILED))
        _judge_server(server_state or ServerState(), doubts, is_planned=is_planned)
    if recorder.rooms.missed:
        doubts.notes.append(
            f"{recorder.rooms.missed:,} announcements of the rooms that others heard did not come to a player who "
            "heard a later one: conflated by right, or lost; the base protocol does not tell which"
        )
    level = Validity.INVALID if doubts.invalid else Validity.SUSPECT if doubts.suspect else Validity.VALID
    seen = seen_in(
        recorder,
        list(processes.values()),
        server_cpu_shares=server_cpu_shares,
        state=server_state,
        has_lines=has_lines,
    )
    return RunValidity(level, (*doubts.invalid, *doubts.suspect), bottleneck(seen), tuple(doubts.notes))


def healths(recorder: Recorder) -> dict[str, Health]:
    """Health by process. A master has no players, so its own health does not count."""
    if recorder.workers:
        return {f"worker {name}": worker.health for name, worker in sorted(recorder.workers.items())}
    return {"the swarm": recorder.health}


def _judge_process(name: str, health: Health, doubts: _Doubts) -> None:
    seconds = len(health.cpu_shares)
    busy = sum(share > BUSY_SHARE for share in health.cpu_shares)
    if seconds >= LEAST_SECONDS:
        how = f"{name} used more than {BUSY_SHARE:.0%} of its core in {busy} of {seconds} s"
        if busy:
            doubts.add(how, is_invalid=busy > BUSY_SECONDS_INVALID * seconds)
        elif busy_figure(health.cpu_shares) > NEAR_SHARE:
            doubts.suspect.append(f"{name} was near its limit: {busy_figure(health.cpu_shares):.0%} of a core")
    part = health.late_ticks / health.ticks if health.ticks else 0.0
    if part > LATE_TICKS_SUSPECT:
        how = f"{name} was delayed: {part:.1%} of its ticks were more than 0.1 s late"
        busiest = busy_figure(health.cpu_shares)
        if seconds >= LEAST_SECONDS and busiest < NEAR_SHARE:
            how += f", with {busiest:.0%} of a core at its busiest: check what else runs on this machine"
        doubts.add(how, is_invalid=part > LATE_TICKS_INVALID)


def _judge_identities(recorder: Recorder, doubts: _Doubts) -> None:
    """Whether each player was a user of its own."""
    events, presence = recorder.events, recorder.presence
    if events[WITHOUT_IDENTITY]:
        doubts.invalid.append(
            f"{events[WITHOUT_IDENTITY]:,} players found no token of their own and did not play: mint more"
        )
    if events[CALLED_OFF]:
        doubts.invalid.append(f"{events[CALLED_OFF]} of the workers called the run off: their logs say why")
    if events[ONLINE_BEFORE]:
        doubts.add(
            f"{events[ONLINE_BEFORE]:,} of the players' users were online before the run began, so nobody is told of "
            "their coming: another swarm uses the same tokens, or connections of a run before are still open",
            is_invalid=events[ONLINE_BEFORE] > ONLINE_BEFORE_INVALID * max(1, events["connections established"]),
        )
    if events[LATE_WORKERS]:
        doubts.suspect.append(
            f"{events[LATE_WORKERS]} workers joined while the test ran: their players are users of their own, but not "
            "those that the seed would have given"
        )
    if presence.unheard >= LEAST_UNHEARD or presence.unheard_by >= LEAST_UNHEARD_BY:
        how_often = "once a player came" if presence.unheard == 1 else f"{presence.unheard:,} times a player came"
        doubts.add(
            f"{how_often} and not one of those who should have heard of it did ({presence.unheard_by:,} of the "
            f"{presence.lost:,} losses of presence): either such users are connected elsewhere, too (another swarm "
            "with the same tokens), or the server does not tell",
            # each process has judged all comings and goings, for its own observers
            is_invalid=presence.unheard > UNHEARD_INVALID * max(1, presence.events / max(1, len(recorder.workers))) / 2
            or presence.unheard_by > max(LEAST_UNHEARD_BY - 1, UNHEARD_PAIRS_INVALID * presence.expected),
        )


def _judge_roles(recorder: Recorder, doubts: _Doubts) -> None:
    """What the code of a role did not do or hear is nobody else's fault."""
    found = {name: number for name, number in recorder.events.items() if name.startswith(ROLE_FAULTS)}
    if found:
        first = max(found, key=found.__getitem__)
        doubts.invalid.append(
            f"{sum(found.values()):,} times the code of a role failed, such as {first}: what it would have done or "
            "heard is missing; the log has the trace"
        )


def _judge_what_was_judged(recorder: Recorder, doubts: _Doubts, *, players: int) -> None:
    """A ledger with nothing in it finds no fault either."""
    events, presence = recorder.events, recorder.presence
    if not events["connections established"]:
        is_answered = any(figures.count > figures.failure_count for figures in recorder.requests.values())
        if events["connection attempts"] or (players and not is_answered):
            doubts.invalid.append("no player was ever connected: nothing was judged")
        return
    told = events["received user_online"] + events["received user_offline"] + events["received presence_changed"]
    if told and not presence.booked:
        doubts.invalid.append(
            f"{told:,} messages of presence were received and none came into the ledger: a role of one's own has to "
            "pass what its connections hear to `SocketClient.watch`"
        )
    for name, tally in recorder.own.items():
        if tally.events and not tally.expected:
            doubts.suspect.append(
                f"{tally.events:,} announcements of {name} could not be judged: nobody listened from before one until "
                "its deadline"
            )
    if not any(tally.expected for tally in recorder.tallies.values()):
        doubts.suspect.append(
            "nothing was judged: nobody came, went or changed the rooms while another player was there to hear of it"
        )
    if events["sent ping"] and not events["received pong"] and "not answered" in _failures(recorder, "heartbeat"):
        doubts.invalid.append(f"the server answered none of {events['sent ping']:,} heartbeats")


def _judge_answers(recorder: Recorder, doubts: _Doubts) -> None:
    """Something that was asked, again and again, and never answered as it should be."""
    for (kind, name), figures in sorted(recorder.requests.items()):
        if figures.count >= LEAST_UNANSWERED and figures.failure_count == figures.count and kind != "WS":
            doubts.suspect.append(
                f"none of the {figures.count:,} requests {kind} {name} succeeded "
                f"({figures.failures.most_common(1)[0][0]}): what depends on them was not tried"
            )


def _failures(recorder: Recorder, name: str) -> set[str]:
    figures = recorder.requests.get(("WS", name))
    return set(figures.failures) if figures is not None else set()


def _judge_understanding(recorder: Recorder, doubts: _Doubts) -> None:
    number, events = recorder.events[NOT_UNDERSTOOD], recorder.events
    if not number:
        return
    received = sum(count for name, count in events.items() if name.startswith("received "))
    kind, example = next(iter(recorder.not_understood.items()), ("", ""))
    doubts.add(
        f"{number:,} messages or answers were not understood, such as {example} ({kind}); the server has to speak the "
        "base protocol of docs/protocol.md, or a profile has to describe it (--protocol)",
        is_invalid=number > NOT_UNDERSTOOD_INVALID * max(received, 1),
    )


def _judge_load(recorder: Recorder, doubts: _Doubts) -> None:
    """Whether the load was the one that was asked for."""
    events, lateness = recorder.events, recorder.reported(LATENESS)
    if lateness.percentile_us(99) / 1e6 > LATENESS_SUSPECT_S:
        doubts.suspect.append(f"players acted late: p99 {in_time_units(lateness.percentile_us(99) / 1e6)}")
    if events[FAILURES]:
        doubts.suspect.append(f"{events[FAILURES]:,} players gave up")
    if events[WITHOUT_A_SEAT]:
        turned_away = f"{events[WITHOUT_A_SEAT]:,} of {events[ARRIVALS]:,} arrivals"
        doubts.suspect.append(f"{turned_away} found no free seat and did not start a session: raise -u")
    if events[POLLS_SKIPPED]:
        skipped = f"{events[POLLS_SKIPPED]:,} polls were not sent"
        doubts.suspect.append(
            f"{skipped}: the poll before had no answer yet, or the server had asked the client to wait"
        )
    if events[RESTARTS_FAILED]:
        doubts.suspect.append("the server was not restarted and reachable again, as --shape restart asks")
    if events[FAULTS_FAILED]:
        doubts.suspect.append(f"{events[FAULTS_FAILED]} faults did not come about")


def _judge_points(recorder: Recorder, doubts: _Doubts) -> None:
    """What the generator did to each series."""
    left_out, worst, worst_share = 0, "", 0.0
    for metric in METRICS.values():
        places = counts_by_place(recorder, metric)
        if places[DELAYED]:
            left_out = max(left_out, places[DELAYED])
            share = places[DELAYED] / sum(places.values())
            if share > worst_share:
                worst, worst_share = metric.title, share
        series = series_of(recorder, metric)
        if series.clipped:
            doubts.suspect.append(f"{series.clipped:,} values of {metric.title} were out of range")
    stalled_s = sum(health.stalled_s for health in healths(recorder).values())
    if stalled_s and not left_out:
        doubts.notes.append(
            f"the swarm itself stood still for {stalled_s:.1f} s in all, which is in none of the figures"
        )
    if left_out:
        sentence = (
            f"the swarm itself stood still for {stalled_s:.1f} s: what it measured meanwhile is left out of the "
            f"figures, {worst_share:.1%} of {worst} for one"
        )
        if worst_share > DELAYED_SUSPECT:
            doubts.add(sentence, is_invalid=worst_share > DELAYED_INVALID)
        else:
            doubts.notes.append(sentence)


def _judge_server(state: ServerState, doubts: _Doubts, *, is_planned: bool) -> None:
    """`is_planned`: the run restarted it, or asked for that."""
    of = f"of {state.watched_s:.1f} s"
    if state.restarts and not is_planned:
        times = "once" if state.restarts == 1 else f"{state.restarts:,} times"
        doubts.suspect.append(
            f"the server's process ended and another one took its place, {times}: it was away in {state.gone_s:.1f} s "
            f"{of}"
        )
    if state.gone_s > STOOD_STILL_S and (state.is_away or not state.restarts):
        doubts.suspect.append(f"the server's process had ended: it was away in {state.gone_s:.1f} s {of}")
    if state.stopped_s > STOOD_STILL_S:
        doubts.suspect.append(f"the server's process was stopped in {state.stopped_s:.1f} s {of}")

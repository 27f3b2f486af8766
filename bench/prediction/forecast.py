"""A forecast: how many nodes a plan needs, what they do in the steady state, and what a storm of log-ins and a restart
come to."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from bench.prediction.model import Extent, Model
from bench.prediction.plan import Plan
from bench.prediction.prices import Bill, Prices, bill
from bench.prediction.steady import Steady, hopeless, probe_s, steady
from bench.prediction.virtual.measures import Times
from bench.prediction.virtual.setup import PUSH
from bench.prediction.virtual.storms import Storm, log_in, restart
from bench.record.vocabulary import BALANCER, DATABASE, LATENCY, LOG
from bench.words import count, in_digits, in_ms, plural
from loadtest.client.reconnect import JitterReconnect

MOST_NODES = 2_000
RESOLUTION = 0.05
"""Above twenty nodes their number is found to within this part."""
ONE_OF_A_KIND = (LOG, BALANCER, DATABASE)
"""Resources that a lobby has once, however many nodes it has."""
AS_LATE, SOONER = 4, 0.9
"""So many numbers of nodes in a row, none of which brings p99 below this part of the first one's: more will not."""
STORM_S = 60.0
"""How long a storm is looked at."""
Say = Callable[[str], None]


class NoNumber(ValueError):
    """No number of nodes does it. The text is one sentence. `nodes`: the most that were tried. `why`: what does not
    hold on them, a resource or the latency."""

    def __init__(self, text: str, nodes: int, why: str) -> None:
        super().__init__(text)
        self.nodes = nodes
        self.why = why


class StormForecast(msgspec.Struct, frozen=True, kw_only=True):
    """Times in s from the beginning; None: not within the time that it was looked at."""

    sessions: int
    fresh_p50_s: float | None
    fresh_p99_s: float | None
    over_s: float | None
    """Until all have the list and have been told of all others."""
    looked_at_s: float
    cpu_s: float
    gb_out: float


class Forecast(msgspec.Struct, frozen=True, kw_only=True):
    """What ``lobby-bench predict`` says, per second unless the name tells another unit."""

    players: int
    way: str
    presence: str
    nodes: int
    cores: int
    processes: int
    processes_run: int
    """In virtual time; the others are like them."""
    sessions_per_process: int
    core_share: float
    shares: dict[str, float]
    breaks: str
    """Empty: it holds."""
    gib_per_node: float
    gib: float
    wire_bytes_per_node: float
    wire_bytes: float
    out_bytes: float
    writes: float
    """Calls of ``send`` to sockets."""
    log_entries: float
    log_commands: float
    changes: float
    logins: float
    fresh_p50_ms: float | None
    fresh_p99_ms: float | None
    answer_p99_ms: float | None
    """Of a poll or a fetch; None: nobody asks."""
    log_in_storm: StormForecast | None
    restart_storm: StormForecast | None
    bill: Bill | None
    extrapolated: list[str]
    model_commit: str
    model_machine: str


def forecast(
    plan: Plan, model: Model, *, nodes: int | None, prices: Prices | None = None, storms: bool = True,
    say: Say = lambda what: None,
) -> Forecast:  # fmt: skip
    """`nodes` None: the smallest number that holds. Raises `NoNumber`."""
    if nodes is None:
        found = _confirmed(plan, model, smallest(plan, model, say=say), say=say)
    else:
        say(f"the steady state on {plural(nodes, 'node')}")
        found = steady(plan, model, nodes)
    nodes = found.nodes
    setup = plan.on(nodes)
    coming = back = None
    if storms and setup.has_sockets:
        say(f"{count(plan.players)} log-ins at once")
        coming = _of_storm(log_in(setup, model, most_s=STORM_S), plan.players)
        say("a node that is restarted")
        lost = plan.cores_per_node
        leaving = sum(setup.sessions_of(number) for number in range(min(lost, setup.processes)))
        back = _of_storm(restart(setup, model, policy=JitterReconnect(), lost=lost, most_s=STORM_S), leaving)
    used = found.used
    cores = nodes * plan.cores_per_node
    wire = used.wire_bytes_per_s * setup.processes
    out = used.out_bytes_per_s * setup.processes
    gib = found.gib_per_node * nodes
    return Forecast(
        players=plan.players,
        way=plan.way,
        presence=plan.presence if setup.has_sockets else "none",
        nodes=nodes,
        cores=cores,
        processes=setup.processes,
        processes_run=setup.run,
        sessions_per_process=setup.sessions_of(0),
        core_share=used.process,
        shares=dict(found.shares),
        breaks=found.breaks,
        gib_per_node=found.gib_per_node,
        gib=gib,
        wire_bytes_per_node=wire / nodes,
        wire_bytes=wire,
        out_bytes=out,
        writes=used.writes_per_s * setup.processes,
        log_entries=used.entries_per_s,
        log_commands=used.commands_per_s,
        changes=plan.changes,
        logins=plan.logins,
        fresh_p50_ms=_ms(used.fresh, 50),
        fresh_p99_ms=_ms(used.fresh, 99),
        answer_p99_ms=_ms(used.answers, 99),
        log_in_storm=coming,
        restart_storm=back,
        bill=None if prices is None else bill(prices, cores=cores, gib=gib, out_bytes_per_s=out),
        extrapolated=beyond(model.extent, plan, nodes),
        model_commit=model.commit,
        model_machine=model.machine.cpu,
    )


def smallest(plan: Plan, model: Model, *, say: Say = lambda what: None) -> int:
    """The smallest number of nodes on which a plan holds, to within `RESOLUTION`. Raises `NoNumber`."""

    delays_ms: list[float] = []

    def try_out(nodes: int) -> str:
        if why := hopeless(plan, model, nodes):
            return why
        say(f"{plural(nodes, 'node')}")
        found = steady(plan, model, nodes, window_s=probe_s(plan))
        if found.breaks == LATENCY and found.delay_ms is not None:
            delays_ms.append(found.delay_ms)
        return found.breaks

    fails, nodes = 0, 1
    while why := try_out(nodes):
        if why in ONE_OF_A_KIND:
            raise NoNumber(
                f"No number of nodes does it: on {plural(nodes, 'node')} the {why} is used above "
                f"{plan.level.ceiling:.0%}, and more nodes do not change that{_hint(plan)}",
                nodes,
                why,
            )
        _must_help(nodes, delays_ms)
        fails = nodes
        nodes = nodes + 1 if nodes < 4 else nodes * 3 // 2
        if nodes > MOST_NODES:
            raise _untried(fails, why)
    while nodes - fails > max(1, int(RESOLUTION * nodes)):
        middle = (fails + nodes) // 2
        if try_out(middle):
            fails = middle
        else:
            nodes = middle
    return nodes


def _confirmed(plan: Plan, model: Model, nodes: int, *, say: Say) -> Steady:
    """The steady state on so many nodes, or on the next numbers above, if it does not hold there: numbers are tried for
    a shorter time than it is looked at. Raises `NoNumber`."""
    delays_ms: list[float] = []
    while True:
        say(f"the steady state on {plural(nodes, 'node')}")
        found = steady(plan, model, nodes)
        if found.holds:
            return found
        if found.breaks == LATENCY and found.delay_ms is not None:
            delays_ms.append(found.delay_ms)
        _must_help(nodes, delays_ms)
        more = nodes + max(1, int(RESOLUTION * nodes))
        if found.breaks in ONE_OF_A_KIND or more > MOST_NODES:
            raise _untried(nodes, found.breaks)
        nodes = more


def _must_help(nodes: int, delays_ms: Sequence[float]) -> None:
    """Raises `NoNumber` where the last numbers of nodes all came too late, and none of them sooner than the first."""
    if len(delays_ms) >= AS_LATE and min(delays_ms[-AS_LATE:]) > SOONER * delays_ms[-AS_LATE]:
        raise NoNumber(
            f"No number of nodes does it: on {plural(nodes, 'node')} p99 is {in_ms(delays_ms[-1])}, and more nodes "
            "do not change that.",
            nodes,
            LATENCY,
        )


def _untried(nodes: int, why: str) -> NoNumber:
    return NoNumber(f"{count(nodes)} nodes are too few, because of the {why}, and more were not tried.", nodes, why)


def _hint(plan: Plan) -> str:
    """The end of the sentence: what would."""
    if plan.way in PUSH and plan.presence != "friends":
        return "; presence of friends (--presence friends) tells fewer of each."
    return "."


def beyond(extent: Extent, plan: Plan, nodes: int) -> list[str]:
    """By how much a plan goes beyond what was measured, dimension by dimension, the worst first."""
    setup = plan.on(nodes)
    found = [
        (asked / most, f"extrapolated, ×{asked / most:.3g} beyond the largest measured: {words}")
        for asked, most, words in (
            (
                plan.players,
                extent.sessions,
                f"{count(plan.players)} players, measured {count(extent.sessions)}",
            ),
            (
                setup.sessions_of(0),
                extent.sessions,
                f"{count(setup.sessions_of(0))} sessions of a process, measured {count(extent.sessions)}",
            ),
            (setup.processes, extent.processes, f"{count(setup.processes)} processes, measured {extent.processes}"),
            (
                plan.changes,
                extent.changes_per_s,
                f"{in_digits(plan.changes)} changes per second, measured {in_digits(extent.changes_per_s)}",
            ),
            (plan.rooms, extent.rooms, f"{count(plan.rooms)} rooms, measured {count(extent.rooms)}"),
        )
        if most > 0 and asked > most
    ]
    return [words for _, words in sorted(found, reverse=True)]


def _of_storm(storm: Storm, sessions: int) -> StormForecast:
    """`sessions`: who came in all; a storm counts those of the processes that were run."""
    fresh = [storm.fresh.percentile(q) if storm.fresh.n >= q / 100 * storm.sessions else None for q in (50, 99)]
    return StormForecast(
        sessions=sessions,
        fresh_p50_s=fresh[0],
        fresh_p99_s=fresh[1],
        over_s=storm.took_s if storm.is_over else None,
        looked_at_s=STORM_S,
        cpu_s=storm.cpu_s + storm.engine_cpu_s,
        gb_out=storm.bytes_out / 1e9,
    )


def _ms(times: Times, q: float) -> float | None:
    found = times.percentile(q)
    return None if found is None else found * 1000

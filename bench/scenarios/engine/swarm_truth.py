"""Whether what the swarm reports is what was on the wire, also when the swarm itself is held up.

Server and players are on the two ends of a link between network namespaces, and a process of its own captures what the
players' end carries, with the kernel's times. Every series that both know is compared: a percentile that is off by more
than a tenth and more than `SLACK_MS` is INVALID, and so is the run. The other load generators say how long upgrades and
heartbeats took, and their reports are held against packets in the same way; they spoil no run.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bench.load.attendance import NotAllCame, await_online
from bench.load.changes.publisher import Publisher, make_and_delete
from bench.load.generators import LOCUST, Aim, GeneratorFailed, Running, Tool, running, swarm_file, tools
from bench.load.held_up import freeze, spinning
from bench.load.packets.capture import Capture, Seen
from bench.load.packets.times import Figures
from bench.load.reports import NothingReported, Percentiles, Reported, reported_of_the_swarm, run_of_the_swarm
from bench.load.sockets.tokens import mint_receiver
from bench.measures import AS_REPORTED, ERROR_OF_P99, ON_THE_WIRE, TRUE_PERCENTILES, TRUE_SERIES
from bench.processes.lab import Lab, Server
from bench.processes.namespaces import can_have, enter, in_namespace, linked
from bench.processes.remote import Remote
from bench.processes.server_flags import LASTING_ROOMS_S, lab_flags, server_flags
from bench.record.book import Book
from bench.record.findings import Findings
from bench.record.profiles.sizes import SwarmTruthSizes
from bench.record.vocabulary import BESIDE_A_SPINNER, FROZEN, IDLE, SWARM

FLAGS = lab_flags(empty_room_ttl_s=LASTING_ROOMS_S, rooms_notify_interval_ms=0)
EVERYWHERE = server_flags(address="0.0.0.0")
SLACK_MS = 2.0
SLACK_SHARE = 0.1
"""Of what the wire says."""
SETTLE_S = 2.0
"""The swarm's own: what is told later is late, and has no time."""
FROZEN_AT = 0.4
"""Of the run."""
PLAYERS_PER_HOST = 20
MOST_TOLD = 2_000
"""Players who are told of all who come: beyond it that alone is gigabytes, and players hear of friends only."""
QUIET_S = 0.5
LEAST = 100
"""Durations on the wire of which at least one is due in a report: with fewer, all may be too close to a beginning or an
end for a ledger."""
HEARD_TOGETHER = frozenset({"fanout_presence", "fanout_rooms", "spread"})
"""Of which several may lie in a socket when it is read."""
SERIES_OF_THE_SWARM = f"{SWARM} with hosts"
"""The party whose every series is compared; as a tool among others it plays what they play."""


class NoPackets(RuntimeError):
    """They cannot be captured here."""


@dataclass(frozen=True)
class Condition:
    name: str
    run_s: float
    spins: bool = False
    frozen_s: float = 0.0


def conditions_of(sizes: SwarmTruthSizes) -> Iterator[Condition]:
    yield Condition(IDLE, sizes.run_s)
    yield Condition(BESIDE_A_SPINNER, sizes.run_s, spins=True)
    for run_s in sizes.frozen_run_s:
        yield Condition(FROZEN.format(frozen_s=sizes.frozen_s, run_s=run_s), run_s, frozen_s=sizes.frozen_s)


def run(lab: Lab) -> Findings:
    """A fresh server, link and generator for each condition. Raises `NoPackets`."""
    sizes = lab.profile.swarm_truth
    if not can_have():
        raise NoPackets("packets are captured on a link between network namespaces, which needs root on Linux")
    book = lab.book("swarm-truth", FLAGS)
    conditions = list(conditions_of(sizes))
    others, missing = _others(sizes)
    for sentence in missing:
        book.skip(sentence)
    with lab.reporter.stage("swarm-truth", len(sizes.players) * len(conditions) + 2 * len(others)) as stage:
        for players in sizes.players:
            for condition in conditions:
                stage.say(f"{players} players of the swarm, {condition.name}")
                _turn(lab, _swarm(players, lab), condition, players, sizes.players_per_s, book)
                stage.advance()
        for tool in others:
            frozen = Condition(
                FROZEN.format(frozen_s=sizes.frozen_s, run_s=sizes.tool_run_s), sizes.tool_run_s,
                frozen_s=sizes.frozen_s,
            )  # fmt: skip
            for condition in (Condition(IDLE, sizes.tool_run_s), frozen):
                stage.say(f"{sizes.tool_players} players of {tool.name}, {condition.name}")
                _turn(lab, tool, condition, sizes.tool_players, sizes.tool_players_per_s, book)
                stage.advance()
    book.note(
        f"from all players' coming on, others changed the rooms {sizes.changes_per_s:g} times per second, the players "
        f"{sizes.own_changes_per_s:g} times; heartbeats every {sizes.heartbeat_s:g} s; all phases of the run count. A "
        f"percentile is INVALID when it is off by more than {SLACK_SHARE:.0%} and more than {SLACK_MS:g} ms"
    )
    return book.result("swarm-truth", FLAGS)


def _others(sizes: SwarmTruthSizes) -> tuple[list[Tool], list[str]]:
    """All of them, the swarm as one plays it beside them too, and a sentence for each that cannot be compared."""
    if not sizes.tool_players:
        return [], []
    found, missing = tools()
    missing += [f"{tool.name}: it tells no percentiles" for tool in found if tool.reports is None]
    return [tool for tool in found if tool.reports is not None], missing


def party_of(tool: str, condition: str) -> str:
    return f"{tool}, {condition}"


def _swarm(players: int, lab: Lab) -> Tool:
    command = partial(_command, players, lab.profile.swarm_truth, lab.seed)
    return Tool(SERIES_OF_THE_SWARM, command, reports=_reports_of_the_swarm)


def _reports_of_the_swarm(aim: Aim) -> Reported:
    return reported_of_the_swarm(aim.results)


def _command(players: int, sizes: SwarmTruthSizes, seed: int, aim: Aim) -> list[str]:
    """Browsers, and hosts who make and delete rooms at the rate that is asked for; hosts are base clients and fetch."""
    hosts = max(1, players // PLAYERS_PER_HOST)
    interval_s = 2 * hosts / sizes.own_changes_per_s
    told = "" if players <= MOST_TOLD else "presence_friends"
    modes = f"browser={'+'.join(filter(None, ('rooms_delta', told)))},host={told or 'base'}"
    return [
        *LOCUST, "-f", swarm_file(), "--host", aim.http_url, "-u", str(aim.players), "-r", f"{aim.players_per_s:g}",
        "--mix", f"browser={PLAYERS_PER_HOST - 1},host=1", "--mode", modes,
        "--room-interval-s", f"exp:{interval_s:g}", "--room-lifetime-s", f"fixed:{min(5.0, interval_s / 2):g}",
        "--heartbeat-interval-s", f"{aim.heartbeat_s:g}", "--settle-s", f"{SETTLE_S:g}", "--phase", "all",
        "--tokens", str(aim.tokens), "--swarm-json", str(aim.results),
        "--seed", str(seed),
    ]  # fmt: skip


def _turn(lab: Lab, tool: Tool, condition: Condition, players: int, players_per_s: float, book: Book) -> None:
    sizes = lab.profile.swarm_truth
    party = party_of(tool.name, condition.name)
    with ExitStack() as stack:
        names = stack.enter_context(linked(1))
        server = stack.enter_context(lab.server((*FLAGS, *EVERYWHERE), netns=names.server))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lobby-truth-")))
        capture = stack.enter_context(
            Remote(
                Capture, cpus=lab.cpus.server, netns=names.clients, interface=names.interface(0), port=server.port
            )  # off the generator's core
        )
        lab.on_abort(capture.kill)
        inside = stack.enter_context(ThreadPoolExecutor(1, initializer=enter, initargs=(names.server,)))
        tokens = folder / "tokens"
        tokens.write_text("".join(f"{mint_receiver(server.jwt_secret, n).token}\n" for n in range(players)))
        aim = Aim(
            host=names.server_address(0), port=server.port, tokens=tokens, players=players,
            players_per_s=players_per_s, heartbeat_s=sizes.heartbeat_s, features=("rooms_delta",), folder=folder,
        )  # fmt: skip
        try:
            capture.call(Capture.begin)
            with running(tool, aim, cpus=lab.cpus.generator, prefix=in_namespace(names.clients)) as generator:
                waiting = partial(await_online, server, players, patience_s=sizes.patience_s, check=generator.check)
                inside.submit(waiting).result()
                with spinning(lab.cpus.generator) if condition.spins else nullcontext():
                    _play(inside, server, generator, condition, sizes.changes_per_s)
                generator.check()
            seen = capture.call(Capture.end, SETTLE_S)
            assert tool.reports is not None
            reported = tool.reports(aim)
        except GeneratorFailed as failed:
            book.faults.append(f"{party}, {players} players: {failed}")
            lab.reporter.note(f"{party}, {players} players, printed: {generator.printed()}")
            return
        except (NotAllCame, NothingReported) as failed:
            book.faults.append(f"{party}, {players} players: {failed}; {generator.last_words()}")
            lab.reporter.note(f"{party}, {players} players, printed: {generator.printed()}")
            return
        if tool.name == SERIES_OF_THE_SWARM:
            for reason in run_of_the_swarm(aim.results).validity.reasons:
                book.note(f"{party}: the swarm says itself that {reason}")
    hold_against(
        book, reported, seen, party=party, players=players, is_judged=tool.name in (SWARM, SERIES_OF_THE_SWARM)
    )


def _play(
    inside: ThreadPoolExecutor, server: Server, generator: Running, condition: Condition, changes_per_s: float
) -> None:
    """For the condition's time, and until what was told last is settled."""
    changing = inside.submit(_change, server, changes_per_s, condition.run_s)
    if condition.frozen_s:
        time.sleep(condition.run_s * FROZEN_AT)
        freeze(generator.pids(), condition.frozen_s)
    changing.result()
    time.sleep(SETTLE_S + QUIET_S)


def _change(server: Server, changes_per_s: float, window_s: float) -> None:
    with Publisher(server.port, server.jwt_secret) as publisher:
        make_and_delete(publisher, start_s=time.perf_counter(), changes_per_s=changes_per_s, window_s=window_s)


def hold_against(book: Book, reported: Reported, seen: Seen, *, party: str, players: int, is_judged: bool) -> None:
    """Write what both say of each series. `is_judged`: what is off is INVALID."""
    blind = f"{seen.dropped:,} packets were not seen" if seen.dropped else ""
    wanted = TRUE_SERIES if party.startswith(SERIES_OF_THE_SWARM) else ERROR_OF_P99
    known = [series for series in wanted if series in seen.figures]
    if not known:
        book.faults.append(f"{party}, {players} players: nothing of them was on the wire")
    for series in known:
        wire, told = seen.figures[series], reported.get(series)
        if told is None:
            if is_judged and wire.count >= LEAST:
                book.faults.append(f"{party}, {players} players: {series} was on the wire, and nothing is reported")
            continue
        for q in TRUE_PERCENTILES:
            wire_ms, told_ms = getattr(wire, f"{q}_ms"), getattr(told, q)
            name = f"{series} {q}"
            why = blind or (why_off(series, q, told, wire) if is_judged else "")
            book.add(ON_THE_WIRE[name], wire_ms, clients=players, party=party, invalid=blind)
            book.add(AS_REPORTED[name], told_ms, clients=players, party=party, invalid=why)
        if series in ERROR_OF_P99:
            error_ms = abs(told.p99 - wire.p99_ms)
            book.add(ERROR_OF_P99[series], error_ms, clients=players, party=party, invalid=blind)


def why_off(series: str, q: str, told: Percentiles, wire: Figures) -> str:
    """Empty: it is what was on the wire. Else by how much it is not, and what is known of the cause."""
    told_ms, wire_ms = getattr(told, q), getattr(wire, f"{q}_ms")
    said = [off_by(told_ms, wire_ms)]
    if not said[0]:
        return ""
    if told.left_out:
        whole_ms = getattr(told, f"whole_{q}")
        said.append(f"the swarm stood still and left {told.left_out:,} of them out; with these it is {whole_ms:.1f} ms")
    missing = wire.count - told.count - told.left_out
    if missing:
        are = (
            f"{missing:,} of {wire.count:,} on the wire are"
            if missing > 0
            else f"{-missing:,} more than on the wire are"
        )
        said.append(f"{are} {'not ' if missing > 0 else ''}told by the swarm")
    elif told_ms > wire_ms and series in HEARD_TOGETHER:
        said.append("what is read together has the time of the last")
    return "; ".join(said)


def off_by(told_ms: float, wire_ms: float) -> str:
    """Empty: it is what was on the wire, but for `SLACK_MS` or `SLACK_SHARE`."""
    off_ms = abs(told_ms - wire_ms)
    if off_ms <= max(SLACK_MS, SLACK_SHARE * wire_ms):
        return ""
    return f"the wire says {wire_ms:.1f} ms"

"""What a run comes to: thresholds, validity, files. From recorders that are filled by hand."""

from __future__ import annotations

import errno
import json
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from flask import Flask, Response

from loadtest.client.sockets.link import open_failed_by_status
from loadtest.measure.examples import not_understood
from loadtest.measure.judging.thresholds import check_thresholds, read_threshold, read_thresholds
from loadtest.measure.judging.validity import validity_of
from loadtest.measure.metrics import SPREAD, error_name
from loadtest.measure.processes.health import Health
from loadtest.measure.processes.server_watch import find_server
from loadtest.measure.reach import ReachTally
from loadtest.measure.recorder import Recorder
from loadtest.measure.run_facts import RunFacts, ServerState
from loadtest.measure.series import Series
from loadtest.output.conclusion import Conclusion, conclude, shown_arguments, write_files
from loadtest.output.junit import junit_xml
from loadtest.output.page import page
from loadtest.output.recording_options import RunOptions, read_run_options
from loadtest.output.result_files import Results
from loadtest.output.web_state import WebState
from loadtest.output.web_tab import install, state
from loadtest.results.exit_codes import ExitCode, UsageError
from loadtest.results.run_json import as_builtins, read_run_json
from loadtest.results.validity import Validity


def recorded() -> Recorder:
    """Nine good heartbeats of 1 to 9 ms, one lost; 1,000 receipts of which one was lost."""
    recorder = Recorder()
    for milliseconds in range(1, 10):
        recorder.record_request(("WS", "heartbeat"), milliseconds / 1000, None)
    recorder.record_request(("WS", "heartbeat"), None, "lost before the answer")
    recorder.record("fan-out of rooms", 0.100)
    recorder.record("fan-out of presence", 0.300)
    recorder.connections.messages_in["rooms_changed"] = 70
    recorder.reach.presence.expected, recorder.reach.presence.received = 1000, 999
    recorder.health = Health(ticks=600, cpu_shares=[0.3] * 30)
    return recorder


def concluded(*thresholds: str, recorder: Recorder | None = None, **facts: Any) -> Conclusion:
    known = RunFacts(host="http://x", seed=3, started_at="2026-01-01T00:00:00Z", duration_s=30.0, **facts)
    return conclude(recorder or recorded(), known, options(*thresholds))


def options(*thresholds: str, **more: Any) -> RunOptions:
    return read_run_options({"threshold": list(thresholds), **more})


@pytest.mark.parametrize(
    ("text", "is_met", "found"),
    [
        ("heartbeat.p50 < 6ms", True, "5 ms"),
        ("heartbeat.p50<5000us", False, "5 ms"),
        ("heartbeat.max <= 0.0091 s", True, "9.01 ms"),
        ("heartbeat.count == 9", True, "9"),
        ("fanout.count >= 2", True, "2"),
        ("fanout.p99.9 < 250ms", False, "300 ms"),
        ("fanout_rooms.mean < 101 ms", True, "100 ms"),
        ("reach == 1", False, "0.999"),
        ("reach > 99.8%", True, "99.9000%"),
        ("reach_rooms == 1", False, "nothing was measured"),
        ("errors.rate < 0.1%", False, "10.0000%"),
        ("errors.count <= 1", True, "1"),
        ("lost != 0", True, "1"),
        ("received.rate > 2", True, "2.33333"),
        ("login.p99 < 1s", False, "nothing was measured"),
    ],
)
def test_a_threshold_is_judged_by_what_was_recorded(text: str, is_met: bool, found: str):
    [result] = concluded(text).threshold_results
    assert (result.is_met, result.found_text) == (is_met, found)
    assert str(result).startswith("✓" if is_met else "✗")


def test_a_threshold_on_what_was_measured_in_the_ramp_alone_says_so():
    recorder = Recorder()
    recorder.record(SPREAD, 0.01)
    recorder.begin_steady_state()
    [result] = check_thresholds([read_threshold("spread.p99 < 1s")], recorder, duration_s=1.0)
    assert not result.is_met
    assert result.found_text == "nothing was measured in the steady state, 1 before or after it (--phase all)"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("fanout.p99", "Threshold 'fanout.p99' is none: write one as fanout.p99 < 250ms, or reach == 1."),
        ("fanout.p99 < 250", "Threshold 'fanout.p99 < 250': fanout is a time; say us, ms or s after the number."),
        ("fanout < 250ms", "Threshold 'fanout < 250ms': say which figure of fanout, as in fanout.p99 or .max."),
        ("fanout.p101 < 1s", "Threshold 'fanout.p101 < 1s': say which figure of fanout, as in fanout.p99 or .max."),
        ("reach == 1s", "Threshold 'reach == 1s': reach is a number and has no unit of time."),
        ("poll.count > 3 %", "Threshold 'poll.count > 3 %': poll.count is a number without a unit."),
        ("lost < 5%", "Threshold 'lost < 5%': lost is a count or a rate, and no share: no %."),
        (
            "requests.rate > 9%",
            "Threshold 'requests.rate > 9%': requests.rate is a count or a rate, and no share: no %.",
        ),
        ("latency.p99 < 1s", "Threshold 'latency.p99 < 1s': there is no latency; there is register, login, .*"),
    ],
)
def test_an_expression_that_is_none_is_refused_in_one_sentence(text: str, sentence: str):
    with pytest.raises(UsageError, match=f"^{sentence}" if sentence.endswith("*") else None) as caught:
        read_threshold(text)
    if not sentence.endswith("*"):
        assert str(caught.value) == sentence


def test_thresholds_come_from_options_and_a_file_with_comments(tmp_path: Path):
    file = tmp_path / "thresholds"
    file.write_text("# all of these\nreach == 1\n\nerrors.rate < 0.1%  # one in a thousand\n")
    read = read_thresholds(["fanout.p99 < 250ms"], file)
    assert [threshold.text for threshold in read] == ["fanout.p99 < 250ms", "reach == 1", "errors.rate < 0.1%"]
    with pytest.raises(UsageError, match=r"--thresholds: .* cannot be read: No such file or directory\."):
        read_thresholds([], tmp_path / "none")


def test_options_of_a_run_that_do_not_hold_are_refused(tmp_path: Path):
    (tmp_path / "file").write_text("")
    for wrong in ({"settle_s": 0}, {"settle_s": float("nan")}, {"run_dir": str(tmp_path / "file" / "below")}):
        with pytest.raises(UsageError):
            options(**wrong)


# -- validity -----------------------------------------------------------------------------------------------------


def test_a_calm_run_is_valid():
    assert str(validity_of(recorded())) == "VALID"


@pytest.mark.parametrize(
    ("health", "level", "reason"),
    [
        (Health(ticks=600, cpu_shares=[0.95] * 4 + [0.3] * 26), Validity.INVALID, "in 4 of 30 s"),
        (Health(ticks=600, cpu_shares=[0.95] + [0.3] * 29), Validity.SUSPECT, "in 1 of 30 s"),
        (Health(ticks=600, cpu_shares=[0.8] * 30), Validity.SUSPECT, "was near its limit: 80% of a core"),
        (Health(ticks=600, cpu_shares=[0.99, 0.99]), Validity.VALID, ""),
        (Health(ticks=600, late_ticks=61), Validity.INVALID, "10.2% of its ticks"),
        (
            Health(ticks=600, late_ticks=61, cpu_shares=[0.3] * 30),
            Validity.INVALID,
            "check what else runs on this machine",
        ),
        (Health(ticks=600, late_ticks=7), Validity.SUSPECT, "1.2% of its ticks"),
        (Health(ticks=600, late_ticks=6), Validity.VALID, ""),
    ],
)
def test_a_generator_that_is_busy_or_held_up_is_named(health: Health, level: Validity, reason: str):
    recorder = recorded()
    recorder.health = health
    validity = validity_of(recorder)
    assert validity.level is level
    assert reason in "; ".join(validity.reasons)


def test_reports_that_did_not_arrive_make_a_run_invalid():
    workers = {name: recorded() for name in ("0", "1", "2")}
    master = Recorder()
    for name, worker in workers.items():
        worker.health = Health()
        worker.record("reconnect", 1.0)
        lost = worker.take_report()
        worker.record("reconnect", 2.0)
        worker.connections.messages_in["rooms_changed"] += 5
        last = worker.take_report(is_last=True)
        for report in {"0": (lost, last), "1": (last,), "2": (lost,)}[name]:
            master.add_report(json.loads(json.dumps(report)), worker=name)
    assert master.unreconciled == [
        "worker 1 sent 75 events, 5 arrived",
        "worker 1 sent 4 durations, 1 arrived",
        "worker 1 sent 10 requests, 0 arrived",
        "the last report of worker 2 did not arrive",
    ]
    assert validity_of(master).level is Validity.INVALID
    assert master.presence.expected == 2000, "what was in the lost report is lost, and said to be"


def test_what_a_reader_has_to_know_makes_a_run_suspect():
    recorder = recorded()
    recorder.count("players who gave up", 3)
    recorder.count("arrivals", 1500)
    recorder.count("arrivals without a seat", 12)
    recorder.count("polls skipped", 7)
    recorder.count("restarts that failed")
    recorder.record("lateness of the swarm", 2.0)
    recorder.record("time to fresh, by push", -0.5)
    validity = validity_of(recorder)
    assert validity.level is Validity.SUSPECT
    assert validity.reasons == (
        "players acted late: p99 2 s",
        "3 players gave up",
        "12 of 1,500 arrivals found no free seat and did not start a session: raise -u",
        "7 polls were not sent: the poll before had no answer yet, or the server had asked the client to wait",
        "the server was not restarted and reachable again, as --shape restart asks",
        "1 values of Time to fresh, by push were out of range",
    )


def answered(*times_s: float) -> Recorder:
    """Thirty answers of each of these times."""
    recorder = Recorder()
    for time_s in times_s * 30:
        recorder.record_request(("WS", "heartbeat"), time_s, None)
    return recorder


@pytest.mark.parametrize(
    ("server", "generator", "answers", "state", "sentence"),
    [
        ([0.4] * 10, 0.3, (0.004,), None, "No bottleneck was seen: the server used 40% of a core at its busiest, the "
         "busiest generator 30%, answers took 4 ms at p50 and 4 ms at p99."),
        ([0.97] * 10, 0.3, (0.004, 0.9), None, "The server was busy, and the bottleneck: the server used 97%"),
        ([0.4] * 10, 0.96, (0.004, 0.9), None, "The generator was the bottleneck: the server used 40%"),
        ([0.97] * 10, 0.96, (0.004,), None, "Server and generator were both near their limit"),
        ([0.02] * 10, 0.1, (0.502,), None, "The server was waiting: 100.0% of 30 answers took more than 250 ms, while "
         "the server used 2% of a core at its busiest, the busiest generator 10%, answers took 502 ms at p50"),
        ([0.02] * 10, 0.1, (0.502,), ServerState(watched_s=10.0, on_disk_s=4.0), "The server was waiting: 100.0% of 30 "
         "answers took more than 250 ms (its process waited for a disk in 4.0 s), while"),
        ([0.02] * 10, 0.1, (0.004,), ServerState(watched_s=20.0, stopped_s=2.0), "The server was frozen, its process "
         "was stopped, in 2.0 s of 20.0 s: the server used 2%"),
        ([0.02] * 10, 0.1, (0.004,), ServerState(watched_s=20.0, gone_s=9.0), "The server was away, its process had "
         "ended, in 9.0 s of 20.0 s: the server used 2%"),
        ([0.5] * 10, 0.1, (0.3,), ServerState(watched_s=20.0, throttled_s=9.0), "The server was throttled, its control "
         "group had used up its CPU, in 9.0 s of 20.0 s"),
        ([], 0.3, (0.502,), None, "The server, or what it waits for, was slow: 100.0% of 30 answers took more than 250 "
         "ms, while the server's CPU is not known"),
        ([], 0.3, (), None, None),
    ],
)  # fmt: skip
def test_it_says_what_held_the_run_up_and_what_was_seen(
    server: list[float], generator: float, answers: tuple[float, ...], state: ServerState | None, sentence: str | None
):
    recorder = answered(*answers)
    recorder.health = Health(ticks=600, cpu_shares=[generator] * 30)
    found = validity_of(recorder, server_cpu_shares=server, server_state=state).bottleneck
    assert found is None if sentence is None else found is not None and found.startswith(sentence), found


@pytest.mark.parametrize(
    ("round_trip_s", "again", "sentence"),
    [(0.3, 0, "The network was the bottleneck"), (0.0002, 50, "The network was the bottleneck"),
     (0.0002, 0, "The server was waiting")],
)  # fmt: skip
def test_slow_answers_are_the_networks_where_tcp_says_so(round_trip_s: float, again: int, sentence: str):
    recorder = answered(0.502)
    recorder.record("round trip of TCP", round_trip_s)
    recorder.count("TCP segments sent, of a sample", 1000)
    recorder.count("TCP segments sent again, of the sample", again)
    found = validity_of(recorder, server_cpu_shares=[0.02] * 10).bottleneck
    assert found is not None
    assert found.startswith(sentence)
    assert f"the network {'300 ms' if round_trip_s > 0.1 else '200 µs'}" in found


@pytest.mark.parametrize(
    ("overflows", "again", "sentence"),
    [(40, 30, "The server took new connections too late, and its backlog was full: the server used 2%"),
     (0, 30, "The server was waiting"), (40, 0, "The server was waiting")],
    ids=["turned away", "lost on the way", "somebody else's"],
)  # fmt: skip
def test_connections_that_had_to_ask_again_are_a_full_backlogs_where_one_was_full(
    overflows: int, again: int, sentence: str
):
    recorder = answered(0.502)
    recorder.connections.attempts, recorder.connections.asked_again = 300, again
    found = validity_of(
        recorder, server_cpu_shares=[0.02] * 10, server_state=ServerState(watched_s=10.0, overflows=overflows)
    ).bottleneck
    assert found is not None
    assert found.startswith(sentence)
    assert ("30 of 300 new connections had to ask again a second later" in found) is bool(overflows and again)


def failed(*failures: str, answers: int = 400) -> Recorder:
    """Quick answers, and as many failures as are told, of lists and of upgrades, which have no time then."""
    recorder = answered(*[0.004] * (answers // 30))
    for number, failure in enumerate(failures):
        if number % 2:
            recorder.record_request(("GET", "/api/rooms"), 0.004, failure)
        else:
            recorder.record_request(("WS", "upgrade"), None, failure)
    return recorder


UPGRADE_REFUSED = str(open_failed_by_status("wss://play.example/ws", 502, retry_after=None))


@pytest.mark.parametrize(
    ("failures", "sentence"),
    [
        (["HTTP 502"] * 40, "The server was away, or could not answer: 40 of 430 requests were answered 502, 503 or "
         "504, while the server's CPU is not known"),
        ([UPGRADE_REFUSED, "HTTP 503", "HTTP 504"] * 2, "The server was away, or could not answer: 6 of 396 requests"),
        ([UPGRADE_REFUSED, "HTTP 504"] * 2, "No bottleneck was seen"),
        (["HTTP 500", "HTTP 429", "HTTP 5020", "502 ms", "connection refused"] * 8, "No bottleneck was seen"),
    ],
)  # fmt: skip
def test_requests_that_a_proxy_or_a_full_server_answers_are_no_run_without_a_bottleneck(
    failures: list[str], sentence: str
) -> None:
    """At once, so that nothing was slow, and the server's process may not be known."""
    found = validity_of(failed(*failures)).bottleneck
    assert found is not None
    assert found.startswith(sentence)


def test_server_that_nobody_ever_reached_is_told_to_have_been_away() -> None:
    """No answer has a time then: there are upgrades that were refused, and nothing else."""
    recorder = Recorder()
    for _ in range(40):
        recorder.record_request(("WS", "upgrade"), None, UPGRADE_REFUSED)
    found = validity_of(recorder).bottleneck
    assert found is not None
    assert found.startswith("The server was away, or could not answer: 40 of 40 requests were answered 502, 503 or 504")


def test_server_that_was_away_is_not_excused_by_the_lines_of_the_players() -> None:
    recorder = failed(*["HTTP 502"] * 400, answers=0)
    for _ in range(60):
        recorder.record_request(("WS", "heartbeat"), 0.45, None)
    found = validity_of(recorder, server_cpu_shares=[0.02] * 10, has_lines=True).bottleneck
    assert found is not None
    assert found.startswith("The server was away, or could not answer: 400 of 460 requests")


def test_slow_answers_over_emulated_lines_are_not_blamed_on_the_server() -> None:
    def found(**known: Any) -> str:
        validity = validity_of(recorder, server_cpu_shares=[0.02] * 10, **known)
        assert validity.bottleneck is not None
        return validity.bottleneck

    recorder = answered(*[0.45] * 50)
    assert found().startswith("The server was waiting: 100.0% of")
    assert found(has_lines=True).startswith("No bottleneck was seen; the answers have the times of the players' lines")
    frozen = ServerState(watched_s=10.0, stopped_s=3.0)
    assert found(has_lines=True, server_state=frozen).startswith("The server was frozen")
    busy = validity_of(recorder, server_cpu_shares=[0.99] * 10, has_lines=True).bottleneck
    assert busy is not None
    assert busy.startswith("The server was busy")


MAKE, DELETE, FRIENDS = ("POST", "/api/rooms"), ("DELETE", "/api/rooms/{id}"), ("GET", "/api/friends")


@pytest.mark.parametrize(
    ("calls", "sentence"),
    [
        ({MAKE: [0.4] * 30}, "The server was waiting in its writes: 100.0% of 30 answers took more than 250 ms, 400 ms "
         "at p50 and 400 ms at p99, while the other 3,000 took 4 ms at p50 and 4 ms at p99, and the server used"),
        ({MAKE: [0.4] * 12, DELETE: [0.6] * 12}, "The server was waiting in its writes: 100.0% of 24"),
        ({MAKE: [0.4] * 30, DELETE: [0.01] * 30}, "The server was waiting in POST /api/rooms: 100.0% of 30"),
        ({FRIENDS: [0.4] * 30, MAKE: [0.01] * 30}, "The server was waiting in GET /api/friends: 100.0% of 30"),
        ({FRIENDS: [0.4] * 30, MAKE: [0.4] * 30}, "The server was waiting in GET /api/friends and POST /api/rooms:"),
        ({MAKE: [0.4] * 4 + [0.01] * 36}, "No bottleneck was seen"),
        ({MAKE: [0.4] * 19}, "No bottleneck was seen"),
        ({("POST", "/api/auth/login"): [0.4] * 30}, "No bottleneck was seen"),
    ],
    ids=["writes", "few of each", "one kind of writes", "reads", "both", "four by chance", "few", "hashing"],
)  # fmt: skip
def test_few_slow_answers_among_many_quick_ones_are_told_by_what_was_asked_for(
    calls: dict[tuple[str, str], list[float]], sentence: str
):
    recorder = answered(*[0.004] * 100)
    for key, times_s in calls.items():
        for time_s in times_s:
            recorder.record_request(key, time_s, None)
    found = validity_of(recorder, server_cpu_shares=[0.02] * 10).bottleneck
    assert found is not None
    assert found.startswith(sentence), found


@pytest.mark.parametrize(
    ("round_trip_s", "server", "sentence"),
    [(0.22, [0.02] * 10, "The network was the bottleneck"),
     (0.01, [0.02] * 10, "The server was waiting in WS upgrade"),
     (0.01, [], "The server, or what it waits for, was slow in WS upgrade"),
     (0.01, [0.95] * 10, "The server was busy")],
)  # fmt: skip
def test_what_takes_several_trips_blames_the_network_where_these_are_long(
    round_trip_s: float, server: list[float], sentence: str
):
    recorder = answered(*[round_trip_s] * 20)
    for _ in range(50):
        recorder.record_request(("WS", "upgrade"), 0.4, None)
    recorder.record("round trip of TCP", round_trip_s)
    recorder.count("TCP segments sent, of a sample", 1000)
    recorder.count("TCP segments sent again, of the sample", 50)
    found = validity_of(recorder, server_cpu_shares=server).bottleneck
    assert found is not None
    assert found.startswith(sentence), found


@pytest.mark.parametrize(
    ("again", "slow", "sentence"),
    [(30, 15, "The network was the bottleneck"),
     (30, 300, "The server was waiting in WS upgrade"),
     (10, 15, "The server was waiting in WS upgrade"),
     (30, 4, "No bottleneck was seen")],
    ids=["lost on the way", "more than were lost", "few were lost", "too few to tell"],
)  # fmt: skip
def test_new_connections_whose_first_packet_was_lost_are_slow_by_the_network(again: int, slow: int, sentence: str):
    """It is sent again a second later; heartbeats that are sent again are not felt."""
    recorder = answered(*[0.010] * 20)
    for number in range(500):
        recorder.record_request(("WS", "upgrade"), 1.01 if number < slow else 0.01, None)
    recorder.record("round trip of TCP", 0.01)
    recorder.count("TCP segments sent, of a sample", 1000)
    recorder.count("TCP segments sent again, of the sample", again)
    found = validity_of(recorder, server_cpu_shares=[0.02] * 10).bottleneck
    assert found is not None
    assert found.startswith(sentence), found


@pytest.mark.parametrize(("lag_s", "sentence"), [(0.2, "No bottleneck was seen"), (0.002, "The server was waiting")])
@pytest.mark.parametrize("is_stamped", [True, False], ids=["timed by the kernel", "timed by the process"])
def test_slow_http_answers_blame_nobody_where_the_generators_own_loop_was_late(
    lag_s: float, sentence: str, *, is_stamped: bool
):
    """Where the process itself times them its delay is in them; heartbeats have the kernel's time."""
    recorder = answered(0.004)
    recorder.calls_are_stamped = is_stamped
    for _ in range(30):
        recorder.record_request(("GET", "/api/rooms"), 0.650, None)
        recorder.record("loop lag of the generator", lag_s)
    found = validity_of(recorder, server_cpu_shares=[0.02] * 10).bottleneck
    assert found is not None
    assert found.startswith("The server was waiting" if is_stamped else sentence)


# -- doubts -------------------------------------------------------------------------------------------------------


def played(**counts: int) -> Recorder:
    """Two players who met; `counts` by name, with blanks for underscores."""
    recorder = Recorder()
    recorder.reach.presence.expected = recorder.reach.presence.received = recorder.reach.presence.events = 10
    for name, number in {"connection_attempts": 2, "connections_established": 2, **counts}.items():
        recorder.count(name.replace("_", " "), number)
    return recorder


def test_two_players_who_met_are_a_valid_run():
    assert validity_of(played()).level is Validity.VALID


@pytest.mark.parametrize(
    ("event", "number", "level", "says"),
    [
        ("players without a user of their own", 1, Validity.INVALID, "1 players found no token of their own"),
        ("workers that called the run off", 1, Validity.INVALID, "1 of the workers called the run off"),
        ("workers that joined the running test", 1, Validity.SUSPECT, "1 workers joined while the test ran"),
        ("players' users that were online before the run", 2, Validity.INVALID, "another swarm uses the same tokens"),
        ("messages and answers that were not understood", 1, Validity.INVALID, "1 messages or answers were not"),
    ],
)
def test_what_makes_figures_wrong_is_a_reason(event: str, number: int, level: Validity, says: str):
    recorder = played()
    recorder.count(event, number)
    validity = validity_of(recorder)
    assert validity.level is level
    assert says in validity.reasons[0]


def test_one_message_of_thousands_that_was_not_understood_is_a_doubt_with_its_example():
    recorder = played()
    recorder.connections.messages_in["user_online"] = 5000
    recorder.reach.presence.booked = 5000
    kind = not_understood(recorder, b'{"type":"pong","data":{}}', "`ts` is missing")
    validity = validity_of(recorder)
    assert validity.level is Validity.SUSPECT
    assert kind == "pong was not understood: `ts` is missing"
    assert '{"type":"pong","data":{}} (pong was not understood' in validity.reasons[0]


def test_players_of_whom_nobody_heard_are_users_of_somebody_else_too():
    recorder = played()
    recorder.reach.presence.unheard = 6
    validity = validity_of(recorder)
    assert validity.level is Validity.INVALID
    assert "another swarm with the same tokens" in validity.reasons[0]


@pytest.mark.parametrize(
    ("expected", "unheard", "by", "level"),
    [
        (1_000, 1, 9, Validity.VALID),  # they may have lost it one by one
        (1_000, 1, 18, Validity.SUSPECT),
        (93, 1, 18, Validity.INVALID),  # of a swarm that began with another one, in the same second
        (1_000, 3, 6, Validity.SUSPECT),
        (50, 4, 8, Validity.SUSPECT),  # of so few, each pair is a large share
    ],
)
def test_a_coming_that_not_one_of_many_heard_of_is_doubted(expected: int, unheard: int, by: int, level: Validity):
    recorder = played()
    recorder.reach.presence = ReachTally(
        events=100, expected=expected, received=expected - by - 1, unheard=unheard, unheard_by=by
    )
    validity = validity_of(recorder)
    assert validity.level is level
    if level is not Validity.VALID:
        assert f"({by} of the {by + 1} losses of presence)" in validity.reasons[0]


def test_a_run_in_which_nothing_was_judged_is_not_valid():
    recorder = played()
    recorder.reach.presence = ReachTally()
    assert validity_of(recorder, is_over=False).level is Validity.VALID, "it may still come"
    assert validity_of(recorder).level is Validity.SUSPECT
    assert "nothing was judged" in validity_of(recorder).reasons[0]


def test_a_run_in_which_nobody_was_connected_is_invalid():
    recorder = Recorder()
    recorder.count("connection attempts", 5)
    assert validity_of(recorder).reasons == ("no player was ever connected: nothing was judged",)
    assert validity_of(recorder).level is Validity.INVALID


def test_a_role_that_does_not_write_into_the_ledger_is_said_to():
    recorder = played()
    recorder.connections.messages_in["user_online"] = 26_760
    validity = validity_of(recorder)
    assert validity.level is Validity.INVALID
    assert "26,760 messages of presence were received and none came into the ledger" in validity.reasons[0]


def test_a_server_that_answers_no_heartbeat_is_named():
    recorder = played(sent_ping=9)
    recorder.record_request(("WS", "heartbeat"), None, "not answered")
    assert "the server answered none of 9 heartbeats" in validity_of(recorder).reasons


def test_announcements_that_a_later_one_made_up_for_are_a_note():
    recorder = played()
    recorder.reach.rooms.missed = 7
    validity = validity_of(recorder)
    assert validity.level is Validity.VALID
    assert validity.notes[0].startswith("7 announcements of the rooms that others heard did not come")


@pytest.mark.parametrize(
    ("delayed", "level"), [(0, Validity.VALID), (1, Validity.VALID), (5, Validity.SUSPECT), (40, Validity.INVALID)]
)
def test_what_the_generator_delayed_is_left_out_and_said(delayed: int, level: Validity):
    """Of 200 heartbeats that took 1 ms, these few had a stall of 1.4 s in them."""
    now_s = 100.0
    recorder = Recorder(clock=lambda: now_s)
    recorder.reach.presence = ReachTally(events=1, expected=1, received=1)
    for number in range(200):
        now_s = 100.0 + number
        recorder.record_request(("WS", "heartbeat"), 0.001, None)
    for _ in range(delayed):
        recorder.record_request(("WS", "heartbeat"), 1.4, None)
    recorder.points.stalls.add(now_s - 0.9, now_s - 0.1)
    recorder.health = Health(ticks=6000, late_ticks=28, stalls=1, stalled_s=1.4)
    heartbeats = recorder.requests["WS", "heartbeat"].times
    assert heartbeats.count == 200
    assert heartbeats.max_us == pytest.approx(1000, rel=0.01)
    validity = validity_of(recorder)
    assert validity.level is level
    said = [text for text in (*validity.reasons, *validity.notes) if "stood still for 1.4 s" in text]
    assert len(said) == 1
    assert ("is left out of the figures" in said[0]) == bool(delayed)


def test_the_process_that_listens_on_a_port_is_found():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        assert find_server(port) is None
        listener.listen()
        assert find_server(port) == os.getpid()
    assert find_server(port) is None


# -- exit codes and files -----------------------------------------------------------------------------------------


def test_exit_codes_say_invalid_before_missed_before_nothing():
    bad = recorded()
    bad.health = Health(ticks=10, late_ticks=10)
    assert concluded("reach > 0.9").exit_code(options()) is None
    assert concluded("reach == 1").exit_code(options()) == ExitCode.THRESHOLD_MISSED == 3
    assert concluded("reach == 1", recorder=bad).exit_code(options()) == ExitCode.INVALID == 4
    assert concluded("reach == 1", recorder=bad).exit_code(options(accept_invalid=True)) == ExitCode.THRESHOLD_MISSED


def test_a_suspect_run_has_an_exit_code_of_its_own_after_all_others():
    suspect = recorded()
    suspect.count("players who gave up")
    found = concluded(recorder=suspect)
    assert found.exit_code(options()) == ExitCode.SUSPECT == 5
    assert found.exit_code(options(), has_failed=True) is None, "Locust's own 1"
    assert found.exit_code(options(accept_suspect=True)) is None
    assert found.exit_code(options(accept_invalid=True)) is None
    assert concluded("reach == 1", recorder=suspect).exit_code(options()) == ExitCode.THRESHOLD_MISSED


@pytest.mark.parametrize(
    ("arguments", "failing"),
    [({}, 2), ({"exit_code_on_error": 0}, 1), ({"exit_code_on_error": 0, "accept_suspect": True}, 0)],
)
def test_junit_fails_exactly_where_the_exit_code_does(arguments: dict[str, Any], failing: int):
    """Failed requests, and a doubt."""
    recorder = recorded()
    recorder.count("players who gave up")
    found = concluded(recorder=recorder, arguments=shown_arguments(arguments))
    suite = ElementTree.fromstring(junit_xml(found.document()).split("\n", 1)[1]).find("testsuite")
    assert suite is not None
    assert int(suite.get("failures") or 0) == failing


def test_a_full_disk_leaves_the_file_that_was_there_and_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    write_files(concluded(), json_file=tmp_path / "run.json", folder=None)
    before = (tmp_path / "run.json").read_text()

    def full(self: Path, text: str, **_: object) -> int:
        with self.open("w") as file:
            file.write(text[:100])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_text", full)
    results = Results()
    said = results.write(concluded(), json_file=tmp_path / "run.json", folder=None)
    assert said == f"not written: {tmp_path}/run.json: No space left on device"
    assert (tmp_path / "run.json").read_text() == before
    assert [path.name for path in tmp_path.iterdir()] == ["run.json"]


def test_the_files_hold_what_the_table_shows(tmp_path: Path):
    history = [{"t_s": float(t), "received_per_s": 2.0, "requests_per_s": 1.0, "errors_per_s": 0.0,
                "established": 5, "lost": 1} for t in range(1, 4)]  # fmt: skip
    found = concluded("reach == 1", "heartbeat.p50 < 6ms", history=history, users={"browser": 5})
    write_files(found, json_file=tmp_path / "swarm.json", folder=tmp_path)
    document = json.loads((tmp_path / "run.json").read_text())
    assert document == json.loads((tmp_path / "swarm.json").read_text())
    assert document["schema"] == 2
    assert (document["host"], document["seed"], document["users"]) == ("http://x", 3, {"browser": 5})
    [heartbeat] = document["requests"]
    assert (heartbeat["count"], heartbeat["failures"], heartbeat["p50_ms"]) == (10, 1, pytest.approx(5.0, rel=1e-3))
    assert document["errors"] == {"lost_before_answer": 1}
    assert document["ledger"]["presence"]["lost"] == 1
    assert document["ledger"]["rooms"]["reach"] is None
    assert document["machine"]["cores"] > 0
    assert {"python", "locust"} <= set(document["versions"])
    reread = Series()
    reread.add_encoded(next(row for row in document["metrics"] if row["name"] == "fanout")["histogram"])
    assert (reread.count, reread.max_us) == (2, pytest.approx(300_000, rel=1e-3))

    text = found.table()
    for part in ("received rooms_changed", "2.3", "Heartbeat round trip", "0.999000", "✗ reach == 1: 0.999", "VALID"):
        assert part in text

    html = (tmp_path / "run.html").read_text()
    assert html == page(read_run_json(tmp_path / "run.json"))
    for part in (
        "This run is VALID",
        "✗ reach == 1",
        "0.999000",
        "lost_before_answer",
        "<svg",
        "Messages received on sockets",
    ):
        assert part in html
    assert "http://" not in html.replace("http://x", ""), "a page that needs no network"
    assert "<script" not in html

    suite = ElementTree.fromstring((tmp_path / "junit.xml").read_text().split("\n", 1)[1]).find("testsuite")
    assert suite is not None
    assert (suite.get("tests"), suite.get("failures")) == ("4", "2")
    failed = [case.get("name") for case in suite.iter("testcase") if case.find("failure") is not None]
    assert failed == ["no request failed", "reach == 1"]


def test_a_server_behind_a_proxy_is_told_not_to_have_been_watched():
    (note,) = concluded(proxy="nginx").validity.notes
    assert note.startswith("nginx listens at the address of --host: the server behind it was not watched")
    assert note in concluded(proxy="nginx").table()
    assert concluded().validity.notes == ()


def test_a_run_of_nothing_has_files_too(tmp_path: Path):
    empty = conclude(Recorder(), RunFacts(), options())
    write_files(empty, json_file=None, folder=tmp_path)
    assert "no users" in (tmp_path / "run.html").read_text()
    assert "–" in empty.table()


def test_arguments_in_the_file_are_without_secrets_and_paths():
    shown = shown_arguments(
        {"tokens": "/home/x/tokens", "jwt_secret": "s", "web_login": True, "host": "http://x", "users": 5,
         "run_dir": "/home/x/run", "ws_path": "/ws", "threshold": ["reach == 1"], "tags": None, "headless": True,
         "exit_code_on_error": 0}
    )  # fmt: skip
    assert shown == {
        "tokens": "tokens", "exit_code_on_error": 0,
        "host": "http://x", "users": 5, "run_dir": "run", "ws_path": "/ws", "threshold": ["reach == 1"],
        "headless": True,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("HTTP 503", "http_503"),
        ("ws://127.0.0.1:1: [Errno 111] Connection refused", "connection_refused"),
        ("ws://x/ answered the upgrade with 404", "http_404"),
        ("the handshake was answered with invalid_token", "refused_invalid_token"),
        ("the handshake was not answered within 10 s", "handshake_timeout"),
        ("closed with 1001 going_away: back soon", "closed_1001"),
        ("closed with 1012 service_restart: back soon", "closed_1012"),
        ("timed out", "timeout"),
        ("lost before the answer", "lost_before_answer"),
        ("[Errno 24] Too many open files", "out_of_file_descriptors"),
        ("something else 17 happened", "something_else_happened"),
    ],
)
def test_errors_have_names_that_stay_the_same(text: str, name: str):
    assert error_name(text) == name


# -- many runs of one process -------------------------------------------------------------------------------------


def test_no_run_takes_the_place_of_another(tmp_path: Path):
    (tmp_path / "run-7").mkdir()
    (tmp_path / "run-old").mkdir()
    results, file = Results(), tmp_path / "own.json"
    said = [results.write(concluded(), json_file=file, folder=tmp_path) for _ in range(2)]
    assert said == [f"{tmp_path}/run-8 and {tmp_path}/own.json", f"{tmp_path}/run-9 and {tmp_path}/own-2.json"]
    assert all((tmp_path / name / "run.json").stat().st_size for name in ("run-8", "run-9"))
    assert not results.has_failed


def test_results_that_cannot_be_written_are_one_sentence(tmp_path: Path):
    results, missing = Results(), tmp_path / "gone" / "own.json"
    assert results.write(concluded(), json_file=None, folder=None) is None
    said = results.write(concluded(), json_file=missing, folder=None)
    assert (said, results.has_failed) == (f"not written: {missing}: No such file or directory", True)


# -- Locust's web interface ---------------------------------------------------------------------------------------


class FakeWebUi:
    """What the tab uses of Locust's: an application, arguments of the page, a login that lets all in."""

    def __init__(self) -> None:
        self.app = Flask("fake")
        self.template_args: dict[str, Any] = {}
        self.app.add_url_rule("/stats/requests", "stats", lambda: {"stats": [], "state": "running"})

    def auth_required_if_enabled(self, view_func: Callable[[], Response]) -> Callable[[], Response]:
        return view_func


def test_the_tab_has_series_reach_validity_and_downloads():
    web_ui, found = FakeWebUi(), concluded("reach == 1")
    install(web_ui, lambda: found, run_state=WebState(lambda: "running"))
    browser = web_ui.app.test_client()
    keys = [tab["key"] for tab in web_ui.template_args["extended_tabs"]]
    assert [table["key"] for table in web_ui.template_args["extended_tables"]] == keys

    answer = browser.get("/stats/requests").get_json()
    assert answer["state"] == "running", "what Locust says stays"
    rows = {table["key"]: table["data"] for table in answer["extended_stats"]}
    for key, table in zip(keys, web_ui.template_args["extended_tables"], strict=True):
        assert {column["key"] for column in table["structure"]} == set(rows[key][0])
    [heartbeat] = [row for row in rows[keys[0]] if row["name"] == "Heartbeat round trip"]
    assert (heartbeat["count"], heartbeat["p50"]) == ("9", "5.00")
    shown = {row["name"]: row["found"] for row in rows[keys[1]]}
    assert shown["1 Validity"] == "VALID"
    assert shown["2 Threshold"] == "✗ reach == 1: 0.999"
    assert shown["3 Presence: reach"] == "0.999000"
    assert "1 lost" in shown["3 Presence: announcements"]

    for link in web_ui.template_args["extended_csv_files"]:
        assert browser.get(link["href"].removeprefix(".")).status_code == 200, link
    assert browser.get("/lobby/run.json").get_json() == as_builtins(found.document())
    assert "heartbeat,Heartbeat round trip,9,5." in browser.get("/lobby/times.csv").text


@pytest.mark.parametrize("thresholds", [(), ("reach == 1", "lost == 0")])
@pytest.mark.parametrize("is_over", [False, True])
def test_the_tab_numbers_what_it_shows_without_a_gap(thresholds: tuple[str, ...], is_over: bool):
    """Whatever is missing: thresholds, reasons, a bottleneck, files."""
    rows = [name for name, _ in state(concluded(*thresholds, is_over=is_over), "results")]
    numbers = [int(name.split()[0]) for name in rows]
    assert numbers == sorted(numbers), "Locust keeps that order"
    assert sorted(set(numbers)) == list(range(1, max(numbers) + 1))
    assert len({name for name in rows if "Threshold" in name}) == bool(thresholds)


def test_the_tab_misses_no_threshold_before_there_is_a_figure():
    of_both = [
        [
            text
            for name, text in state(concluded("reach == 1", recorder=Recorder(), is_over=is_over))
            if "Thresh" in name
        ]
        for is_over in (False, True)
    ]
    assert of_both == [["… reach == 1: no figure yet"], ["✗ reach == 1: nothing was measured"]]


def test_the_tab_says_so_before_the_first_run():
    web_ui = FakeWebUi()
    install(web_ui, lambda: None, run_state=WebState(lambda: "ready"))
    browser = web_ui.app.test_client()
    assert browser.get("/lobby/run.json").status_code == 404
    tables = browser.get("/stats/requests").get_json()["extended_stats"]
    assert [table["data"] for table in tables] == [
        [],
        [{"name": "1 Validity", "found": "No run has been started yet."}],
    ]


def test_server_is_found_though_a_file_of_it_is_closed_meanwhile(monkeypatch: pytest.MonkeyPatch):
    readlink, closed = os.readlink, []

    def of_a_file_that_was_open(path: str) -> str:
        if str(path).startswith(f"/proc/{os.getpid()}/fd/") and not closed:
            closed.append(path)
            raise FileNotFoundError(path)
        return readlink(path)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        monkeypatch.setattr(os, "readlink", of_a_file_that_was_open)
        found = find_server(listener.getsockname()[1])
    assert closed
    assert found == os.getpid()

import threading
from random import Random

import pytest

from loadtest.client import ConnectionManager, LobbyApi, PollingServerList, ServerList
from loadtest.client.http import HttpAnswer, HttpCall
from loadtest.client.lists.fetching import CoalescedFetch, RoomsHeld
from loadtest.client.reconnect import FixedReconnect
from loadtest.client.side_thread import SideThread
from lobby_server.protocol.messages import RoomsChanged
from tests.loadtest.fakes import DEADLINE_S, JWT, FakeHttp, FakeServer, hold, json_answer, problem, rooms_body, wait_for


class Gate:
    """A fetch that waits to be let through, and counts."""

    def __init__(self) -> None:
        self.begun = 0
        self.at_once = 0
        self.most_at_once = 0
        self.results: list[float | None] = []
        self._passes = threading.Semaphore(0)

    def __call__(self) -> float | None:
        self.begun += 1
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        assert self._passes.acquire(timeout=DEADLINE_S)
        self.at_once -= 1
        return self.results.pop(0) if self.results else None

    def let_through(self, number: int = 1) -> None:
        for _ in range(number):
            self._passes.release()


def fetcher_is_idle(fetching: CoalescedFetch) -> bool:
    return not any(thread.name == "fetch-test" for thread in threading.enumerate())


@pytest.fixture
def gate():
    return Gate()


@pytest.fixture
def fetching(gate: Gate):
    fetching = CoalescedFetch(gate, side=SideThread(name="fetch-test"))
    yield fetching
    fetching.close()
    gate.let_through(100)
    wait_for(lambda: fetcher_is_idle(fetching))


def test_a_request_fetches_once_and_the_thread_ends(gate: Gate, fetching: CoalescedFetch):
    gate.let_through()
    fetching.request()
    wait_for(lambda: gate.begun == 1 and fetcher_is_idle(fetching))


@pytest.mark.parametrize("changes", [1, 2, 50])
def test_changes_during_a_fetch_lead_to_exactly_one_more(gate: Gate, fetching: CoalescedFetch, changes: int):
    fetching.request()
    wait_for(lambda: gate.begun == 1)
    for _ in range(changes):
        fetching.request()
    gate.let_through(100)
    wait_for(lambda: fetcher_is_idle(fetching))
    assert gate.begun == 2
    assert gate.most_at_once == 1


def test_requests_from_many_threads_never_fetch_at_once(gate: Gate, fetching: CoalescedFetch):
    gate.let_through(10_000)
    threads = [threading.Thread(target=lambda: [fetching.request() for _ in range(50)]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    wait_for(lambda: fetcher_is_idle(fetching))
    assert gate.most_at_once == 1
    assert 1 <= gate.begun <= 400


def test_a_failed_fetch_is_tried_again(gate: Gate, fetching: CoalescedFetch):
    gate.results = [0.01, 0.01, None]
    gate.let_through(3)
    fetching.request()
    wait_for(lambda: gate.begun == 3 and fetcher_is_idle(fetching))


def test_a_request_does_not_wait_for_the_retry(gate: Gate, fetching: CoalescedFetch):
    gate.results = [3600.0, None]
    gate.let_through(2)
    fetching.request()
    wait_for(lambda: gate.begun == 1)
    fetching.request()
    wait_for(lambda: gate.begun == 2 and fetcher_is_idle(fetching))


def test_a_fault_in_the_fetch_does_not_end_fetching(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture):
    monkeypatch.setattr("loadtest.client.side_thread.FAULT_RETRY_S", 0.01)
    tries: list[int] = []

    def fetch() -> None:
        tries.append(1)
        if len(tries) == 1:
            raise RuntimeError("unforeseen")

    fetching = CoalescedFetch(fetch, side=SideThread(name="fetch-test"))
    fetching.request()
    wait_for(lambda: len(tries) == 2)
    assert "unforeseen" in caplog.text


def test_after_close_nothing_is_fetched_and_a_waiting_retry_ends(gate: Gate, fetching: CoalescedFetch):
    gate.results = [3600.0]
    gate.let_through()
    fetching.request()
    wait_for(lambda: gate.begun == 1)
    fetching.close()
    fetching.request()
    wait_for(lambda: fetcher_is_idle(fetching))
    assert gate.begun == 1


def test_an_older_answer_never_replaces_a_newer_one():
    held = RoomsHeld()
    older, newer = held.take_ticket(), held.take_ticket()
    new_rooms = LobbyApi(FakeHttp(lambda call: json_answer(rooms_body(["new"])))).rooms().rooms
    assert new_rooms is not None
    assert held.show(newer, new_rooms)
    assert not held.show(older, ())
    assert held.rooms == new_rooms
    assert held.show(held.take_ticket(), ())


# -- the two lists ------------------------------------------------------------------------------------------------


def test_server_list_tries_again_while_connected_and_obeys_retry_after():
    answers = [problem(503, "not_ready"), json_answer(rooms_body(["a", "b"]))]
    http = FakeHttp(lambda call: answers.pop(0) if len(answers) > 1 else answers[0])
    errors, lists = [], []
    with FakeServer(hold) as server:
        connection = ConnectionManager(url=server.url)
        server_list = ServerList(api=LobbyApi(http), connection=connection, retry=FixedReconnect(interval_s=0.01))
        server_list.fetch_failed.connect(errors.append)
        server_list.list_updated.connect(lists.append)
        connection.connect_to_server(JWT)
        wait_for(lambda: lists)
        assert [room.id for room in server_list.rooms] == ["a", "b"]
        assert [error.status for error in errors] == [503]
        assert server_list.fetch_count == 2
        server_list.close()
        connection.disconnect_from_server()


def test_server_list_made_on_an_open_connection_fetches_at_once():
    heard: list[object] = []
    with FakeServer(hold) as server:
        connection = ConnectionManager(url=server.url)
        connection.message_received.connect(heard.append)
        connection.connect_to_server(JWT)
        wait_for(lambda: heard, what="the acceptance, which is told after all else of a connection")
        server_list = ServerList(api=LobbyApi(FakeHttp()), connection=connection)
        wait_for(lambda: server_list.fetch_count == 1)
        server_list.close()
        connection.rooms_announced.emit(RoomsChanged())
        assert server_list.fetch_count == 1
        connection.disconnect_from_server()


class Hourglass:
    """A clock that goes on only while it is waited for, in place of the event that ends the polling."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self._is_over = False

    def wait(self, timeout_s: float) -> bool:
        self.now_s += timeout_s
        return self._is_over

    def is_set(self) -> bool:
        return self._is_over

    def set(self) -> None:
        self._is_over = True


def test_polling_starts_at_a_random_phase_and_keeps_its_grid():
    interval_s, answered_in_s, moments, glass = 0.1, 0.03, [], Hourglass()

    def answer(call: HttpCall) -> HttpAnswer:
        moments.append(glass.now_s)
        glass.now_s += answered_in_s if len(moments) != 4 else 2.5 * interval_s
        if len(moments) == 8:
            glass.set()
        return json_answer(rooms_body([]))

    polling = PollingServerList(
        api=LobbyApi(FakeHttp(answer)), interval_s=interval_s, rng=Random(5), clock=lambda: glass.now_s
    )
    polling._stopped = glass  # type: ignore[assignment]
    polling.start()
    polling.start()
    thread = polling._thread
    assert thread is not None
    thread.join(DEADLINE_S)
    phase_s = Random(5).uniform(0, interval_s)
    grid = [0, 1, 2, 3, 6, 7, 8, 9]  # after the answer that took longest the next place that is not past
    assert moments == pytest.approx([100.0 + phase_s + number * interval_s for number in grid])


def test_conditional_polling_takes_the_body_once():
    def answer(call: HttpCall) -> HttpAnswer:
        if call.headers.get("if-none-match") == '"7"':
            return HttpAnswer(status=304, headers={}, body=b"")
        return json_answer(rooms_body(["a"]), headers={"etag": '"7"'})

    http, lists = FakeHttp(answer), []
    polling = PollingServerList(api=LobbyApi(http), interval_s=0.01, is_conditional=True)
    polling.list_updated.connect(lists.append)
    polling.start()
    wait_for(lambda: polling.fetch_count >= 4)
    polling.close()
    assert len(lists) == 1
    assert [room.id for room in polling.rooms] == ["a"]


def test_polling_goes_on_after_errors():
    answers = iter([problem(500, "internal_error"), problem(429, "rate_limited", retry_after="0")])
    http = FakeHttp(lambda call: next(answers, None) or json_answer(rooms_body(["a"])))
    polling = PollingServerList(api=LobbyApi(http), interval_s=0.01)
    polling.start()
    wait_for(lambda: polling.rooms)
    polling.close()
    assert polling.fetch_count >= 3

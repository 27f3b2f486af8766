"""What Locust's page is told of the run's state: it goes on asking until the run is over and all is written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gevent
import pytest
from flask import Flask, Response, jsonify, session

from loadtest.output.web_state import ASK_AGAIN, CONCLUDED_WITHIN_S, WebState
from loadtest.output.web_tab import install

ASKS_WHILE = ("spawning", "running")
"""What Locust's page goes by."""


class Fake:
    """A runner, a clock and Locust's page with an answer that Locust gives again: one object, as its cache has it."""

    def __init__(self, state: str) -> None:
        self.state = state
        self.now_s = 100.0
        self.web_state = WebState(lambda: self.state, clock=lambda: self.now_s)
        self.app = Flask("fake")
        self.template_args: dict[str, Any] = {}
        self.app.add_url_rule("/stats/requests", "stats", lambda: self._cached)
        install(self, lambda: None, run_state=self.web_state)
        self.answers_anew()

    def auth_required_if_enabled(self, view_func: Callable[[], Response]) -> Callable[[], Response]:
        return view_func

    def answers_anew(self) -> None:
        with self.app.app_context():
            self._cached = jsonify({"stats": [], "state": self.state})

    def asked(self) -> tuple[str, str]:
        answer = self.app.test_client().get("/stats/requests").get_json()
        return answer["state"], answer["runner_state"]

    def told(self) -> str:
        return self.asked()[0]


@pytest.mark.parametrize("ending", ["cleanup", "stopping"])
def test_a_page_asks_on_while_users_are_being_stopped_and_until_an_answer_is_of_the_end(ending: str):
    page = Fake("running")
    assert page.asked() == ("running", "running")
    page.state = ending
    assert page.asked() == (ASK_AGAIN, ending), "beside an answer that is older"
    page.answers_anew()
    assert page.asked() == (ASK_AGAIN, ending)
    page.state = "stopped"
    for _ in range(2):
        assert page.asked() == (ASK_AGAIN, "stopped"), "its figures are not the last ones"
    page.answers_anew()
    assert page.asked() == ("stopped", "stopped")


def test_a_page_that_is_opened_as_a_run_begins_asks_on_though_the_answer_is_of_before():
    page = Fake("stopped")
    assert page.told() == "stopped"
    for state in ASKS_WHILE:
        page.state = state
        assert page.told() == state


def test_a_page_asks_on_while_the_swarm_prepares_a_run_which_locust_calls_ready():
    page, seen = Fake("ready"), list[str]()
    page.web_state.beginning(lambda **_: seen.append(page.told()))(environment=None)
    assert seen == [ASK_AGAIN]


def test_a_page_asks_on_until_the_results_of_a_run_are_written():
    page, seen = Fake("ready"), list[str]()
    page.web_state.beginning(lambda **_: None)()
    page.state = "stopped"  # as a master's runner is before its workers' last reports are in
    page.answers_anew()
    assert page.told() == ASK_AGAIN
    page.web_state.concluding(lambda **_: seen.append(page.told()))()
    assert seen == [ASK_AGAIN]
    assert page.told() == "stopped"


def test_a_page_waits_no_longer_than_said_for_a_run_that_is_never_concluded():
    page = Fake("ready")
    page.web_state.beginning(lambda **_: None)()
    page.state = "stopped"
    page.answers_anew()
    assert page.told() == ASK_AGAIN
    page.now_s += CONCLUDED_WITHIN_S
    assert page.told() == "stopped"


def test_a_page_waits_for_as_long_as_a_run_is_being_concluded():
    """Also where a locustfile's own listener comes before the swarm's."""
    page, seen = Fake("ready"), list[str]()
    page.web_state.beginning(lambda **_: None)()
    page.state = "stopped"
    page.answers_anew()
    assert page.web_state.is_being_concluded
    page.web_state.stopped(environment=None)
    page.now_s += 2 * CONCLUDED_WITHIN_S
    assert page.told() == ASK_AGAIN
    assert page.web_state.is_being_concluded
    page.web_state.concluding(lambda **_: seen.append(page.told()))()
    assert seen == [ASK_AGAIN]
    assert page.told() == "stopped"
    assert not page.web_state.is_being_concluded


def test_a_page_waits_for_nobody_once_what_concluded_a_run_is_gone():
    page = Fake("ready")
    page.web_state.beginning(lambda **_: None)()
    page.state = "stopped"
    page.answers_anew()
    told = list[bool]()

    def conclude() -> None:
        page.web_state.stopped()
        told.append(page.web_state.is_being_concluded)

    gevent.spawn(conclude).join()
    assert told == [True]
    assert not page.web_state.is_being_concluded
    assert page.told() == "stopped"


def test_the_time_for_the_end_of_a_run_is_not_counted_from_its_beginning():
    """Locust's runner is "ready" for a moment after it has begun."""
    page = Fake("ready")
    page.web_state.beginning(lambda **_: None)()
    assert page.told() == ASK_AGAIN
    page.state = "running"
    page.now_s += CONCLUDED_WITHIN_S
    assert page.told() == "running"
    page.state = "stopped"
    page.answers_anew()
    assert page.told() == ASK_AGAIN
    assert page.web_state.is_being_concluded


@pytest.mark.parametrize("wrapper", [WebState.beginning, WebState.concluding])
def test_a_listener_that_fails_keeps_no_page_asking(wrapper: Callable[[WebState, Callable[..., None]], Any]):
    def fail(**_arguments: Any) -> None:
        raise GeneratorExit  # what ends a greenlet is no `Exception` either

    page = Fake("stopped")
    with pytest.raises(GeneratorExit):
        wrapper(page.web_state, fail)(environment=None)
    page.now_s += page.told() == ASK_AGAIN and CONCLUDED_WITHIN_S
    assert page.told() == "stopped"


@pytest.mark.parametrize("state", ["ready", "stopped", "missing"])
def test_without_a_run_the_state_is_the_runners(state: str):
    assert Fake(state).asked() == (state, state)


def test_an_answer_that_locust_gives_again_is_written_into_by_nobody():
    """Each asker gets headers of their own."""
    page = Fake("running")
    page.app.secret_key = "of this test"
    page.app.before_request(lambda: session.__setitem__("asked", True))
    answers = [page.app.test_client().get("/stats/requests") for _ in range(2)]
    assert [len(answer.headers.getlist("Set-Cookie")) for answer in answers] == [1, 1]

"""The swarm's live page, of answers that a test plays: each figure of a run is to be seen, and to be read; and what is
pressed is heard.
"""

from __future__ import annotations

import itertools
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from bench.processes.target import Target
from tests.browser.conftest import DESKTOP
from tests.browser.test_swarm_live import answering, has_curve
from tests.browser.test_swarm_page import nursery
from tests.loadtest.swarms import RUN_TIMEOUT_S, Nursery

__all__ = ["nursery"]


@pytest.fixture
def page(chromium: Any, nursery: Nursery, server: Target) -> Iterator[Any]:
    """Of a swarm that has begun no run."""
    swarm = nursery.start_web("--host", server.http_url, "--jwt-secret", server.jwt_secret)
    context = chromium.new_context(viewport=DESKTOP, base_url=swarm.url)
    context.set_default_timeout(RUN_TIMEOUT_S * 1000)
    yield context.new_page()
    context.close()
    swarm.swarm.stop(signal.SIGTERM)


def answer_of_windows(*windows: dict[str, float]) -> dict[str, Any]:
    """What the page hears of a run with a window of 5 s for each, whose figures have these values in ms."""
    return {
        "run": "1", "running": False, "host": "http://127.0.0.1:1", "seed": 1, "now_s": 5.0 * len(windows),
        "until_s": 5.0 * len(windows), "samples": [], "moments": [], "roles": [], "validity": "VALID", "reasons": [],
        "reach": {}, "thresholds": [], "doubt": "",
        "titles": {name: name for window in windows for name in window},
        "windows": [
            {
                "until_s": 5.0 * number,
                "metrics": {name: {"p50_ms": value, "p99_ms": value} for name, value in window.items()},
            }
            for number, window in enumerate(windows, 1)
        ],
    }  # fmt: skip


COLOURS = ("--one", "--two", "--three", "--four", "--five", "--six")


def show(page: Any, *windows: dict[str, float]) -> None:
    page.unroute_all()
    page.route("**/lobby/live.json**", answering({"json": answer_of_windows(*windows)}))
    page.goto("/lobby/live")
    page.get_by_text("Over ·").wait_for()


def test_of_two_curves_that_lie_on_one_another_both_are_to_be_seen(page: Any):
    for other in range(1, len(COLOURS)):
        window = {f"series {number}": 4.0 if number in (0, other) else 30.0 + number for number in range(len(COLOURS))}
        show(page, window, window, window)
        assert has_curve(page, "p50", COLOURS[0]), f"below {COLOURS[other]}"
        assert has_curve(page, "p50", COLOURS[other])


BESIDE_THE_FIGURE = """() => [...document.querySelectorAll("figure .legend span")].filter((entry) => {
    const { left, right } = entry.closest("figure").getBoundingClientRect();
    const at = entry.getBoundingClientRect();
    return at.left < left - 1 || at.right > right + 1;
}).map((entry) => entry.textContent)"""


@pytest.mark.parametrize("width", [1200, 400])
def test_every_name_of_a_chart_with_many_stands_below_it(page: Any, width: int):
    page.set_viewport_size({"width": width, "height": 900})
    show(page, *[{f"a name of some length, {number}": 4.0 for number in range(6)}] * 2)
    assert page.locator("figure[data-chart=p50] .legend span").count() == 6
    assert page.evaluate(BESIDE_THE_FIGURE) == []


def test_a_figure_without_a_neighbour_is_a_point(page: Any):
    windows = ({"often": 4.0, "once": 30.0}, {"often": 4.0}, {"often": 4.0})
    show(page, *windows)
    assert has_curve(page, "p50", COLOURS[0])
    assert has_curve(page, "p50", COLOURS[1])


def test_a_fetch_of_a_tenth_of_a_millisecond_is_to_be_read_beside_an_announcement_of_a_tenth_of_a_second(
    page: Any,
):
    """And what takes no time at all has a place."""
    page.add_init_script(
        """window.texts = [];
        const { fillText } = CanvasRenderingContext2D.prototype;
        CanvasRenderingContext2D.prototype.fillText = function (text, ...rest) {
          window.texts.push(text);
          return fillText.call(this, text, ...rest);
        };"""
    )
    windows = ({"push": 110.0, "fetch": 0.13, "nothing": 0.0}, {"push": 130.0, "fetch": 0.11, "nothing": 0.0})
    show(page, *windows)
    assert all(has_curve(page, chart, colour) for chart in ("p50", "p99") for colour in COLOURS[:3])
    ticks = {"0.01 ms", "0.1 ms", "1 ms", "10 ms", "100 ms", "1,000 ms"}
    assert {text for text in page.evaluate("texts") if text.endswith(" ms")} == ticks


def test_a_button_that_is_pressed_while_the_page_is_drawn_anew_does_its_work(page: Any):
    """Which is every other second: whoever presses it need not be quicker than that."""
    states, seconds = {"active": 2, "connecting": 0, "paused": 0, "away": 0}, itertools.count(5)
    answer = {**answer_of_windows({"push": 4.0}), "running": True}
    answer["roles"] = [{"role": "host", "paused": False, "states": states}]
    page.route("**/lobby/live.json**", lambda route: route.fulfill(json={**answer, "now_s": next(seconds)}))
    page.goto("/lobby/live")
    page.get_by_role("button", name="Pause host").hover()
    page.mouse.down()
    before = page.locator("#about").text_content()
    page.wait_for_function("before => document.getElementById('about').textContent !== before", arg=before)
    with page.expect_request("**/lobby/roles") as asked:
        page.mouse.up()
    assert asked.value.post_data == "role=host&paused=true"

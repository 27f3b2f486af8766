"""Five hundred rooms in the list, and the page still answers."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.browser.conftest import Crowd, started
from tests.process.clients import call, token_of
from tests.stopwatch import Stopwatch

ROOMS = 500
STALL_MS = 500
"""A frame that takes longer than this is a stall; the worst measured on two cores is a quarter of it."""
ROWS = "count => document.querySelectorAll('#rooms li').length === count"
WATCH_FRAMES = """() => {
    window.worstMs = 0;
    let last = performance.now();
    const look = (now) => {
        window.worstMs = Math.max(window.worstMs, now - last);
        last = now;
        requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
}"""


TRIES = 3
"""Other work on the machine can hold up a frame; a page that stalls does so each time."""


def make_rooms(crowd: Crowd, first: int, count: int) -> list[str]:
    """The ids of the rooms, by their hosts from the first one on."""

    def make(user_id: int) -> str:
        token = token_of(crowd.server, user_id, f"host{user_id}")
        body = {"gamemode": f"mode {user_id % 7}", "mapName": f"map {user_id}"}
        made = call(crowd.server, "POST", "/api/rooms", body, token=token)
        assert made.status == 201
        return str(made.body["room"]["id"])

    with ThreadPoolExecutor(4) as threads:
        return list(threads.map(make, range(first, first + count)))


def delete_rooms(crowd: Crowd, first: int, room_ids: list[str]) -> None:
    def delete(user_id: int, room_id: str) -> None:
        token = token_of(crowd.server, user_id, f"host{user_id}")
        assert call(crowd.server, "DELETE", f"/api/rooms/{room_id}", token=token).status < 300

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(delete, range(first, first + len(room_ids)), room_ids))


def worst_frame_ms(page: Any) -> float:
    return float(page.evaluate("() => { const worst = window.worstMs; window.worstMs = 0; return worst; }"))


@pytest.mark.flags("--empty-room-ttl-s", "600")
@pytest.mark.parametrize("address", ["/", "/?features=none"])
def test_five_hundred_rooms_are_listed_filtered_and_changed_without_a_stall(own_crowd: Crowd, address: str) -> None:
    make_rooms(own_crowd, 1000, ROOMS // 2)
    page = own_crowd.person("ann", address=address).page
    page.evaluate(WATCH_FRAMES)
    new: list[str] = []
    worst: list[float] = []
    for _ in range(TRIES):
        if new:
            delete_rooms(own_crowd, 2000, new)
            page.wait_for_function(ROWS, arg=ROOMS // 2)
            worst_frame_ms(page)
        new, stall_ms, most_ms = look_through(own_crowd, page, address)
        worst.append(stall_ms)
        if stall_ms < most_ms:
            break
    else:
        pytest.fail(f"worst frames of {worst} ms")
    page.reload()
    page.wait_for_function(ROWS, arg=ROOMS)
    times = page.locator("#rooms li .map").all_text_contents()
    assert len(set(times)) == ROOMS


def look_through(crowd: Crowd, page: Any, address: str) -> tuple[list[str], float, float]:
    """What a user does while half of the rooms arrive. Returns their ids, the longest frame, and how long one may be:
    the longer, the longer some process was without a core."""
    with Stopwatch(*started()) as watch:
        new = make_rooms(crowd, 2000, ROOMS // 2)
        page.wait_for_function(ROWS, arg=ROOMS)
        arrival_ms = worst_frame_ms(page)
        page.locator("#rooms-filter").select_option(label="mode 3 (71)")
        page.wait_for_function(ROWS, arg=71)
        page.locator("#rooms-filter").select_option(label="All game modes")
        page.wait_for_function(ROWS, arg=ROOMS)
        filter_ms = worst_frame_ms(page)
        page.locator("#chat-form input").clear()
        page.locator("#chat-form input").type("typing while rooms change", delay=10)
        typing_ms = worst_frame_ms(page)
    print(
        f"worst frame, {address}: arrivals {arrival_ms:.0f} ms, filter {filter_ms:.0f} ms, typing {typing_ms:.0f} ms; "
        f"without a core for {1000 * watch.waited_s:.0f} ms"
    )
    return new, max(arrival_ms, filter_ms, typing_ms), STALL_MS + min(1000 * watch.waited_s, STALL_MS)

"""A node of several answers with the list that it knows once it has caught up with the others."""

from __future__ import annotations

import asyncio

import pytest

from lobby_server.web.websocket.entrance import Entrance
from tests.patience import PATIENCE_S
from tests.web.conftest import Lobby
from tests.web.lean.test_callers import GET, STATS, callers_of, make_rooms
from tests.web.websocket.ways import Peer


class Others:
    """The other nodes: each question is answered when the test says so."""

    def __init__(self) -> None:
        self.questions: list[asyncio.Event] = []

    async def __call__(self) -> None:
        answered = asyncio.Event()
        self.questions.append(answered)
        await answered.wait()

    async def asked(self, times: int) -> None:
        while len(self.questions) < times:
            await asyncio.sleep(0.005)


@pytest.fixture
def others(lobby: Lobby) -> Others:
    callers_of(lobby).catch_up = asked = Others()
    return asked


async def test_answer_has_what_became_known_while_the_node_caught_up(lobby: Lobby, others: Others) -> None:
    peer = await Peer.connect(lobby)
    for times in (1, 2):
        await peer.send(GET)
        await others.asked(times)
        await make_rooms(lobby, 1, first=times)
        others.questions[-1].set()
        assert (await peer.response())[2]["count"] == times


async def test_all_that_wait_are_asked_for_at_once_and_who_comes_later_is_asked_for_anew(
    lobby: Lobby, others: Others
) -> None:
    first, *late = [await Peer.connect(lobby) for _ in range(20)]
    await first.send(GET)
    await others.asked(1)
    for peer in late:
        await peer.send(GET)
    while len(callers_of(lobby)) < 20:
        await asyncio.sleep(0.005)
    others.questions[0].set()
    assert (await first.response())[0] == 200
    await others.asked(2)
    await make_rooms(lobby, 1)
    others.questions[1].set()
    assert [(await peer.response())[2]["count"] for peer in late] == [1] * 19
    assert len(others.questions) == 2


async def test_what_comes_behind_a_request_that_waits_is_answered_after_it(lobby: Lobby, others: Others) -> None:
    peer = await Peer.connect(lobby)
    await peer.send(GET[:20])
    await asyncio.sleep(0.02)
    await peer.send(GET[20:])
    await others.asked(1)
    await peer.send(GET + STATS)
    for times in (1, 2):
        await others.asked(times)
        others.questions[-1].set()
        assert "rooms" in (await peer.response())[2]
    status, _, body = await peer.response()
    assert status == 200
    assert "players_in_rooms" in body


async def test_client_that_leaves_while_it_waits_harms_nobody(lobby: Lobby, others: Others) -> None:
    gone, stays = [await Peer.connect(lobby) for _ in range(2)]
    for peer in (gone, stays):
        await peer.send(GET)
    while len(callers_of(lobby)) < 2:
        await asyncio.sleep(0.005)
    gone.writer.transport.abort()
    answered = asyncio.create_task(stays.response())
    while not answered.done():
        others.questions[-1].set()
        await asyncio.sleep(0.005)
    assert (await answered)[0] == 200
    while len(callers_of(lobby)) > 1:
        await asyncio.sleep(0.005)


async def test_server_ends_while_callers_wait(lobby: Lobby, others: Others) -> None:
    peer = await Peer.connect(lobby)
    await peer.send(GET)
    await others.asked(1)
    await lobby.server.drain()
    await peer.ended()


async def test_those_that_waited_share_the_answers_of_a_turn(
    lobby: Lobby, others: Others, monkeypatch: pytest.MonkeyPatch
) -> None:
    queued: list[object] = []
    original = Entrance.queue_up
    peers = [await Peer.connect(lobby) for _ in range(5)]
    for peer in peers:
        await peer.send(GET)
    await others.asked(1)
    while len(callers_of(lobby)) < 5:
        await asyncio.sleep(0.005)

    def noted(self: Entrance, go_on: object) -> None:
        queued.append(go_on)
        original(self, go_on)  # type: ignore[arg-type]

    monkeypatch.setattr(Entrance, "queue_up", noted)
    answered = asyncio.create_task(asyncio.wait_for(asyncio.gather(*(peer.response() for peer in peers)), PATIENCE_S))
    while not answered.done():
        others.questions[-1].set()
        await asyncio.sleep(0.01)
    assert [status for status, _, _ in await answered] == [200] * 5
    assert len(queued) >= 5

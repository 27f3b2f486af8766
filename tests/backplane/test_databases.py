"""Nodes that have different databases are no lobby, for an id of a user means another user to each."""

from __future__ import annotations

import pytest

from lobby_server.backplane import inspection
from lobby_server.backplane.errors import BackplaneAway, BackplaneRefused, EpochGone
from lobby_server.backplane.valkey.stream import Stream
from lobby_server.core.presence import User
from tests.backplane.conftest import Nodes
from tests.backplane.engine import Engine
from tests.backplane.nodes import agree, until
from tests.backplane.test_contract import said

ANN = User(1, "ann")


async def test_node_with_another_database_is_refused_and_the_lobby_goes_on(
    valkey_engine: Engine, nodes: Nodes, caplog: pytest.LogCaptureFixture
) -> None:
    a = await nodes.start(valkey_engine.url, name="a", database="1/5")
    a.arrive(ANN)
    await until(lambda: a.online == [1])
    sentence = r"^The nodes of this lobby \(a\.\w+\) have another database: give this one the same --database-url, or "
    with pytest.raises(BackplaneRefused, match=sentence):
        await nodes.start(valkey_engine.url, name="b", database="1/6")
    c = await nodes.start(valkey_engine.url, name="c", database="1/5")
    await agree(a, c)
    assert c.online == [1]
    assert not caplog.records or all("given up" not in record.getMessage() for record in caplog.records)


async def test_log_that_nodes_with_another_database_left_is_given_up(
    valkey_engine: Engine, nodes: Nodes, caplog: pytest.LogCaptureFixture
) -> None:
    a = await nodes.start(valkey_engine.url, name="a", database="1/5")
    a.arrive(ANN)
    await until(lambda: a.online == [1])
    await a.end()
    b = await nodes.start(valkey_engine.url, name="b", database="1/6")
    assert (b.restored, b.online) == (1, [])
    assert "is of a lobby with another database" in caplog.text
    caplog.clear()
    c = await nodes.start(valkey_engine.url, name="c", database="1/6")
    await agree(b, c)
    assert (c.restored, c.online) == (0, [])


async def test_node_that_was_cut_off_takes_no_state_of_another_database(
    valkey_engine: Engine, nodes: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others took it for ended, with all of its lobby, and gave its log up."""
    a = await nodes.start(valkey_engine.url, name="a", database="1/5")
    a.arrive(ANN)
    await until(lambda: a.online == [1])
    name, lives = a.log.node, f"EXISTS lobby:{{{nodes.cluster}}}:alive:{a.log.node}"
    await until(lambda: valkey_engine.ask(lives) == b":1\r\n")
    with monkeypatch.context() as cut:
        for call in ("renew", "read", "append", "epoch", "newest", "first_after"):
            cut.setattr(a.log._stream, call, nobody_answers)
        await until(lambda: valkey_engine.ask(lives) == b":0\r\n")
        b = await nodes.start(valkey_engine.url, name="b", database="1/6")
        assert (b.restored, a.ends_because) == (1, "")
    await until(lambda: a.ends_because or a.resets)
    assert "is of a lobby with another database now" in a.ends_because
    assert (a.online, a.resets, a.log.node, a.log.takes_part) == ([1], 0, name, False)
    await b.replica.run(said("heard"))
    assert (b.heard, a.heard, b.online) == (["heard"], [], [])


async def test_epoch_that_has_followed_another_one_is_not_given_up_for_it(valkey_engine: Engine, nodes: Nodes) -> None:
    a = await nodes.start(valkey_engine.url, name="a", database="1/6")
    with pytest.raises(EpochGone):
        await a.log._stream.give_up("older")
    await a.replica.run(said("heard"))
    assert a.heard == ["heard"]
    assert await a.log._stream.epoch() == a.log._standing.epoch


async def test_newcomer_takes_part_in_the_lobby_that_another_one_began_in_place_of_the_log_that_both_found(
    valkey_engine: Engine, nodes: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    a = await nodes.start(valkey_engine.url, name="a", database="1/5")
    await a.end()
    nodes_of = inspection.nodes_of

    async def after_another_one(stream: Stream) -> list[inspection.NodeSeen]:
        monkeypatch.setattr(inspection, "nodes_of", nodes_of)
        await nodes.start(valkey_engine.url, name="c", database="1/6")
        return await nodes_of(stream)

    monkeypatch.setattr(inspection, "nodes_of", after_another_one)
    b = await nodes.start(valkey_engine.url, name="b", database="1/6")
    c = nodes.all[-1]
    await agree(b, c)
    assert (b.restored, c.restored) == (0, 1)


async def nobody_answers(*_: object, **__: object) -> None:
    raise BackplaneAway("cut off")


@pytest.mark.parametrize("databases", [("", "1/5"), ("1/5", ""), (None, "1/5"), ("1/5", None)])
async def test_node_of_which_nobody_knows_the_database_takes_part(
    valkey_engine: Engine, nodes: Nodes, databases: tuple[str | None, str | None]
) -> None:
    a, b = [
        await nodes.start(valkey_engine.url, name=name, database=each)
        for name, each in zip("ab", databases, strict=True)
    ]
    await agree(a, b)


async def test_epoch_that_a_node_opens_later_is_of_its_database_too(engine: Engine, nodes: Nodes) -> None:
    a = await nodes.start(engine.url, name="a", database="1/5")
    outages = a.log.outages
    engine.restart()
    await until(lambda: a.log.outages > outages and a.log.takes_part and a.log.is_heard_of)
    with pytest.raises(BackplaneRefused, match="another database"):
        await nodes.start(engine.url, name="b", database="1/6")

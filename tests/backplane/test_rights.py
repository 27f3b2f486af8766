"""What a node may do in Valkey, and what it has to know of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from lobby_server.backplane.errors import BackplaneRefused
from lobby_server.backplane.valkey import scripts
from lobby_server.backplane.valkey.stream import Stream
from tests.backplane.conftest import ENGINES, Nodes
from tests.backplane.engine import Engine
from tests.backplane.nodes import agree
from tests.backplane.test_contract import said
from tests.patience import PATIENCE_S

pytestmark = pytest.mark.system

GUIDE = Path(__file__).parents[2] / "docs" / "operating.md"


@pytest.fixture(params=ENGINES)
def engine_with_a_user(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """As docs/operating.md says."""
    engine = Engine(request.param, tmp_path)
    engine.start()
    (rights,) = re.findall(r"`(ACL SETUSER [^`]*)`", GUIDE.read_text())
    assert engine.ask(rights).startswith(b"+OK")
    engine.url = engine.url.replace("//", "//lobby:password@")
    yield engine
    engine.kill()


async def test_user_that_the_guide_describes_may_do_all_that_nodes_do(engine_with_a_user: Engine, nodes: Nodes) -> None:
    url = engine_with_a_user.url
    one, other = await nodes.start(url), await nodes.start(url)
    await one.replica.run(said("heard"))
    await agree(one, other)
    assert other.heard == ["heard"]
    stream = Stream(url, cluster="lobby")
    await stream.stand("node", 1)
    assert await stream.best_candidate() == "node"
    await stream.withdraw("node")
    assert await stream.may_seed("node", for_s=PATIENCE_S)
    assert await stream.seed("node", epoch="epoch", number=1, snapshot=b"snapshot")
    assert await stream.epoch() == "epoch"
    assert await stream.snapshot() == b"snapshot"
    assert await stream.take_gate("token", for_s=PATIENCE_S)
    await stream.release_gate("token")
    assert await stream.take("who", interval_us=1, tolerance_us=1) == 0.0
    await stream.append("epoch", b"batch")
    assert await stream.first_after("epoch", "0-0") == await stream.newest() == 2
    await stream.renew("epoch", "node", ttl_s=PATIENCE_S, report=b"report", others=())
    assert await stream.reports(["node"]) == {"node": b"report"}
    await stream.forget("node")
    await stream.put_snapshot("epoch", b"other", keep_from="0-0")
    await stream.give_up("epoch")
    await stream.close()


async def test_node_whose_user_may_not_ask_which_process_it_is_does_not_wait_for_ever(
    engine_with_a_user: Engine, nodes: Nodes
) -> None:
    assert engine_with_a_user.ask("ACL SETUSER lobby -info").startswith(b"+OK")
    with pytest.raises(BackplaneRefused, match=r"check --backplane-url\.$"):
        await nodes.start(engine_with_a_user.url)


async def test_server_that_does_not_say_which_process_it_is_is_refused(
    valkey_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scripts, "EPOCH", scripts.EPOCH.replace("'server'", "'clients'"))
    stream = Stream(valkey_engine.url, cluster="silent")
    with pytest.raises(BackplaneRefused, match="does not say which process it is"):
        await stream.epoch()
    await stream.close()

"""What is kept for a time only, under a virtual clock."""

from __future__ import annotations

from bench.simulation.outside.memory_store import MemoryStore
from lobby_server.core.presence import User
from lobby_server.service.retention import SWEEP_EVERY_S, Retention
from lobby_server.service.social.ports import NewLine
from lobby_server.service.writes.writer import StoreWriter
from tests.fakes.clock import VirtualClock
from tests.patience import PATIENCE_S

ANN = User(1, "ann")


async def kept_after(seconds: float, *, chat_s: float, notifications_s: float) -> tuple[int, int]:
    """How many lines and notifications of now are left when that time has passed."""
    clock, store = VirtualClock(), MemoryStore()
    writer = StoreWriter(store)
    writer.start()
    Retention(store=store, writer=writer, clock=clock, chat_s=chat_s, notifications_s=notifications_s).start()
    await writer.idle()
    await store.add_chat_lines([NewLine(channel="lobby", sender=ANN, text="x", sent_at=clock.utc_now())])
    await store.add_notification(
        user_id=1, kind="k", title="t", body="b", from_user_id=2, created_at=clock.utc_now(), is_delivered=True
    )
    clock.advance(seconds)
    await writer.idle()
    await writer.stop(patience_s=PATIENCE_S)
    lines = await store.chat_lines("lobby", reader_id=1, before=None, most=9)
    return len(lines), len(await store.notifications(1, before=None, most=9))


async def test_each_goes_at_the_first_sweep_after_its_time() -> None:
    hours = SWEEP_EVERY_S
    assert await kept_after(2.5 * hours, chat_s=1.5 * hours, notifications_s=9 * hours) == (0, 1)
    assert await kept_after(1.2 * hours, chat_s=1.5 * hours, notifications_s=0.5 * hours) == (1, 0)


async def test_nothing_goes_where_it_is_kept_for_ever() -> None:
    assert await kept_after(100 * SWEEP_EVERY_S, chat_s=0.0, notifications_s=0.0) == (1, 1)

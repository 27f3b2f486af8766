"""What a node has appended and not seen yet: batches, repetition, and a new name."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import cast

import pytest

from lobby_server.backplane.node.outbox import Outbox
from lobby_server.backplane.wire import MOST_BATCH_BYTES, decode_batch
from lobby_server.core.machine.commands import (
    Announce,
    Arrive,
    Block,
    Command,
    DeliverNotices,
    Depart,
    KickFromRoom,
    NodeDown,
    NodeUp,
    Notice,
    PartFriends,
    SetWhereabouts,
)
from lobby_server.core.presence import User
from lobby_server.core.refusal import Refusal, RefusalCode
from lobby_server.protocol.requests import Audience

ANN = User(1, "ann")


class Asker:
    """Takes notes of what it is told."""

    session = None
    is_patient = False

    def __init__(self) -> None:
        self.told: list[str] = []

    def applied(self) -> None:
        self.told.append("applied")

    def refused(self, refusal: Refusal) -> None:
        self.told.append(refusal.code.value)

    def given_up(self) -> None:
        self.told.append("given up")

    def lost(self, refusal: Refusal) -> None:
        self.told.append(f"lost: {refusal.code.value}")


def said(text: str) -> Announce:
    return Announce(1, text, "", 0)


def read(data: bytes | None) -> tuple[str, int, list[Command]]:
    assert data is not None
    node, sequence, commands = decode_batch(data)
    return node, sequence, list(commands)


@pytest.mark.parametrize(
    "command",
    [
        Block(ANN, User(2, "bob"), cast("datetime", None)),
        Block(cast("User", None), User(2, "bob"), datetime.now(timezone.utc)),
        Announce(1, cast("str", 7), "", 0),
        PartFriends(cast("int", "1"), 2),
        SetWhereabouts(ANN, cast("Audience", "somebody")),
    ],
    ids=lambda command: type(command).__name__,
)
def test_command_that_no_node_could_read_is_refused_to_whoever_made_it_and_never_sent(command: Command) -> None:
    outbox = Outbox("a")
    with pytest.raises(TypeError, match=type(command).__name__):
        outbox.add(command, None, now_s=0.0)
    assert len(outbox) == 0
    assert outbox.next_batch() is None


def test_what_waits_is_one_batch_and_what_comes_later_the_next() -> None:
    outbox = Outbox("a")
    outbox.add(said("1"), None, now_s=0.0), outbox.add(said("2"), None, now_s=0.0)
    assert read(outbox.next_batch()) == ("a", 1, [said("1"), said("2")])
    assert outbox.next_batch() is None
    outbox.add(said("3"), None, now_s=0.0)
    assert read(outbox.next_batch()) == ("a", 2, [said("3")])
    assert len(outbox.unapplied()) == 2
    assert [pending.command for pending in outbox.applied(1)] == [said("1"), said("2")]
    assert outbox.applied(1) == []
    assert len(outbox) == 1


def test_end_of_the_node_is_the_last_of_its_batch() -> None:
    """What comes after it would be applied, though its node takes part no more: a socket would count for ever."""
    outbox = Outbox("a")
    arrival = Arrive(ANN, 7, "1")
    for command in (said("1"), NodeDown("a"), arrival):
        outbox.add(command, None, now_s=0.0)
    assert read(outbox.next_batch()) == ("a", 1, [said("1"), NodeDown("a")])
    assert read(outbox.next_batch()) == ("a", 2, [arrival])


def test_batch_stays_below_the_size_that_is_counted_for_a_reader_that_hangs() -> None:
    outbox = Outbox("a")
    for _ in range(10):
        outbox.add(said("x" * 4000), None, now_s=0.0)
    sizes = []
    while (batch := outbox.next_batch()) is not None:
        sizes.append(len(batch))
    assert max(sizes) < MOST_BATCH_BYTES + 1000 < 16_384
    assert len(sizes) == 4


def test_command_that_cannot_be_written_is_told_to_whoever_made_it_and_nobody_waits_behind_it() -> None:
    outbox = Outbox("a")
    with pytest.raises(OverflowError):
        outbox.add(KickFromRoom(ANN, 2**64), None, now_s=0.0)
    outbox.add(said("1"), None, now_s=0.0)
    assert read(outbox.next_batch()) == ("a", 1, [said("1")])


def test_asker_is_given_up_once_and_hears_of_the_end_of_it() -> None:
    outbox, asker = Outbox("a"), Asker()
    outbox.add(said("1"), asker, now_s=10.0)
    outbox.next_batch()
    outbox.give_up(before_s=10.0)
    assert asker.told == []
    outbox.give_up(before_s=11.0), outbox.give_up(before_s=12.0)
    assert asker.told == ["given up"]
    (pending,) = outbox.applied(1)
    assert pending.request is not None
    pending.request.applied()
    assert asker.told == ["given up", "applied"]


def test_new_name_begins_with_what_it_announces_keeps_what_nobody_waits_for_and_refuses_the_rest() -> None:
    outbox, asker = Outbox("a"), Asker()
    for command, request in (
        (NodeUp("a"), None),
        (Arrive(ANN, 1), None),
        (said("kept"), None),
        (said("asked"), asker),
        (Depart(1, 1, abrupt=False), None),
    ):
        outbox.add(command, request, now_s=0.0)
    outbox.next_batch()
    outbox.restart("b", [NodeUp("b"), Arrive(ANN, 2)], now_s=1.0)
    assert asker.told == [RefusalCode.TRY_AGAIN_LATER.value]
    assert outbox.unapplied() == []
    assert read(outbox.next_batch()) == ("b", 1, [NodeUp("b"), Arrive(ANN, 2), said("kept")])


def test_new_name_under_another_state_says_of_what_was_sent_that_nobody_will_know() -> None:
    outbox, sent, late, waiting = Outbox("a"), Asker(), Asker(), Asker()
    outbox.add(said("sent"), sent, now_s=5.0)
    outbox.add(said("late"), late, now_s=1.0)
    outbox.next_batch()
    outbox.add(said("waits"), waiting, now_s=5.0)
    outbox.give_up(before_s=2.0)
    outbox.restart("b", [NodeUp("b")], now_s=6.0, known=lambda _: None)
    again = RefusalCode.TRY_AGAIN_LATER.value
    assert (sent.told, late.told, waiting.told) == ([f"lost: {again}"], ["given up", f"lost: {again}"], [again])
    assert read(outbox.next_batch()) == ("b", 1, [NodeUp("b")])


def in_doubt(*applied: int) -> Outbox:
    """Sent batches 1 to 3 for nobody, and has a command more; then its state became another one, which has applied some
    of them under the name before."""
    outbox = Outbox("a")
    for number in (1, 2, 3):
        outbox.add(said(str(number)), None, now_s=0.0)
        outbox.next_batch()
    outbox.add(said("waits"), None, now_s=0.0)
    outbox.restart("b", [NodeUp("b")], now_s=1.0, known={"a": max(applied, default=0)}.get)
    return outbox


def test_what_another_state_has_is_not_sent_again_and_what_may_be_in_the_log_not_before_that_is_read() -> None:
    outbox = in_doubt(1)
    assert read(outbox.next_batch()) == ("b", 1, [NodeUp("b")])
    outbox.add(said("new"), None, now_s=2.0)
    assert outbox.next_batch() is None
    outbox.seen("a", 3)
    outbox.seen("c", 2)
    assert outbox.next_batch() is None
    outbox.settle()
    assert read(outbox.next_batch()) == ("b", 2, [said("2"), said("waits"), said("new")])
    assert outbox.next_batch() is None


def test_what_is_in_doubt_stays_so_under_a_third_name() -> None:
    outbox = in_doubt()
    outbox.next_batch()
    outbox.restart("c", [NodeUp("c")], now_s=2.0)
    assert read(outbox.next_batch()) == ("c", 1, [NodeUp("c")])
    assert outbox.next_batch() is None
    outbox.seen("a", 2)
    outbox.settle()
    assert read(outbox.next_batch()) == ("c", 2, [said("1"), said("3"), said("waits")])


def test_third_state_says_what_it_has_of_what_was_in_doubt() -> None:
    outbox = in_doubt()
    outbox.restart("c", [NodeUp("c")], now_s=2.0, known={"a": 2}.get)
    outbox.settle()
    assert read(outbox.next_batch()) == ("c", 1, [NodeUp("c"), said("3"), said("waits")])


def test_notifications_are_told_no_second_time_where_nobody_can_know_whether_they_were() -> None:
    outbox, notices = Outbox("a"), DeliverNotices(ANN.id, (Notice(1, "kind", "", "", 2, 0),))
    for command in (notices, said("safe to repeat")):
        outbox.add(command, None, now_s=0.0)
    outbox.next_batch()
    outbox.add(notices, None, now_s=0.0)
    outbox.restart("b", [NodeUp("b")], now_s=1.0, known=lambda _: None)
    assert read(outbox.next_batch()) == ("b", 1, [NodeUp("b"), said("safe to repeat"), notices])


NOTICES = DeliverNotices(ANN.id, (Notice(1, "kind", "", "", 2, 0),))


def untold(*commands: Command, known: dict[str, int] | None = None) -> Outbox:
    """Sent a batch that begins with its new name, b, and takes another state, and the name c, before it has read it."""
    outbox = Outbox("a")
    outbox.restart("b", [NodeUp("b")], now_s=0.0)
    for command in commands:
        outbox.add(command, None, now_s=0.0)
    assert read(outbox.next_batch()) == ("b", 1, [NodeUp("b"), *commands])
    outbox.restart("c", [NodeUp("c")], now_s=1.0, known=(known or {}).get)
    assert read(outbox.next_batch()) == ("c", 1, [NodeUp("c")])
    return outbox


def test_what_was_sent_beside_a_name_that_nobody_told_of_is_not_sent_again_where_the_log_brings_it() -> None:
    outbox = untold(said("1"), NOTICES)
    outbox.add(said("new"), None, now_s=2.0)
    assert outbox.next_batch() is None
    outbox.seen("b", 1)
    outbox.settle()
    assert read(outbox.next_batch()) == ("c", 2, [said("new")])


def test_what_was_sent_beside_a_name_that_nobody_told_of_stays_in_doubt_under_a_third_name() -> None:
    outbox = untold(said("1"), NOTICES)
    outbox.restart("d", [NodeUp("d")], now_s=2.0, known=lambda _: None)
    assert read(outbox.next_batch()) == ("d", 1, [NodeUp("d")])
    outbox.seen("b", 1)
    outbox.settle()
    assert outbox.next_batch() is None


def test_what_was_sent_beside_a_name_that_nobody_ever_tells_of_is_sent_again_but_for_notifications() -> None:
    """The state may be of a time after that name was given up: then it has them."""
    outbox = untold(said("1"), NOTICES)
    outbox.settle()
    assert read(outbox.next_batch()) == ("c", 2, [said("1")])


@pytest.mark.parametrize("tells", ["log", "state"])
def test_notifications_behind_a_batch_that_was_told_of_are_sent_where_the_log_has_them_not(tells: str) -> None:
    outbox = Outbox("a")
    outbox.restart("b", [NodeUp("b")], now_s=0.0)
    outbox.next_batch()
    outbox.add(NOTICES, None, now_s=0.0)
    assert read(outbox.next_batch()) == ("b", 2, [NOTICES])
    outbox.restart("c", [NodeUp("c")], now_s=1.0, known={"b": 1}.get if tells == "state" else lambda _: None)
    outbox.next_batch()
    if tells == "log":
        outbox.seen("b", 1)
    outbox.settle()
    assert read(outbox.next_batch()) == ("c", 2, [NOTICES])


def test_state_that_has_a_name_nobody_had_told_of_has_what_was_sent_beside_it() -> None:
    outbox = untold(said("1"), NOTICES, known={"b": 1})
    outbox.settle()
    assert outbox.next_batch() is None


def test_new_name_lets_who_waits_for_an_arrival_wait_for_the_same_socket_under_it() -> None:
    outbox, asker = Outbox("a"), Asker()
    outbox.add(Arrive(ANN, 1), asker, now_s=0.0)
    outbox.next_batch()
    outbox.restart("b", [NodeUp("b"), Arrive(ANN, 1), Arrive(ANN, 2)], now_s=1.0)
    assert asker.told == []
    outbox.next_batch()
    assert [pending.request for pending in outbox.applied(1)] == [None, asker, None]

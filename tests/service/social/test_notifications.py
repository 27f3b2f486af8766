"""Notifications: told at once to users online, kept for the others, told once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

import pytest

from lobby_server.core.machine.effects import NoticeDue
from lobby_server.core.refusal import Refusal, RefusalCode
from lobby_server.protocol.requests import Whom
from lobby_server.protocol.social_resources import PAGE_ITEMS, NotificationKind
from lobby_server.service.replica import Replica
from lobby_server.service.social.notifications import MOST_OVER, OVER_FOR_S
from lobby_server.service.social.ports import StoredNotification
from tests.service.house import ANN, BOB, House

REQUEST, LINE = NotificationKind.FRIEND_REQUEST, NotificationKind.DIRECT_MESSAGE


def notify(house: House, kind: NotificationKind = REQUEST, *, title: str = "Title") -> None:
    key, at = house.app.social.notifications.new_key(), house.clock.utc_now()
    house.app.social.notifications.due(
        NoticeDue(key=key, user_id=BOB.id, kind=kind.value, title=title, body="Body", sender=ANN, at=at)
    )


async def test_user_online_is_told_on_every_socket_once_it_is_kept(house: House) -> None:
    bob, other_tab, ann = house.connect(BOB), house.connect(BOB), house.connect(ANN)
    notify(house)
    assert bob.told() == []
    await house.settle()
    ((type_, data),) = bob.told()
    assert (type_, data["kind"], data["title"], data["body"]) == ("notification", REQUEST.value, "Title", "Body")
    assert [kind for kind, _ in other_tab.told()] == ["notification"]
    assert ann.told() == []
    (kept,) = await house.store.notifications(BOB.id, before=None, most=9)
    assert (kept.is_delivered, kept.is_read) == (True, False)


async def test_user_offline_is_told_at_the_next_login_in_order_and_not_again(house: House) -> None:
    notify(house, title="first")
    notify(house, title="second")
    await house.settle()
    bob = house.connect(BOB)
    await house.settle()
    assert [data["title"] for _, data in bob.told()] == ["first", "second"]
    again = house.connect(BOB)
    await house.settle()
    assert (bob.told(), again.told()) == ([], [])


async def test_user_who_missed_more_than_a_page_is_told_all_of_it_in_order_and_once(house: House) -> None:
    titles = [str(number) for number in range(2 * PAGE_ITEMS + 1)]
    for title in titles:
        notify(house, title=title)
    await house.settle()
    bob = house.connect(BOB)
    await house.settle()
    assert [data["title"] for _, data in bob.told()] == titles
    again = house.connect(BOB)
    await house.settle()
    assert (bob.told(), again.told()) == ([], [])


async def test_what_was_not_told_before_the_database_went_away_is_told_at_the_next_login(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    titles = [str(number) for number in range(PAGE_ITEMS + 10)]
    for title in titles:
        notify(house, title=title)
    await house.settle()
    set_delivered = house.store.set_delivered

    async def set_delivered_and_go_away(user_id: int, *, up_to: int) -> set[int]:
        told = await set_delivered(user_id, up_to=up_to)
        house.store.is_away = True
        return told

    monkeypatch.setattr(house.store, "set_delivered", set_delivered_and_go_away)
    bob = house.connect(BOB)
    while len(told := bob.told()) < PAGE_ITEMS:
        await asyncio.sleep(0)
    monkeypatch.setattr(house.store, "set_delivered", set_delivered)
    house.store.is_away = False
    await house.settle()
    again = house.connect(BOB)
    await house.settle()
    told += bob.told()
    assert [data["title"] for _, data in told] == titles
    assert [data["title"] for _, data in again.told()] == titles[-10:]


async def test_what_another_node_has_told_since_this_one_has_read_it_is_not_told_again(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """This one led and stood still between the two; the other one has not told what came last."""
    for title in ("first", "second"):
        notify(house, title=title)
    await house.settle()
    undelivered = house.store.undelivered_notifications

    async def slowly(user_id: int, *, most: int) -> list[StoredNotification]:
        found = await undelivered(user_id, most=most)
        await house.store.set_delivered(user_id, up_to=found[0].id)
        return found

    with monkeypatch.context() as patch:
        patch.setattr(house.store, "undelivered_notifications", slowly)
        bob = house.connect(BOB)
        await house.settle()
    assert [data["title"] for _, data in bob.told()] == ["second"]


async def test_what_an_earlier_life_kept_is_told_at_the_login(house: House) -> None:
    await house.store.add_notification(
        user_id=BOB.id,
        kind=REQUEST.value,
        title="old",
        body="b",
        from_user_id=ANN.id,
        created_at=house.clock.utc_now(),
        is_delivered=False,
    )
    await house.app.social.notifications.restore()
    bob = house.connect(BOB)
    await house.settle()
    assert [data["title"] for _, data in bob.told()] == ["old"]


async def test_second_direct_message_of_a_sender_waits_for_the_first_to_be_read(house: House) -> None:
    notify(house, LINE, title="first")
    notify(house, LINE, title="second")
    await house.settle()
    page = await house.app.social.notifications.page(BOB, before=None)
    assert [each.title for each in page.notifications] == ["first"]
    await house.app.social.notifications.read(BOB, page.notifications[0].id)
    notify(house, LINE, title="third")
    await house.settle()
    page = await house.app.social.notifications.page(BOB, before=None)
    assert ([each.title for each in page.notifications], page.unread) == (["third", "first"], 1)


async def test_page_is_newest_first_and_says_whether_there_is_more(house: House) -> None:
    for number in range(PAGE_ITEMS + 1):
        notify(house, title=str(number))
    await house.settle()
    page = await house.app.social.notifications.page(BOB, before=None)
    assert (len(page.notifications), page.has_more, page.unread) == (PAGE_ITEMS, True, PAGE_ITEMS + 1)
    assert page.notifications[0].title == str(PAGE_ITEMS)
    rest = await house.app.social.notifications.page(BOB, before=page.notifications[-1].id)
    assert ([each.title for each in rest.notifications], rest.has_more) == (["0"], False)


async def test_notification_of_another_user_is_not_found(house: House) -> None:
    notify(house)
    await house.settle()
    (kept,) = await house.store.notifications(BOB.id, before=None, most=9)
    with pytest.raises(Refusal) as refused:
        await house.app.social.notifications.read(ANN, kept.id)
    assert refused.value.code is RefusalCode.NOTIFICATION_NOT_FOUND
    assert await house.store.unread_notifications(BOB.id) == 1


async def test_notification_waits_for_a_store_that_is_away_and_is_told_once_it_is_back(house: House) -> None:
    bob = house.connect(BOB)
    house.store.is_away = True
    notify(house)
    await asyncio.sleep(0)
    assert bob.told() == []
    house.store.is_away = False
    await house.settle()
    assert [kind for kind, _ in bob.told()] == ["notification"]


@contextmanager
def another_leads(house: House) -> Iterator[None]:
    """It has died, and writes nothing; then this node leads."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Replica, "is_leader", property(lambda _: False))
        yield
    house.app.social.notifications.take_over()


End = Callable[[], Awaitable[object]]


async def invited_into_a_room(house: House) -> End:
    room_id = await house.room(ANN)
    await house.app.social.invitations.invite(ANN, room_id, Whom(BOB.id))
    return lambda: house.app.social.invitations.decline(BOB, room_id)


async def invited_into_a_party(house: House) -> End:
    party = await house.app.social.parties.create(ANN)
    await house.app.social.parties.invite(ANN, party.id, Whom(BOB.id))
    return lambda: house.app.social.parties.join(BOB, party.id)


async def asked_to_be_a_friend(house: House) -> End:
    asked, _ = await house.app.social.friends.ask(ANN, Whom(BOB.id))
    assert asked.request is not None
    request_id = asked.request.request_id
    return lambda: house.app.social.friends.decline(BOB, request_id)


ways = pytest.mark.parametrize(
    "begin", [invited_into_a_room, invited_into_a_party, asked_to_be_a_friend], ids=lambda each: each.__name__
)


async def unread(house: House) -> int:
    await house.settle()
    return await house.store.unread_notifications(BOB.id)


@ways
async def test_node_that_takes_over_tells_of_nothing_that_has_ended_before_the_one_before_kept_it(
    house: House, begin: Callable[[House], Awaitable[End]]
) -> None:
    bob = house.connect(BOB)
    with another_leads(house):
        await (await begin(house))()
    assert await unread(house) == 0
    assert [type_ for type_, _ in bob.told() if type_ == "notification"] == []
    assert house.app.replica.books.notices.due == {}


@ways
async def test_node_that_takes_over_has_read_what_has_ended_since_the_one_before_wrote_nothing_more(
    house: House, begin: Callable[[House], Awaitable[End]]
) -> None:
    end = await begin(house)
    assert await unread(house) == 1
    with another_leads(house):
        await end()
    assert await unread(house) == 0


async def test_node_that_takes_over_tells_whoever_came_online_while_nobody_led_what_was_kept_for_them(
    house: House,
) -> None:
    notify(house, title="kept")
    await house.settle()
    with another_leads(house):
        bob = house.connect(BOB)
        await house.settle()
        assert bob.told() == []
    await house.settle()
    assert [data["title"] for _, data in bob.told()] == ["kept"]
    assert house.app.replica.books.notices.waiting == set()
    again = house.connect(BOB)
    await house.settle()
    assert (bob.told(), again.told()) == ([], [])


async def test_node_that_takes_over_leaves_unread_what_stands_again(house: House) -> None:
    end, bob = await invited_into_a_room(house), house.connect(BOB)
    assert await unread(house) == 1
    (room,) = house.app.rooms.book.all()
    bob.told()
    with another_leads(house):
        await end()
        await house.app.social.invitations.invite(ANN, room.id, Whom(BOB.id))
    assert await unread(house) == 1
    assert [type_ for type_, _ in bob.told() if type_ == "notification"] == []


async def test_node_that_does_not_lead_remembers_what_is_over_for_a_while_and_no_more_of_it_than_it_could_write(
    house: House,
) -> None:
    notifications = house.app.social.notifications
    with another_leads(house):
        for number in range(MOST_OVER + 10):
            notifications.close(BOB.id, REQUEST, number)
        assert len(notifications._over) == MOST_OVER
        house.clock.advance(OVER_FOR_S + 1.0)
        notifications.close(BOB.id, REQUEST, ANN.id)
        assert len(notifications._over) == 1
    assert len(notifications._over) == 0
    await house.settle()

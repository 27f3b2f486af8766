"""HTTP calls, without HTTP: what the server's handlers do between the token and the answer.

Each is the line that the handler under `lobby_server/web/api/` has; refusals and faults become a status here.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from bench.simulation.outside.passwords import PASSWORD
from lobby_server.backplane.node.catching_up import CATCH_UP_S
from lobby_server.core.presence import User
from lobby_server.core.refusal import Refusal, TokenRefused
from lobby_server.protocol.requests import RoomSettings, RoomWish, Whom
from lobby_server.service.accounts.hashing import Asker
from lobby_server.service.app import App
from lobby_server.service.auth import Claims
from lobby_server.service.ports import StoreUnavailable


class Asked(msgspec.Struct, frozen=True):
    """One call. `token` None: anybody may."""

    what: str
    token: str | None
    arguments: tuple[Any, ...] = ()


class Answer(msgspec.Struct, frozen=True):
    """`status` 0: none came."""

    status: int
    body: Any = None
    code: str = ""
    etag: str = ""
    is_stale: bool = False
    """Whether it is of a node that did not see the end of the log in time, and answered from what it had."""

    @property
    def is_good(self) -> bool:
        return 200 <= self.status < 300


class Knock(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a call that is limited. `said`: by the nodes together, 0.0 if it is allowed, else how long to
    wait; None: that was not known soon. `nodes`: that took part then."""

    node: str
    nodes: int
    said: float | None
    is_let_in: bool


NONE = Answer(0, code="no answer")
SEE = "see"
"""What reads: its arguments say what, and the answer has each by name. In place of a call for each, at one moment."""
Act = Callable[..., Awaitable[Any]]


async def handle(app: App, asked: Asked) -> Answer:
    """Never raises what the server would answer."""
    try:
        if asked.what == "rooms":
            is_stale = await _catches_up_in_vain(app)
            etag = app.room_list.etag()
            return Answer(200, app.room_list.snapshot(None).plain, etag=etag, is_stale=is_stale)
        claims = app.tokens.verify(asked.token)
        if asked.what == SEE:
            is_stale = await _catches_up_in_vain(app)
            return Answer(200, {what: _seen(app, claims.user, what) for what in asked.arguments}, is_stale=is_stale)
        if asked.what in _SEEN:
            is_stale = await _catches_up_in_vain(app)
            return Answer(200, _SEEN[asked.what](app, claims.user), is_stale=is_stale)
        return Answer(200, await _ACTS[asked.what](app, claims, *asked.arguments))
    except TokenRefused as refused:
        return Answer(401, code=refused.code.value)
    except Refusal as refusal:
        return Answer(503 if refusal.code.value == "try_again_later" else 409, code=refusal.code.value)
    except StoreUnavailable:
        return Answer(503, code="store_unavailable")


def _seen(app: App, user: User, what: str) -> Any:
    """None: the user is in no room."""
    try:
        return _SEEN[what](app, user)
    except Refusal:
        return None


def _by_user(act: Callable[..., Any]) -> Act:
    async def call(app: App, claims: Claims, *arguments: Any) -> Any:
        return await act(app, claims.user, *arguments)

    return call


async def _catches_up_in_vain(app: App) -> bool:
    """See what was answered elsewhere, as every call does that reads. Whether that was not to be had in time."""
    began_s = app.clock.monotonic_s()
    await app.replica.caught_up()
    is_late = app.clock.monotonic_s() - began_s > CATCH_UP_S - 0.01
    return is_late or not app.replica.log.takes_part


async def _sign_out(app: App, claims: Claims) -> None:
    await app.sign_ins.log_out(claims)


async def _refresh(app: App, claims: Claims) -> Any:
    return await app.accounts.refresh(claims)


async def _delete_account(app: App, claims: Claims) -> None:
    await app.upkeep.delete(claims, password=PASSWORD, asker=Asker("a browser"))


async def _knock(app: App, claims: Claims) -> Knock:
    """Something that is limited over all nodes, and does nothing."""
    log: Any = app.replica.log
    wait_s = await app.token_limit.take(str(claims.user.id))
    return Knock(node=log.node, nodes=len(app.replica.state.nodes), said=log.taken, is_let_in=not wait_s)


_SEEN: dict[str, Callable[[App, User], Any]] = {
    "online": lambda app, user: frozenset(each.id for each in app.presence.online()),
    "my_room": lambda app, user: app.rooms.mine(user),
    "my_party": lambda app, user: app.social.parties.mine(user),
    "friends": lambda app, user: app.social.friends.overview(user),
    "friend_rooms": lambda app, user: app.social.whereabouts.of_friends(user),
    "blocks": lambda app, user: app.social.blocks.overview(user),
}

_ACTS: dict[str, Act] = {
    "create_room": _by_user(
        lambda app, user, places, is_public: app.rooms.create_room(
            user, RoomWish(gamemode="duel", maxPlayers=places, isPublic=is_public)
        )
    ),
    "delete_room": _by_user(lambda app, user, room_id: app.rooms.delete_room(user, room_id)),
    "ask_friend": _by_user(lambda app, user, other_id: app.social.friends.ask(user, Whom(other_id))),
    "accept_friend": _by_user(lambda app, user, request_id: app.social.friends.accept(user, request_id)),
    "decline_friend": _by_user(lambda app, user, request_id: app.social.friends.decline(user, request_id)),
    "remove_friend": _by_user(lambda app, user, other_id: app.social.friends.remove(user, other_id)),
    "block": _by_user(lambda app, user, other_id: app.social.blocks.add(user, other_id)),
    "unblock": _by_user(lambda app, user, other_id: app.social.blocks.remove(user, other_id)),
    "create_party": _by_user(lambda app, user: app.social.parties.create(user)),
    "invite_to_party": _by_user(
        lambda app, user, party_id, other_id: app.social.parties.invite(user, party_id, Whom(other_id))
    ),
    "join_party": _by_user(lambda app, user, party_id: app.social.parties.join(user, party_id)),
    "decline_party": _by_user(lambda app, user, party_id: app.social.parties.decline(user, party_id)),
    "leave_party": _by_user(lambda app, user, party_id: app.social.parties.leave(user, party_id)),
    "kick_from_party": _by_user(
        lambda app, user, party_id, other_id: app.social.parties.kick(user, party_id, other_id)
    ),
    "hand_over": _by_user(lambda app, user, party_id, other_id: app.social.parties.hand_over(user, party_id, other_id)),
    "enter_with_party": _by_user(lambda app, user, room_id: app.social.parties.enter_room(user, room_id)),
    "invite_to_room": _by_user(
        lambda app, user, room_id, other_id: app.social.invitations.invite(user, room_id, Whom(other_id))
    ),
    "decline_room": _by_user(lambda app, user, room_id: app.social.invitations.decline(user, room_id)),
    "change_room": _by_user(
        lambda app, user, room_id, places, closes: app.hosting.change(
            user, room_id, RoomSettings(maxPlayers=places, isPublic=False if closes else None)
        )
    ),
    "show_room": _by_user(
        lambda app, user, room_id, is_public: app.hosting.change(user, room_id, RoomSettings(isPublic=is_public))
    ),
    "hand_over_room": _by_user(lambda app, user, room_id, peer_id: app.hosting.hand_over(user, room_id, peer_id)),
    "set_ready": _by_user(lambda app, user, room_id, is_ready: app.hosting.set_ready(user, room_id, is_ready=is_ready)),
    "start_room": _by_user(lambda app, user, room_id: app.hosting.start(user, room_id, is_forced=True)),
    "reopen_room": _by_user(lambda app, user, room_id: app.hosting.reopen(user, room_id)),
    "unban": _by_user(lambda app, user, room_id, user_id: app.hosting.unban(user, room_id, user_id)),
    "use_code": _by_user(lambda app, user, code: app.hosting.use_code(user, code)),
    "withdraw_party": _by_user(
        lambda app, user, party_id, guest_id: app.social.parties.withdraw(user, party_id, guest_id)
    ),
    "withdraw_room": _by_user(
        lambda app, user, room_id, guest_id: app.social.invitations.withdraw(user, room_id, guest_id)
    ),
    "read_notification": _by_user(
        lambda app, user, notification_id: app.social.notifications.read(user, notification_id)
    ),
    "choose_audience": _by_user(lambda app, user, audience: app.social.whereabouts.choose(user, audience)),
    "sign_out": _sign_out,
    "refresh": _refresh,
    "delete_account": _delete_account,
    "knock": _knock,
    # Of an administrator.
    "ban_user": _by_user(
        lambda app, user, name, ends_in_s: app.administration.ban(user, name, reason="quarrel", ends_in_s=ends_in_s)
    ),
    "unban_user": _by_user(lambda app, user, user_id: app.administration.unban(user, user_id)),
    "kick_user": _by_user(lambda app, user, name: app.administration.kick(user, name, reason="quarrel")),
    "close_room": _by_user(lambda app, user, room_id: app.administration.close_room(user, room_id, reason="quarrel")),
    "announce": _by_user(lambda app, user, text: app.social.announcements.announce(user, title=text, body=text)),
}

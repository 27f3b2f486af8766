"""HTTP calls, without HTTP: what the server's handlers do between the token and the answer.

Each is the line that the handler under `lobby_server/web/api/` has; refusals and faults become a status here.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from lobby_server.core.presence import User
from lobby_server.core.refusal import Refusal, TokenRefused
from lobby_server.protocol.requests import RoomWish, Whom
from lobby_server.service.accounts.commands import Accounts
from lobby_server.service.app import App
from lobby_server.service.auth import Claims
from lobby_server.service.ports import StoreUnavailable


@dataclass(frozen=True)
class Asked:
    """One call. `token` None: anybody may."""

    what: str
    token: str | None
    arguments: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Answer:
    """`status` 0: none came."""

    status: int
    body: Any = None
    code: str = ""
    etag: str = ""

    @property
    def is_good(self) -> bool:
        return 200 <= self.status < 300


NONE = Answer(0, code="no answer")
Act = Callable[..., Awaitable[Any]]


async def handle(app: App, asked: Asked) -> Answer:
    """Never raises what the server would answer."""
    try:
        if asked.what == "rooms":
            await app.replica.caught_up()
            etag = app.room_list.etag()
            return Answer(200, app.room_list.snapshot(None).plain, etag=etag)
        claims = app.tokens.verify(asked.token)
        return Answer(200, await _ACTS[asked.what](app, claims, *asked.arguments))
    except TokenRefused:
        return Answer(401, code="invalid_token")
    except Refusal as refusal:
        return Answer(503 if refusal.code.value == "try_again_later" else 409, code=refusal.code.value)
    except StoreUnavailable:
        return Answer(503, code="store_unavailable")


def _by_user(act: Callable[..., Any]) -> Act:
    async def call(app: App, claims: Claims, *arguments: Any) -> Any:
        return await act(app, claims.user, *arguments)

    return call


def _seen(act: Callable[[App, User], Any]) -> Act:
    """A reading call, which first sees what was answered elsewhere."""

    async def call(app: App, claims: Claims) -> Any:
        await app.replica.caught_up()
        return act(app, claims.user)

    return call


async def _sign_out(app: App, claims: Claims) -> None:
    accounts: Accounts = app.accounts
    await accounts.revoke(claims)
    await app.lobby.sign_out(claims.user, claims.token_id, expires_at_s=claims.expires_at_s)


_ACTS: dict[str, Act] = {
    "online": _seen(lambda app, user: frozenset(each.id for each in app.presence.online())),
    "my_room": _seen(lambda app, user: app.rooms.mine(user)),
    "my_party": _seen(lambda app, user: app.social.parties.mine(user)),
    "friends": _seen(lambda app, user: app.social.friends.overview(user)),
    "blocks": _seen(lambda app, user: app.social.blocks.overview(user)),
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
    "sign_out": _sign_out,
}

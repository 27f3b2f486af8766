"""Sockets that come and go, nodes that do, and what follows from it for parties and rooms."""

from __future__ import annotations

from collections.abc import Iterable

from lobby_server.core.machine import commands, effects
from lobby_server.core.machine.books import Books
from lobby_server.core.machine.effects import Effect
from lobby_server.core.machine.rooms import left_room
from lobby_server.core.presence import User

FORGET_AT_LEAST = 1024
"""Revoked tokens, from which on those that have ended by themselves are looked for."""
CLOCKS_DIFFER_S = 60.0
"""A node whose clock is so far behind takes a token for one that has not ended yet."""


def arrive(books: Books, command: commands.Arrive, now_s: float, node: str) -> list[Effect]:
    user = command.user
    came = books.presence.arrive(user, node=node, socket=command.socket, version=command.version)
    books.rooms.creator_has_socket(user.id)
    if not came:
        return [effects.Accepted(user)]
    return [effects.CameOnline(user, books.parties.came_online(user.id)), effects.Accepted(user)]


def depart(books: Books, command: commands.Depart, now_s: float, node: str) -> list[Effect]:
    gone = books.presence.leave(command.user_id, now_s=now_s, abrupt=command.abrupt, node=node, socket=command.socket)
    if gone is not None:
        return went_offline(books, [gone], now_s)
    return [effects.PresenceDeadline()] if command.abrupt and books.presence.grace_s else []


def sign_out(books: Books, command: commands.SignOut, now_s: float) -> list[Effect]:
    """A token holds no more, and no grace period keeps its user online."""
    _revoke(books.revoked, command.token_id, command.expires_at_s, command.now_s)
    held = books.presence.sign_out(command.user.id)
    told: list[Effect] = [effects.SignedOut(command.user, command.token_id)]
    return told if held is None else told + went_offline(books, [held], now_s)


def revoke(books: Books, command: commands.RevokeTokens, now_s: float) -> list[Effect]:
    """The same for what the store has of tokens whose users are not known any more."""
    for key, expires_at_s in command.tokens:
        _revoke(books.revoked, key, expires_at_s, command.now_s)
    return [effects.TokensRevoked(frozenset(key for key, _ in command.tokens))]


def expire(books: Books, command: commands.ExpirePresence, now_s: float) -> list[Effect]:
    told: list[Effect] = []
    for user in books.presence.expire(now_s):
        told += went_offline(books, [user], now_s, keeps_place=books.presence.was_lost_with_node(user.id))
    return [*told, effects.PresenceDeadline()]


def lose_node(books: Books, node: str, now_s: float, *, grace_s: float) -> list[Effect]:
    """All sockets of a node are gone at once. Hosts among their users have time to come back by way of another one, or
    of the same one once it runs again: a lobby of which every node was lost is one that was restarted. Where users are
    held for a while, that time begins when they count as offline (`expire`)."""
    gone = books.presence.lose_node(node, now_s=now_s, grace_s=grace_s)
    return [
        *went_offline(books, gone, now_s, keeps_place=True),
        effects.NodeLeft(node),
        effects.PresenceDeadline(),
        effects.RoomDeadline(),
        effects.PartyDeadline(),
    ]


def went_offline(books: Books, users: Iterable[User], now_s: float, *, keeps_place: bool = False) -> list[Effect]:
    """What follows for users who are offline now. `keeps_place`: as in `RoomBook.leave`."""
    told: list[Effect] = []
    for user in users:
        told.append(effects.WentOffline(user, books.parties.went_offline(user.id, now_s=now_s)))
        books.chatters.discard(user.id)
        departure = books.rooms.leave(user.id, now_s=now_s, keeps_place=keeps_place)
        told += left_room(books, departure)
        if departure is not None:
            told.append(effects.OwnRoomLeft(user, departure.member.peer_id))
        books.partings.forget(user.id)
    return told


def _revoke(revoked: dict[str, float], key: str, expires_at_s: float, now_s: float) -> None:
    """For as long as the longest of those who ask for it say."""
    revoked[key] = max(expires_at_s, revoked.get(key, 0.0))
    if len(revoked) >= FORGET_AT_LEAST and len(revoked).bit_count() == 1:
        for known in [known for known, end_s in revoked.items() if end_s <= now_s - CLOCKS_DIFFER_S]:
            del revoked[known]

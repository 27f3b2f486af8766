"""One list of commands, the same in every run, on every machine and with every version of Python: of all kinds, of a
few users, with rooms and parties that are there mostly, so that each meets what the others have left behind."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import count
from typing import TypeVar

from lobby_server.core.friends import FriendRequest
from lobby_server.core.invitations import MatchInvitation
from lobby_server.core.machine import commands as c
from lobby_server.core.machine.deleted import mark_of
from lobby_server.core.machine.state import LobbyState
from lobby_server.core.presence import User
from lobby_server.core.room_codes import code_of
from lobby_server.core.room_hosting import RoomSettings
from lobby_server.core.rooms import Room
from tests.core.test_machine import AT, NODES, USERS, new_room

_T = TypeVar("_T")
_EVE = User(5, "user5")
"""The one whose account is deleted at times, and registered again under another name."""
_EVERYBODY = (*USERS, _EVE)


class Commands:
    """Each moment one more, of a kind and with values that look picked at random."""

    def __init__(self, state: LobbyState) -> None:
        """`state`: that they are applied to, one by one."""
        self._books = state.books
        self._seed = 1
        self._numbers = count(1)
        self._asked = [FriendRequest(next(self._numbers), *USERS[:2], AT)]
        self._lines: list[tuple[str, c.Say]] = []
        self._kinds = [make for make, times in self._each() for _ in range(times)]

    def come(self, most: int) -> Iterator[tuple[c.Command, str, float]]:
        """A command, the node where it came in, and the time of the log."""
        at_s = 0.0
        for _ in range(most):
            at_s += self._below(9) / 64
            command, node = self._of(self._kinds)(), self._of(NODES)
            if isinstance(command, c.Say):
                self._lines.append((node, command))
            yield command, node, at_s

    # -- values ---------------------------------------------------------------------------------------------------

    def _below(self, most: int) -> int:
        self._seed = (self._seed * 6364136223846793005 + 1442695040888963407) % 2**64  # as PCG does
        return (self._seed >> 33) % most

    def _of(self, values: Sequence[_T]) -> _T:
        return values[self._below(len(values))]

    def _user(self) -> User:
        return self._of(_EVERYBODY)

    def _id(self) -> int:
        return self._user().id

    def _room(self) -> str:
        return self._of([*(room.id for room in self._books.rooms.all()), "none"])

    def _hosted(self) -> tuple[User, str]:
        """Mostly a host, and the room."""
        room = self._books.rooms.get(self._room())
        return (room.host, room.id) if room is not None and self._below(4) else (self._user(), self._room())

    def _peer(self) -> tuple[User, int]:
        """Mostly a host, and one who is in their room."""
        found = [(room.host, each.peer_id) for room in self._books.rooms.all() for each in room.members.values()]
        return self._of(found) if found and self._below(4) else (self._user(), 1)

    def _hand_over(self) -> c.HandOverRoom:
        """Mostly by a host, to one who is in the room."""
        user, room_id = self._hosted()
        room = self._books.rooms.get(room_id)
        peers = [member.peer_id for member in room.members.values()] if room is not None else []
        return c.HandOverRoom(user, room_id, self._of(peers) if peers else 1)

    def _banned(self) -> tuple[User, str, int]:
        """Mostly a host, their room, and one whom they have put out of it."""
        found = [
            (room.host, room.id, user_id)
            for room in self._books.rooms.all()
            for user_id in sorted(room.banned_user_ids)
        ]
        return self._of(found) if found and self._below(4) else (*self._hosted(), self._id())

    def _new_room(self) -> Room:
        return new_room(f"room {next(self._numbers)}", self._user(), is_public=self._is())

    def _party(self) -> str:
        return self._of([*(party.id for party in self._books.parties.all()), "none"])

    def _led(self) -> tuple[User, str]:
        """Mostly a leader, and the party."""
        parties = self._books.parties.all()
        party = self._of(parties) if parties else None
        return (party.leader, party.id) if party is not None and self._below(4) else (self._user(), self._party())

    def _invited(self) -> tuple[User, User, str]:
        """Mostly who has invited a guest, the guest, and the party."""
        found = [
            (each.sender, each.guest, party.id)
            for party in self._books.parties.all()
            for each in party.invitations.values()
        ]
        return self._of(found) if found and self._below(4) else (self._user(), self._user(), self._party())

    def _withdrawal(self) -> c.WithdrawPartyInvite:
        sender, guest, party_id = self._invited()
        return c.WithdrawPartyInvite(sender, party_id, guest.id)

    def _invite_again(self) -> c.InviteToRoom:
        """Mostly one into a room that stands."""
        standing, by_id = self._books.matches.all(), {user.id: user for user in _EVERYBODY}
        if not standing:
            return c.InviteToRoom(self._user(), self._user(), self._room(), self._key(), AT)
        invite = self._of(standing)
        return c.InviteToRoom(by_id[invite.sender_id], by_id[invite.guest_id], invite.room_id, self._key(), AT)

    def _end_of_invites(self) -> c.EndMatchInvites:
        standing = [each for each in self._books.matches.all() if each.lets_in == self._is()]
        invite = self._of(standing) if standing else MatchInvitation("none", 1, 2, lets_in=False)
        reason = self._of(["declined", "withdrawn"])
        return c.EndMatchInvites(invite.room_id, invite.guest_id, (invite.sender_id,), reason)

    def _is(self) -> bool:
        return self._below(2) == 1

    def _key(self) -> str:
        return f"key{self._below(20)}"

    def _request(self) -> FriendRequest:
        """One that was made before, or a new one."""
        if self._is():
            self._asked.append(FriendRequest(next(self._numbers), self._user(), self._user(), AT))
        return self._of(self._asked[-4:])

    def _settings(self) -> RoomSettings:
        return RoomSettings(
            name=self._of([None, "", "x"]),
            map_name=self._of([None, "m"]),
            max_players=self._of([None, 2, 3, 4]),
            is_public=self._of([None, True, False]),
        )

    def _said(self) -> tuple[c.SaidLine, ...]:
        return tuple(
            c.SaidLine(node, say.ref, self._below(1000), say.sender, say.text, AT, say.other_id, say.party_id, key="k")
            for node, say in self._lines[-2:]
        )

    # -- kinds ----------------------------------------------------------------------------------------------------

    def _each(self) -> list[tuple[Callable[[], c.Command], int]]:
        """What makes a command of each kind, and how often: so that there is much that rules have to do with."""
        u, i, r, p, key = self._user, self._id, self._room, self._party, self._key
        node, socket = lambda: self._of(NODES), lambda: 1 + self._below(2)
        host, leads = self._hosted, self._led
        return [
            (lambda: c.Arrive(u(), socket(), self._of(["1", "2", None])), 12),
            (lambda: c.Depart(i(), socket(), self._is()), 5),
            (lambda: c.SignOut(u(), key(), float(self._below(50)), float(self._below(50))), 1),
            (lambda: c.RevokeTokens(((key(), float(self._below(50))),), float(self._below(50))), 1),
            (lambda: c.ForgetUser(_EVE.id, mark_of(_EVE.username)) if not self._below(9) else c.Nothing(), 1),
            (c.ExpirePresence, 2),
            (c.ExpireRooms, 2),
            (c.ExpireParties, 2),
            (lambda: c.CreateRoom(self._new_room()), 8),
            (lambda: c.TakeHostPlace(u(), "1"), 3),
            (lambda: c.JoinRoom(u(), r(), "1", self._is()), 12),
            (lambda: c.LeaveRoom(u()), 3),
            (lambda: c.SayInRoom(u(), "hello"), 1),
            (lambda: c.KickFromRoom(*self._peer()), 2),
            (lambda: c.DeleteRoom(*host()), 1),
            (lambda: c.ChangeRoom(*host(), self._settings()), 5),
            (self._hand_over, 3),
            (lambda: c.UnbanFromRoom(*self._banned()), 2),
            (lambda: c.SetReady(u(), r(), self._is()), 5),
            (lambda: c.StartRoom(*host(), self._is()), 3),
            (lambda: c.ReopenRoom(*host()), 3),
            (lambda: c.UseRoomCode(u(), code_of(r())), 3),
            (lambda: c.InviteToRoom(u(), u(), r(), key(), AT), 12),
            (self._invite_again, 4),
            (self._end_of_invites, 6),
            (lambda: c.CreateParty(u(), f"party {next(self._numbers)}"), 5),
            (lambda: c.InviteToParty(leads()[0], u(), p(), key(), AT), 12),
            (lambda: c.JoinParty(*self._invited()[1:]), 12),
            (lambda: c.DeclineParty(*self._invited()[1:]), 3),
            (self._withdrawal, 8),
            (lambda: c.LeaveParty(u(), p()), 3),
            (lambda: c.KickFromParty(*leads(), i()), 2),
            (lambda: c.HandOverParty(*leads(), i()), 3),
            (lambda: c.EnterRoomWithParty(leads()[0], r()), 8),
            (lambda: c.AskFriend(self._request(), key()), 5),
            (lambda: c.Befriend(self._request(), AT, key()), 4),
            (lambda: c.CloseFriendRequest(self._of(self._asked[-4:]).id, i()), 3),
            (lambda: c.PartFriends(i(), i()), 2),
            (lambda: c.Block(u(), u(), AT), 3),
            (lambda: c.Unblock(i(), i()), 6),
            (lambda: c.SetWhereabouts(u(), self._of(["everybody", "friends", "nobody"])), 2),
            (lambda: c.TakePart(u()), 1),
            (lambda: c.Say(next(self._numbers), u(), "lobby", "hello", AT), 2),
            (lambda: c.Say(next(self._numbers), u(), "direct", "hello", AT, other_id=i()), 2),
            (lambda: c.Say(next(self._numbers), u(), "party", "hello", AT, party_id=p()), 2),
            (lambda: c.Tell(self._said()), 3),
            (lambda: c.RefuseLines(tuple((node, say.ref) for node, say in self._lines[-1:]), "try_again_later"), 1),
            (lambda: c.KeepNotice(i(), key()), 2),
            (lambda: c.DeliverNotices(i(), (c.Notice(1, "x", "", "", i(), 0),)), 2),
            (lambda: c.ReadNotices(i(), self._below(9)), 2),
            (lambda: c.Announce(1, "hello", "", 0), 1),
            (lambda: c.BanUser(u(), "why", self._of([None, 9.0])), 1),
            (lambda: c.UnbanUser(i()), 2),
            (lambda: c.KickUser(u(), "why"), 1),
            (lambda: c.CloseRoom(u(), r()), 1),
            (lambda: c.NodeUp(node(), version="1"), 3),
            (lambda: c.NodeDown(node(), 3.0), 1),
            (lambda: c.NodeLost(node()), 1),
            (lambda: c.BeginEpoch(self._below(80) / 8, self._below(99)), 1),
            (lambda: c.RaiseRevision(self._below(999)), 1),
        ]

"""Parties: a few users who want to play together, one of whom leads.

Invariants, checked by a state machine in the tests:

* A user is in at most one party. A party has from 1 to ``max_members`` members, one of whom is its leader; without
  members it is gone.
* A guest is no member of that party, and their invitation ends at its time.
* A member who is offline has a deadline; `expire` acts on it. Parties are in no store: a restart ends them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum

from lobby_server.core.deadline_heap import DeadlineHeap
from lobby_server.core.invitations import CloseReason
from lobby_server.core.presence import User
from lobby_server.core.refusal import Refusal, RefusalCode

SPARE_DEADLINES = 64
"""Deadlines that hold no more and are kept all the same, besides as many as held when they were last looked through."""


class LeaveReason(str, Enum):
    """Why a member left a party."""

    LEFT = "left"
    KICKED = "kicked"
    OFFLINE = "offline"


@dataclass(frozen=True)
class Invitation:
    """The guest may join until `until_s`."""

    sender: User
    guest: User
    until_s: float


@dataclass(frozen=True)
class Closed:
    """An invitation into a party has ended."""

    party_id: str
    invitation: Invitation
    reason: CloseReason | None
    """None: that of another member took its place."""


@dataclass(kw_only=True)
class Party:
    """One party. Changed by `PartyBook` only."""

    id: str
    leader: User
    members: dict[int, User] = field(default_factory=dict)
    """By user id, the one longest in the party first."""
    invitations: dict[int, Invitation] = field(default_factory=dict)
    """By the guest's user id."""
    offline_until_s: dict[int, float] = field(default_factory=dict)
    """When members who are offline leave, unless they come back."""
    place: int = 0
    """In the order in which parties were made."""


@dataclass(frozen=True)
class PartyDeparture:
    """A member left a party. `new_leader` is set when the leader went and a member took over."""

    party: Party
    user: User
    reason: LeaveReason
    new_leader: User | None


@dataclass(frozen=True)
class PartyEntry:
    """A user joined. `left` is the party they were in before; `already_in`: nothing changed."""

    party: Party
    left: PartyDeparture | None = None
    already_in: bool = False


class PartyBook:
    """All parties."""

    def __init__(self, *, max_members: int, invite_ttl_s: float, offline_ttl_s: float) -> None:
        """`offline_ttl_s`: how long a member may be offline. A reload of a page takes less."""
        self.max_members = max_members
        self.invite_ttl_s = invite_ttl_s
        self.offline_ttl_s = offline_ttl_s
        self._parties: dict[str, Party] = {}
        self._party_of: dict[int, Party] = {}
        self._invited: dict[int, dict[str, Party]] = {}
        self._closed: list[Closed] = []
        self._outdated_until_s: dict[tuple[str, int], float] = {}
        """Party and guest, of invitations whose sender is not in that party any more, until their time is over."""
        self._places = 0
        self._deadlines: DeadlineHeap[tuple[str, int]] = DeadlineHeap(self._holds)
        """By party, and its guest or member."""
        self._most_deadlines = SPARE_DEADLINES

    def __len__(self) -> int:
        return len(self._parties)

    def get(self, party_id: str) -> Party | None:
        return self._parties.get(party_id)

    def party_of(self, user_id: int) -> Party | None:
        return self._party_of.get(user_id)

    def invitations_of(self, user_id: int, now_s: float) -> list[tuple[Party, Invitation]]:
        """Where a user may join now, oldest first."""
        found = [(party, party.invitations[user_id]) for party in self._invited.get(user_id, {}).values()]
        return [(party, invitation) for party, invitation in found if invitation.until_s > now_s]

    def take_closed(self) -> list[Closed]:
        """The invitations that have ended since the last call, in their order."""
        closed, self._closed = self._closed, []
        return closed

    def check_member(self, party_id: str, user_id: int) -> Party:
        """The party, of which that user is a member. Raises `Refusal`: ``party_not_found``, ``not_in_party``."""
        party = self._parties.get(party_id)
        if party is None:
            raise Refusal(RefusalCode.PARTY_NOT_FOUND)
        if user_id not in party.members:
            raise Refusal(RefusalCode.NOT_IN_PARTY)
        return party

    def check_leader(self, party_id: str, user_id: int) -> Party:
        """As `check_member`; also ``not_leader``."""
        party = self.check_member(party_id, user_id)
        if party.leader.id != user_id:
            raise Refusal(RefusalCode.NOT_LEADER)
        return party

    # -- commands: each raises `Refusal`, and then nothing changed ---------------------------------------------

    def create(self, party_id: str, user: User, *, now_s: float, is_online: bool) -> Party:
        """Raises ``already_in_party``."""
        if user.id in self._party_of:
            raise Refusal(RefusalCode.ALREADY_IN_PARTY)
        party = self._add(Party(id=party_id, leader=user))
        self._enter(party, user, now_s=now_s, is_online=is_online)
        return party

    def invite(self, party_id: str, sender: User, guest: User, *, now_s: float) -> Invitation:
        """A second invitation takes the place of the first, and nothing is closed: the guest is the same. Raises
        ``invalid_target``, ``already_in_party``, ``party_full``, and as `check_member`."""
        party = self.check_member(party_id, sender.id)
        if guest.id == sender.id:
            raise Refusal(RefusalCode.INVALID_TARGET)
        if guest.id in party.members:
            raise Refusal(RefusalCode.ALREADY_IN_PARTY)
        if len(party.members) >= self.max_members:
            raise Refusal(RefusalCode.PARTY_FULL)
        self._outdated_until_s.pop((party.id, guest.id), None)
        earlier = party.invitations.get(guest.id)
        if earlier is not None and earlier.sender.id != sender.id:
            self._closed.append(Closed(party.id, earlier, None))
        invitation = party.invitations[guest.id] = Invitation(sender, guest, now_s + self.invite_ttl_s)
        self._wait(invitation.until_s, party.id, guest.id)
        self._invited.setdefault(guest.id, {})[party.id] = party
        return invitation

    def join(self, party_id: str, user: User, *, now_s: float, is_online: bool) -> PartyEntry:
        """A guest enters, and leaves the party they were in. Raises ``party_not_found``, ``not_invited``,
        ``party_full``, and ``invite_outdated`` where the one who invited them is not in that party any more."""
        party = self._parties.get(party_id)
        if self._outdated_until_s.get((party_id, user.id), now_s) > now_s and (
            party is None or user.id not in party.members
        ):
            raise Refusal(RefusalCode.INVITE_OUTDATED)
        if party is None:
            raise Refusal(RefusalCode.PARTY_NOT_FOUND)
        if user.id in party.members:
            return PartyEntry(party, already_in=True)
        invitation = party.invitations.get(user.id)
        if invitation is None or invitation.until_s <= now_s:
            raise Refusal(RefusalCode.NOT_INVITED)
        if len(party.members) >= self.max_members:
            raise Refusal(RefusalCode.PARTY_FULL)
        left = self._leave(user.id, LeaveReason.LEFT) if user.id in self._party_of else None
        self._close(party, user.id, CloseReason.ACCEPTED)
        self._enter(party, user, now_s=now_s, is_online=is_online)
        return PartyEntry(party, left)

    def decline(self, party_id: str, guest_id: int, *, now_s: float) -> None:
        """A guest says no. Raises ``invitation_not_found``."""
        party = self._parties.get(party_id)
        invitation = None if party is None else party.invitations.get(guest_id)
        if party is None or invitation is None or invitation.until_s <= now_s:
            raise Refusal(RefusalCode.INVITATION_NOT_FOUND)
        self._close(party, guest_id, CloseReason.DECLINED)

    def withdraw(self, party_id: str, member_id: int, guest_id: int, *, now_s: float) -> None:
        """The sender, or the leader, takes an invitation back. Raises ``invitation_not_found``, ``not_leader``, and as
        `check_member`."""
        party = self.check_member(party_id, member_id)
        invitation = party.invitations.get(guest_id)
        if invitation is None or invitation.until_s <= now_s:
            raise Refusal(RefusalCode.INVITATION_NOT_FOUND)
        if member_id not in (invitation.sender.id, party.leader.id):
            raise Refusal(RefusalCode.NOT_LEADER)
        self._close(party, guest_id, CloseReason.WITHDRAWN)

    def leave(self, party_id: str, user_id: int) -> PartyDeparture:
        """Raises as `check_member`."""
        self.check_member(party_id, user_id)
        return self._leave(user_id, LeaveReason.LEFT)

    def kick(self, party_id: str, leader_id: int, user_id: int) -> PartyDeparture:
        """Raises ``invalid_target``, and as `check_leader`."""
        party = self.check_leader(party_id, leader_id)
        if user_id == leader_id or user_id not in party.members:
            raise Refusal(RefusalCode.INVALID_TARGET)
        return self._leave(user_id, LeaveReason.KICKED)

    def hand_over(self, party_id: str, leader_id: int, user_id: int) -> User:
        """Another member leads. Raises ``invalid_target``, and as `check_leader`."""
        party = self.check_leader(party_id, leader_id)
        if user_id == leader_id or user_id not in party.members:
            raise Refusal(RefusalCode.INVALID_TARGET)
        party.leader = party.members[user_id]
        return party.leader

    # -- presence and deadlines -----------------------------------------------------------------------------------

    def came_online(self, user_id: int) -> Party | None:
        """The party in which a user was missed."""
        party = self._party_of.get(user_id)
        return party if party is not None and party.offline_until_s.pop(user_id, None) is not None else None

    def went_offline(self, user_id: int, *, now_s: float) -> Party | None:
        """The party in which a user is missed now."""
        party = self._party_of.get(user_id)
        if party is not None:
            party.offline_until_s[user_id] = now_s + self.offline_ttl_s
            self._wait(party.offline_until_s[user_id], party.id, user_id)
        return party

    def expire(self, now_s: float) -> list[PartyDeparture]:
        """Let members go who were offline for too long, and forget invitations that are over, in the order in which
        their parties were made. O(what is due · log deadlines)."""
        due: dict[str, Party] = {}
        gone: list[PartyDeparture] = []
        for party_id, user_id in self._deadlines.due(now_s):
            if self._outdated_until_s.get((party_id, user_id), math.inf) <= now_s:
                del self._outdated_until_s[party_id, user_id]
            if (waiting := self._parties.get(party_id)) is not None:
                due[party_id] = waiting
        for party in sorted(due.values(), key=lambda each: each.place):
            for user_id in [guest for guest, each in party.invitations.items() if each.until_s <= now_s]:
                self._close(party, user_id, CloseReason.EXPIRED)
            for user_id in [member for member, until_s in party.offline_until_s.items() if until_s <= now_s]:
                gone.append(self._leave(user_id, LeaveReason.OFFLINE))
        return gone

    def next_deadline_s(self) -> float | None:
        """When `expire` has something to do; None: nothing is waiting. O(log deadlines)."""
        return self._deadlines.next_s()

    # -- as values ------------------------------------------------------------------------------------------------

    def all(self) -> list[Party]:
        """Oldest first."""
        return list(self._parties.values())

    def outdated(self) -> list[tuple[str, int, float]]:
        """Party, guest and end of invitations whose sender is not in that party any more."""
        return sorted((party_id, guest_id, end_s) for (party_id, guest_id), end_s in self._outdated_until_s.items())

    def load(
        self,
        parties: Iterable[tuple[str, User, Iterable[User], Iterable[Invitation], dict[int, float]]],
        *,
        outdated: Iterable[tuple[str, int, float]],
    ) -> None:
        """Be what `all` and `outdated` said: of each party its id, leader, members, invitations and who is offline."""
        self._parties, self._party_of, self._invited, self._closed = {}, {}, {}, []
        for party_id, leader, members, invitations, offline_until_s in parties:
            party = self._add(Party(id=party_id, leader=leader, offline_until_s=offline_until_s))
            party.members = {member.id: member for member in members}
            party.invitations = {each.guest.id: each for each in invitations}
            self._party_of.update(dict.fromkeys(party.members, party))
            for guest_id in party.invitations:
                self._invited.setdefault(guest_id, {})[party_id] = party
        self._outdated_until_s = {(party_id, guest_id): end_s for party_id, guest_id, end_s in outdated}
        self._deadlines.clear()
        for party in self._parties.values():
            for invitation in party.invitations.values():
                self._wait(invitation.until_s, party.id, invitation.guest.id)
            for user_id, until_s in party.offline_until_s.items():
                self._wait(until_s, party.id, user_id)
        for (party_id, guest_id), end_s in self._outdated_until_s.items():
            self._wait(end_s, party_id, guest_id)

    # -- private --------------------------------------------------------------------------------------------------

    def _add(self, party: Party) -> Party:
        party.place = self._places
        self._places += 1
        self._parties[party.id] = party
        return party

    def _wait(self, until_s: float, party_id: str, user_id: int) -> None:
        """There is one more deadline."""
        self._deadlines.add(until_s, (party_id, user_id))
        if len(self._deadlines) > self._most_deadlines:
            self._deadlines.shrink()
            self._most_deadlines = 2 * len(self._deadlines) + SPARE_DEADLINES

    def _holds(self, until_s: float, key: tuple[str, int]) -> bool:
        party_id, user_id = key
        party = self._parties.get(party_id)
        if party is not None:
            invitation = party.invitations.get(user_id)
            if invitation is not None and invitation.until_s == until_s:
                return True
            if party.offline_until_s.get(user_id) == until_s:
                return True
        return self._outdated_until_s.get(key) == until_s

    def _enter(self, party: Party, user: User, *, now_s: float, is_online: bool) -> None:
        party.members[user.id] = user
        self._party_of[user.id] = party
        if not is_online:
            party.offline_until_s[user.id] = now_s + self.offline_ttl_s
            self._wait(party.offline_until_s[user.id], party.id, user.id)

    def _leave(self, user_id: int, reason: LeaveReason) -> PartyDeparture:
        party = self._party_of.pop(user_id)
        user = party.members.pop(user_id)
        party.offline_until_s.pop(user_id, None)
        new_leader = None
        is_gone = not party.members
        for guest_id, invitation in list(party.invitations.items()):
            if is_gone or invitation.sender.id == user_id:
                self._outdated_until_s[party.id, guest_id] = invitation.until_s
                self._wait(invitation.until_s, party.id, guest_id)
                self._close(party, guest_id, CloseReason.GONE if is_gone else CloseReason.WITHDRAWN)
        if is_gone:
            del self._parties[party.id]
        elif party.leader.id == user_id:
            here = (member for member in party.members.values() if member.id not in party.offline_until_s)
            new_leader = party.leader = next(here, next(iter(party.members.values())))
        return PartyDeparture(party, user, reason, new_leader)

    def _close(self, party: Party, guest_id: int, reason: CloseReason) -> None:
        self._closed.append(Closed(party.id, party.invitations.pop(guest_id), reason))
        parties = self._invited.get(guest_id, {})
        parties.pop(party.id, None)
        if not parties:
            self._invited.pop(guest_id, None)

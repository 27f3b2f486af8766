"""All that must be equal on every node, in one place: the books of the rules, and the few tables between them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass

from lobby_server.core.bans import UserBan
from lobby_server.core.blocks import BlockBook
from lobby_server.core.friends import FriendBook
from lobby_server.core.invitations import MatchInvitationBook
from lobby_server.core.machine.commands import Say
from lobby_server.core.machine.deleted import DeletedUsers, mark_of
from lobby_server.core.machine.effects import NoticeDue
from lobby_server.core.parties import PartyBook
from lobby_server.core.presence import Presence
from lobby_server.core.ratelimit import REFUSED, KeyedLimit, Pace
from lobby_server.core.rooms import RoomBook
from lobby_server.protocol.requests import Audience

MOST_DUE = 10_000
"""Notifications that wait for the store: as many as its queue of writes takes."""
LOBBY_LINES_PER_S = 20.0
"""Of all users together: nobody reads faster, and each line goes to everybody."""
LOBBY_BURST_LINES = 60.0


class Partings:
    """What ended a membership while a socket of the user may have been away: within the grace period of presence a
    client that was lost comes back unseen, and would go on showing a room that its user is not in any more.

    By user, for as long as the grace period lasts; without one nothing is kept. Moments are of the log.
    """

    def __init__(self, *, grace_s: float) -> None:
        self.grace_s = grace_s
        self.latest: OrderedDict[int, tuple[float, str]] = OrderedDict()
        """Until when, and the room that was deleted; empty: the user was put out of theirs. The first to end first."""

    def __len__(self) -> int:
        return len(self.latest)

    def note(self, user_ids: Iterable[int], deleted_room_id: str, *, now_s: float) -> None:
        """Users are put out of their room, or it is deleted. O(these users, and those who are kept no longer)."""
        if not self.grace_s:
            return
        latest = self.latest
        while latest and next(iter(latest.values()))[0] <= now_s:
            latest.popitem(last=False)
        for user_id in user_ids:
            latest[user_id] = (now_s + self.grace_s, deleted_room_id)
            latest.move_to_end(user_id)

    def forget(self, user_id: int) -> None:
        """The user has entered another room since, or is offline."""
        self.latest.pop(user_id, None)

    def of(self, user_id: int, *, now_s: float) -> str | None:
        """What a socket that comes back has to hear; None: nothing."""
        until_s, deleted_room_id = self.latest.get(user_id, (0.0, ""))
        return deleted_room_id if until_s > now_s else None

    def load(self, latest: Iterable[tuple[int, float, str]]) -> None:
        """Be what another one's `latest` said, in any order: user, until when, and the room that was deleted."""
        in_order = sorted(latest, key=lambda each: each[1])
        self.latest = OrderedDict((user_id, (until_s, room_id)) for user_id, until_s, room_id in in_order)


class NoticeBook:
    """What is known of notifications without asking the store."""

    def __init__(self) -> None:
        self.due: dict[str, NoticeDue] = {}
        """By key, those that are not known to be in the store, the oldest first: when the node that was to keep them is
        gone, the next one does."""
        self.waiting: set[int] = set()
        """Users for whom something was kept that no socket was told: a login of any other user costs no query."""
        self.unread: dict[int, set[tuple[str, int]]] = {}
        """By user, invitations that they have not read: kind and sender."""

    def expect(self, notice: NoticeDue) -> None:
        """A notification is to be kept. Past `MOST_DUE` the oldest is left to the one who was to keep it."""
        if len(self.due) >= MOST_DUE:
            del self.due[next(iter(self.due))]
        self.due[notice.key] = notice

    def open(self, user_id: int, kind: str, sender_id: int) -> None:
        self.unread.setdefault(user_id, set()).add((kind, sender_id))

    def is_open(self, user_id: int, kind: str, sender_id: int) -> bool:
        """Whether a user has been told of an invitation of that sender and has read nothing since."""
        return (kind, sender_id) in self.unread.get(user_id, ())

    def forget(self, user_id: int) -> None:
        """A user is no more: nothing is told to them, nor of them. O(all of it)."""
        self.due = {
            key: notice for key, notice in self.due.items() if user_id not in (notice.user_id, notice.sender.id)
        }
        self.waiting.discard(user_id)
        self.unread.pop(user_id, None)
        for reader_id, unread in list(self.unread.items()):
            for kind, sender_id in [each for each in unread if each[1] == user_id]:
                self.close(reader_id, kind, sender_id)

    def close(self, user_id: int, kind: str, sender_id: int) -> None:
        """An invitation is over."""
        unread = self.unread.get(user_id)
        if unread is not None:
            unread.discard((kind, sender_id))
            if not unread:
                del self.unread[user_id]


@dataclass(kw_only=True)
class Books:
    """One set of books. `lobby_server.core.machine.state.LobbyState` changes them, and nobody else once it runs."""

    presence: Presence
    rooms: RoomBook
    parties: PartyBook
    partings: Partings
    matches: MatchInvitationBook
    friends: FriendBook
    blocks: BlockBook
    notices: NoticeBook
    lines: dict[tuple[str, int], Say]
    """Lines of chat that are to be kept and told, the oldest first, by the node where each came in and its number."""
    chatters: set[int]
    """Users online who have used chat: their base clients hear the lobby's too."""
    whereabouts: dict[int, Audience]
    """Who is told in which room a user is, of those who have chosen."""
    user_bans: dict[int, UserBan]
    """Users who are banned from the lobby; also bans that have ended, for `PAST_BANS_S`."""
    revoked: dict[str, float]
    """Tokens that are signed out, and when each ends by itself, in Unix time."""
    deleted: DeletedUsers
    chat_limit: KeyedLimit
    """By user, lines of chat."""
    lobby_pace: Pace
    lobby_pace_s: float = 0.0

    def is_deleted(self, user_id: int) -> bool:
        """Whether the user of an id is deleted, as far as that is known without their name: whoever is online by it
        with another name, or is so called by friends and requests, is another one, of an outside account service."""
        mark = self.deleted.marks.get(user_id)
        if mark is None:
            return False
        online = self.presence.user(user_id)
        name = self.friends.name_of(user_id) if online is None else online.username
        return name is None or mark_of(name) == mark

    def take_line(self, user_id: int, now_s: float) -> bool:
        """Whether a user may say one more line now."""
        return not self.chat_limit.take(str(user_id), now_s)

    def take_lobby_line(self, now_s: float) -> bool:
        """Whether one more line of the lobby's chat is allowed now."""
        taken_s = self.lobby_pace.take(self.lobby_pace_s, now_s)
        if taken_s == REFUSED:
            return False
        self.lobby_pace_s = taken_s
        return True


def new_books(
    *,
    grace_s: float,
    empty_room_ttl_s: float,
    first_revision: int,
    party_max_members: int,
    party_invite_ttl_s: float,
    party_offline_ttl_s: float,
    chat_rate_per_min: float = 0.0,
) -> Books:
    """Empty ones, by these rules. `chat_rate_per_min`: lines of one user, a sixth of them at once; 0: no limit."""
    return Books(
        presence=Presence(grace_s=grace_s),
        rooms=RoomBook(empty_ttl_s=empty_room_ttl_s, first_revision=first_revision),
        parties=PartyBook(
            max_members=party_max_members, invite_ttl_s=party_invite_ttl_s, offline_ttl_s=party_offline_ttl_s
        ),
        partings=Partings(grace_s=grace_s),
        matches=MatchInvitationBook(),
        friends=FriendBook(),
        blocks=BlockBook(),
        notices=NoticeBook(),
        lines={},
        chatters=set(),
        whereabouts={},
        user_bans={},
        revoked={},
        deleted=DeletedUsers(),
        chat_limit=KeyedLimit(rate_per_s=chat_rate_per_min / 60, burst=max(1.0, chat_rate_per_min / 6)),
        lobby_pace=Pace(rate_per_s=LOBBY_LINES_PER_S, burst=LOBBY_BURST_LINES),
    )

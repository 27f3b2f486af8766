"""The announcer: a domain event becomes frames, one encoding per way of hearing it, and goes to those it concerns.

Policy only. Presence, the room list, the count of users and the lobby's chat are told per profile of features; events
of a room, a party or a friendship go to all sockets of the users whom they concern. The bytes travel by `Fanout`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence

from lobby_server.core.presence import User
from lobby_server.protocol import messages
from lobby_server.protocol.messages import ClientMessage, ServerMessage, encode_frame
from lobby_server.service.fanout.fanout import Fanout
from lobby_server.service.fanout.presence_batch import PresenceBatch
from lobby_server.service.fanout.profile import PresenceMode, Profile, RoomsMode
from lobby_server.service.pacing import Paced
from lobby_server.service.ports import Clock
from lobby_server.service.rooms.changes import RoomChanges
from lobby_server.service.session import Act, Session
from lobby_server.service.sessions import Sessions
from lobby_server.service.watch.metrics import Metrics

MAX_STRETCH = 4.0
"""How far the interval between announcements may grow for a herd of fetches: by default to one second."""
PLAYER_COUNT_INTERVAL_S = 2.0
ROOMS_KEY, PLAYERS_KEY = "rooms", "players"
"""Keys of the log; a user's presence has the user's id."""


class Announcer:
    """What sessions hear, and which of them hear it."""

    def __init__(
        self,
        *,
        fanout: Fanout,
        sessions: Sessions,
        rooms: RoomChanges,
        count_players: Callable[[], int],
        clock: Clock,
        metrics: Metrics,
        rooms_interval_s: float,
        is_shared: bool = False,
    ) -> None:
        """`count_players`: users online, for clients that ask for the count. `rooms_interval_s`: least time between two
        announcements of the room list. `is_shared`: whether other nodes answer for this lobby, too."""
        self._fanout = fanout
        self._sessions = sessions
        self._rooms = rooms
        self._count_players = count_players
        self._is_shared = is_shared
        self._metrics = metrics
        self._rooms_changed = Paced(
            clock,
            # With many clients an announcement brings a herd of fetches; the next one waits until they are answered.
            interval_s=lambda: max(rooms_interval_s, min(self._herd_s(), rooms_interval_s * MAX_STRETCH)),
            longest_s=rooms_interval_s * MAX_STRETCH,
            act=self._announce_rooms,
        )
        self._player_count = Paced(clock, interval_s=lambda: PLAYER_COUNT_INTERVAL_S, act=self._tell_player_count)
        self._batches: dict[Profile, PresenceBatch] = {}
        self._lobby_ears: dict[Session, None] = {}

    def commands(self) -> dict[type[ClientMessage], Act]:
        """What answers which message."""
        return {messages.RoomsResync: lambda session, _: self.snapshot(session)}

    # -- sessions -------------------------------------------------------------------------------------------------

    def welcome(self, session: Session) -> None:
        """From now on a session hears what its profile asked for; a client of deltas gets the room list first."""
        profile = session.profile
        self._fanout.add(session)
        if profile.presence is PresenceMode.BATCH:
            batch = self._batches.get(profile)
            if batch is None:
                batch = self._batches[profile] = PresenceBatch(is_shared=self._is_shared)
                self._fanout.draw_from(batch, profile)
            batch.newcomer()
        if profile.rooms is RoomsMode.DELTA:
            self.snapshot(session)

    def forget(self, session: Session) -> None:
        """A session hears nothing more. A second call does nothing."""
        self._fanout.remove(session)
        self._lobby_ears.pop(session, None)

    def snapshot(self, session: Session) -> None:
        """Send the room list as the deltas have told it so far: what `rooms_delta` clients start from."""
        frames = self._rooms.snapshot_frames()
        self._fanout.tell(session, b"".join(frames), count=len(frames))

    def hear_lobby(self, session: Session) -> None:
        """From now on a session on the base protocol hears the lobby's chat; sessions with features do anyway."""
        if not session.profile.hears_lobby and session.feed is not None:
            self._lobby_ears[session] = None

    # -- to everybody ---------------------------------------------------------------------------------------------

    def user_online(self, user: User) -> None:
        self._presence(user, is_online=True)

    def user_offline(self, user: User) -> None:
        self._presence(user, is_online=False)

    def rooms_changed(self) -> None:
        """The room list has changed: announced at once after a quiet spell, conflated in a burst."""
        if not self._fanout.is_silent:
            self._rooms_changed.wish()
            self._metrics.events_conflated[messages.RoomsChanged.TYPE] = self._rooms_changed.joined

    def tell_lobby(self, message: ServerMessage, *, but: Collection[int] = ()) -> None:
        """Tell all sessions that take part in the lobby's chat, `but` those of some users."""
        deaf = [session for session in self._sessions.of_users(but) if session.feed is not None]
        self._tell_profiles(message, lambda profile: profile.hears_lobby, but=deaf)
        if self._lobby_ears and not self._fanout.is_silent:
            frame = encode_frame(message)
            for session in tuple(self._lobby_ears):
                if session not in deaf:
                    self._fanout.tell(session, frame)

    def tell_everybody(self, message: ServerMessage) -> None:
        """Tell all sessions."""
        self._tell_profiles(message, lambda profile: True)

    @property
    def knows_of_rooms(self) -> bool:
        """Whether everybody is told of the list as it is now, or will be as soon as it is time."""
        return self._fanout.is_silent or self._rooms_changed.is_wished or not self._rooms.has_news

    # -- to some --------------------------------------------------------------------------------------------------

    def tell_users(self, user_ids: Iterable[int], message: ServerMessage) -> None:
        """Tell all sessions of some users, and no other session; those not that have still to be let in."""
        fanout = self._fanout
        if fanout.is_silent:
            return
        frame = encode_frame(message)
        self._metrics.events_published[message.TYPE] += 1
        for session in self._sessions.of_users(user_ids):
            if session.feed is not None:
                fanout.tell(session, fanout.marked(frame, session.profile, clients=1))

    def tell_some(self, sessions: Iterable[Session], message: ServerMessage) -> None:
        """Tell some sessions, each in order with what it heard before; those not that have still to be let in."""
        frame = None
        for session in sessions:
            if session.feed is not None:
                frame = frame or encode_frame(message)
                self._fanout.tell(session, frame)

    # -- end ------------------------------------------------------------------------------------------------------

    def fall_silent(self) -> None:
        """Announce nothing any more."""
        self._fanout.fall_silent()
        self._rooms_changed.cancel()
        self._player_count.cancel()

    # -- private --------------------------------------------------------------------------------------------------

    def _presence(self, user: User, *, is_online: bool) -> None:
        kind = messages.UserOnline if is_online else messages.UserOffline
        frame = encode_frame(kind(user_id=user.id, username=user.username))
        for profile, _ in self._fanout.profiles():
            if profile.presence is PresenceMode.SINGLE:
                self._fanout.publish(profile, frame, key=user.id)
            elif profile.presence is PresenceMode.BATCH:
                self._batches[profile].note(user, is_online=is_online)
                self._fanout.schedule()
            if profile.hears_count:
                self._player_count.wish()
        self._metrics.events_published[kind.TYPE] += 1

    def _announce_rooms(self) -> None:
        frames: dict[RoomsMode, list[bytes]] = {}
        for profile, clients in self._fanout.profiles():
            if not clients or (profile.rooms is RoomsMode.DELTA and not self._rooms.has_news):
                continue
            parts = frames.get(profile.rooms)
            if parts is None:
                parts = frames[profile.rooms] = self._rooms.frames(profile.rooms, len(self._fanout))
            is_state = profile.rooms is not RoomsMode.DELTA  # a delta builds on the one before it
            for frame in parts:
                self._fanout.publish(profile, frame, key=ROOMS_KEY if is_state else None, conflate=is_state)
        self._rooms.announced()
        self._metrics.events_published[messages.RoomsChanged.TYPE] += 1

    def _tell_player_count(self) -> None:
        frame = encode_frame(messages.PlayerCount(online=self._count_players()))
        for profile, _ in self._fanout.profiles():
            if profile.hears_count:
                self._fanout.publish(profile, frame, key=PLAYERS_KEY, conflate=True)

    def _tell_profiles(
        self, message: ServerMessage, is_wanted: Callable[[Profile], bool], *, but: Sequence[Session] = ()
    ) -> None:
        if self._fanout.is_silent:
            return
        frame = encode_frame(message)
        for profile, _ in self._fanout.profiles():
            if is_wanted(profile):
                self._fanout.publish(profile, frame, but=[each for each in but if each.profile == profile])
        self._metrics.events_published[message.TYPE] += 1

    def _herd_s(self) -> float:
        """How long the server takes to answer one fetch from every client that is told to fetch."""
        fetching = sum(clients for profile, clients in self._fanout.profiles() if profile.rooms is not RoomsMode.DELTA)
        return self._rooms.herd_s(fetching)

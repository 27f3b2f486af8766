"""A player: one device of a user, who follows the lobby by the client library and believes what it hears.

The rules beyond the library are those that the protocol asks of a client: it fetches what it may have missed when a
connection is established, once more when an event says that something has changed, and after an answer from which it
cannot tell whether a command has happened.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from bench.simulation.clients.connection import SimulatedConnection
from bench.simulation.clients.fiber import Fiber
from bench.simulation.clients.network import Network
from bench.simulation.clients.views import Heard, PresenceView, RoomView
from bench.simulation.nodes.calls import Answer, Asked
from bench.simulation.outside.loop import World
from bench.simulation.outside.wire import WINDOW_BYTES
from loadtest.client.api import LobbyApi
from loadtest.client.lists.delta_list import DeltaServerList
from loadtest.client.lists.fetching import CoalescedFetch
from loadtest.client.lists.server_list import ServerList
from loadtest.client.reconnect import JitterReconnect
from loadtest.client.timing import Timing
from lobby_server.core.presence import User
from lobby_server.protocol import messages, social_messages
from lobby_server.protocol.codes import ErrorReason
from lobby_server.protocol.features import Feature
from lobby_server.protocol.resources import Room
from lobby_server.protocol.social_resources import FriendList, MyParty

UNCERTAIN_S = 14.0
"""How long a command may still happen whose outcome is not known: longer than any queue is away."""
DOUBT_LOOKS_S = (0.0, 2.0, 7.0, UNCERTAIN_S)
"""When to look what became of it."""
LEFT_LOOKS_S = (0.5, 8.0)
AGAIN_S = 1.0
"""Between tries of a fetch that failed."""
ABOUT_ROOM = (
    messages.RoomJoined, messages.RoomCreated, messages.PeerJoined, messages.PeerLeft, messages.HostChanged,
    messages.Kicked, messages.RoomClosed,
)  # fmt: skip
ABOUT_FRIENDS = (
    social_messages.FriendRequested, social_messages.FriendRequestClosed, social_messages.FriendAccepted,
    social_messages.FriendRemoved,
)  # fmt: skip
ABOUT_PARTY = (
    social_messages.PartyInvited, social_messages.PartyInviteClosed, social_messages.PartyJoined,
    social_messages.PartyLeft, social_messages.PartyLeaderChanged, social_messages.PartyMemberStatus,
)  # fmt: skip


class Player:
    """One device."""

    def __init__(
        self,
        world: World,
        network: Network,
        *,
        name: str,
        user: User,
        token: str,
        features: frozenset[Feature],
        version: str,
        timing: Timing,
        window: int,
        seed: str,
        entries: Callable[[], int],
        on_fault: Callable[[str], None],
    ) -> None:
        """`name`: of the device, for the story. `entries`: the number of the newest entry that was applied. `on_fault`
        hears of exceptions, which the library's signals would keep to themselves."""
        self.world = world
        self.network = network
        self.name = name
        self.user = user
        self.token = token
        self.features = features
        self.random = Random(f"{seed}/deeds")
        self.connection = SimulatedConnection(
            world,
            network,
            name=name,
            version=version,
            timing=timing,
            reconnect=JitterReconnect(first_s=1.0, cap_s=4.0),
            random=Random(f"{seed}/connection"),
            features=features,
            window=window,
        )
        self.heard: list[Heard] = []
        self.room: RoomView | None = None
        self.presence = PresenceView()
        self.friends: FriendList | None = None
        self.party: MyParty | None = None
        self._look_s = 0.0
        """When the player looks again, the last time that is known of."""
        self.refused = ""
        self.is_wanted = True
        """Whether it is to be connected."""
        self.is_only_device = True
        """Of its user."""
        self.is_slow = window < WINDOW_BYTES
        """Whether it may miss states that others have replaced: it reads less than it is sent."""
        self._entries = entries
        self._on_fault = on_fault
        self._room_events = 0
        side = self.connection.side
        self._online_fetch = CoalescedFetch(self._fetch_online, side=side)
        self._room_fetch = CoalescedFetch(self._fetch_room, side=side)
        self._friends_fetch = CoalescedFetch(self._fetch_friends, side=side)
        self._party_fetch = CoalescedFetch(self._fetch_party, side=side)
        self.list: DeltaServerList | ServerList
        if Feature.ROOMS_DELTA in features:
            self.list = DeltaServerList(connection=self.connection)
        else:
            api = LobbyApi(network)
            self.list = ServerList(api=api, connection=self.connection, rng=Random(f"{seed}/list"))
        self.connection.message_received.connect(self._hear_or_tell)
        self.connection.connection_lost.connect(self._lost)
        self.connection.connection_refused.connect(self._refuse)

    @property
    def rooms(self) -> tuple[Room, ...]:
        """The list as the player sees it."""
        return self.list.rooms

    def connect(self) -> None:
        self.is_wanted = True
        self.connection.connect_to_server(self.token)

    def disconnect(self) -> None:
        self.is_wanted = False
        self.connection.disconnect_from_server()
        self._lost()

    def ask(self, what: str, *arguments: Any) -> Answer:
        """An HTTP call with the player's token; blocks."""
        answer = self.network.ask(Asked(what, self.token, arguments))
        if answer.status in (0, 503):
            self.doubt()
        return answer

    def doubt(self) -> None:
        """Something may or may not happen yet: what it would change is fetched until it is certain."""
        for in_s in DOUBT_LOOKS_S:
            if self.world.now_s + in_s >= self._look_s + 1.0:
                self._look_s = self.world.now_s + in_s
                self.world.call_at(self._look_s, self.look)

    def look(self) -> None:
        """Fetch all that is followed by fetching."""
        self._room_fetch.request()
        self._friends_fetch.request()
        self._party_fetch.request()

    def left_room(self) -> None:
        """The player has said that they leave, to which nothing is answered. What they asked for before may be on its
        way still: so look again, soon, and when it must have come."""
        self.room = None
        self._room_events += 1
        for in_s in LEFT_LOOKS_S:
            self.world.call_later(in_s, self._room_fetch.request)

    # -- what is heard --------------------------------------------------------------------------------------------

    def _hear_or_tell(self, message: messages.ServerMessage) -> None:
        try:
            self._hear(message)
        except Exception as fault:
            self._on_fault(f"{self.name}, at {message}: {fault!r}")

    def _hear(self, message: messages.ServerMessage) -> None:
        if isinstance(message, messages.HandshakeAccepted):
            self._established()
            return
        heard = self.heard[-1]
        if isinstance(message, (messages.UserOnline, messages.UserOffline)):
            is_online = isinstance(message, messages.UserOnline)
            heard.presence.append((message.user_id, is_online))
            self.presence.tell(message.user_id, is_online=is_online)
        elif isinstance(message, messages.PresenceChanged):
            for is_online, users in ((True, message.online), (False, message.offline)):
                for user in users:
                    heard.batches.setdefault(user.user_id, []).append(is_online)
                    self.presence.tell(user.user_id, is_online=is_online)
        elif isinstance(message, ABOUT_ROOM):
            self._hear_of_room(message)
        elif isinstance(message, messages.Chat):
            heard.room_lines.append(message.text)
        elif isinstance(message, social_messages.ChatMessage):
            heard.chat.append(message)
        elif isinstance(message, ABOUT_FRIENDS):
            self._friends_fetch.request()
        elif isinstance(message, ABOUT_PARTY):
            self._party_fetch.request()
        elif isinstance(message, messages.Error) and message.reason is ErrorReason.TRY_AGAIN_LATER:
            self.doubt()

    def _hear_of_room(self, message: messages.ServerMessage) -> None:
        self._room_events += 1
        if isinstance(message, messages.RoomJoined):
            self.room = RoomView.of(message)
        elif isinstance(message, messages.RoomCreated):
            self._room_fetch.request()  # it does not name the members
        elif self.room is not None and not self.room.hear(message):
            self.room = None

    def _established(self) -> None:
        features = frozenset(each.value for each in self.connection.accepted_features)
        self.heard.append(Heard(self.user.id, features, self._entries()))
        self.room = None
        self._room_events += 1
        self.presence.online = None
        self.presence.begin()
        if Feature.PRESENCE_FRIENDS not in self.connection.accepted_features:
            self._online_fetch.request()
        if not features:
            self._room_fetch.request()
        self._friends_fetch.request()
        self._party_fetch.request()

    def _lost(self) -> None:
        if self.heard:
            self.heard[-1].is_live = False

    def _refuse(self, reason: str) -> None:
        self.refused = reason
        self._lost()

    # -- what is fetched ------------------------------------------------------------------------------------------

    def _fetch_online(self) -> float | None:
        self.presence.begin()
        answer = self._fetch("online")
        if answer is None:
            return self._again()
        self.presence.fetched(answer.body)
        return None

    def _fetch_room(self) -> float | None:
        before = self._room_events
        answer = self._fetch("my_room", but="in_no_room")
        if answer is None:
            return self._again()
        if self._room_events != before:
            return 0.05  # something was told meanwhile: the two may contradict each other
        self.room = RoomView.of(answer.body) if answer.is_good else None
        return None

    def _fetch_friends(self) -> float | None:
        answer = self._fetch("friends")
        if answer is None:
            return self._again()
        self.friends = answer.body
        return None

    def _fetch_party(self) -> float | None:
        answer = self._fetch("my_party")
        if answer is None:
            return self._again()
        self.party = answer.body
        return None

    def _fetch(self, what: str, *, but: str = "") -> Answer | None:
        """None: to be tried again; also when a node answered that does not see what the others do."""
        answer = self.network.ask(Asked(what, self.token))
        if answer.is_stale:
            return None
        return answer if answer.is_good or (but and answer.code == but) else None

    def _again(self) -> float | None:
        return AGAIN_S if self.is_wanted and not self.refused else None

    def do(self, act: Callable[[], object]) -> None:
        """Let the player do something that may block."""
        Fiber(self.world, act)

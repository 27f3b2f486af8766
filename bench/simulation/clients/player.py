"""A player: one device of a user, who follows the lobby by the client library and believes what it hears.

The rules beyond the library are those that the protocol asks of a client: it fetches what it may have missed when a
connection is established, once more when an event says that something has changed, and after an answer from which it
cannot tell whether a command has happened.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from math import inf
from random import Random
from typing import Any

from bench.simulation.clients.account import PlayerAccount
from bench.simulation.clients.connection import SimulatedConnection
from bench.simulation.clients.fiber import Fiber
from bench.simulation.clients.network import ListApi, Network
from bench.simulation.clients.reading import Read
from bench.simulation.clients.signals import order_signals
from bench.simulation.clients.views import (
    ABOUT_FRIENDS,
    ABOUT_PARTY,
    ABOUT_ROOM,
    OF_NO_CONCERN,
    OF_TOKEN,
    ONE_BY_ONE,
    FriendRoomsView,
    Heard,
    PresenceView,
    RoomView,
)
from bench.simulation.nodes.calls import SEE, Answer, Asked
from bench.simulation.outside.loop import World
from bench.simulation.outside.wire import WINDOW_BYTES
from loadtest.client.lists.delta_list import DeltaServerList
from loadtest.client.lists.fetching import CoalescedFetch
from loadtest.client.lists.server_list import ServerList
from loadtest.client.reconnect import JitterReconnect
from loadtest.client.timing import Timing
from lobby_server.core.presence import User
from lobby_server.protocol import messages, social_messages
from lobby_server.protocol.codes import ErrorReason
from lobby_server.protocol.feature_messages import RoomStateTold
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
RETURNS_S = 1.5
"""After which whoever was put out of the lobby tries to come back."""
TYPES_S, LOGS_IN_S = 3.5, 0.2
"""How long it takes until somebody who is asked for a password has typed it, and until they are logged in."""
ONLINE, MY_ROOM, FRIENDS, MY_PARTY = "online", "my_room", "friends", "my_party"
BLOCKS, FRIEND_ROOMS = "blocks", "friend_rooms"
"""What a player fetches, besides the list."""


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
        accepted_at: Callable[[], tuple[str, int]],
        on_fault: Callable[[str], None],
        read: Read | None = None,
    ) -> None:
        """`name`: of the device, for the story. `accepted_at`: by which entry the connection that was established last
        takes part. `read`: what any player has read before. `on_fault` hears of exceptions, which the library's signals
        would keep to themselves."""
        read = Read() if read is None else read
        self.world = world
        self.network = network
        self.name = name
        self.user = user
        self.features = features
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
            read=read.messages,
        )
        order_signals(self.connection, lambda fault: on_fault(f"{name}, {fault}"))
        self.api = ListApi(network, read.lists)
        self.account = PlayerAccount(self.api, self.connection, random=Random(f"{seed}/account"), token=token)
        self.heard: list[Heard] = []
        self.room: RoomView | None = None
        self.presence = PresenceView()
        self.friends: FriendList | None = None
        self.party: MyParty | None = None
        self.blocks: set[int] | None = None
        """Whom the user blocks; None: not followed."""
        self.friend_rooms = FriendRoomsView()
        self.room_state: RoomStateTold | None = None
        self._look_s = 0.0
        """When the player looks again, the last time that is known of."""
        self.notifications: list[int] = []
        """That were told, by their ids."""
        self.refused = ""
        self.established_s = -inf
        """When the connection was, the last time."""
        self.is_wanted = True
        """Whether it is to be connected."""
        self.is_only_device = True
        """Of its user."""
        self.is_slow = window < WINDOW_BYTES
        """Whether it may miss states that others have replaced: it reads less than it is sent."""
        self._accepted_at = accepted_at
        self._comes_back = False
        self._is_gone = False
        """Its account is deleted."""
        self._room_events = 0
        self._room_asked_s = -inf
        self._wanted: dict[str, None] = {}
        """What is to be fetched next."""
        self._fetching = CoalescedFetch(self._fetch, side=self.connection.side)
        self.list: DeltaServerList | ServerList
        if Feature.ROOMS_DELTA in features:
            self.list = DeltaServerList(connection=self.connection)
        else:
            self.list = ServerList(api=self.api, connection=self.connection, rng=Random(f"{seed}/list"))
        self.connection.message_received.connect(self._hear)
        self.connection.connection_lost.connect(self._lost)
        self.connection.connection_refused.connect(self._refuse)

    @property
    def token(self) -> str:
        return self.account.shown

    @token.setter
    def token(self, token: str) -> None:
        self.account.token = token

    @property
    def rooms(self) -> tuple[Room, ...]:
        """The list as the player sees it."""
        return self.list.rooms

    @property
    def invitations(self) -> dict[str, set[int]]:
        """Into rooms, and by whom, that were heard of on this connection and are not over as far as is known."""
        return self.heard[-1].invitations if self.heard else {}

    def connect(self) -> None:
        if not self._is_gone:
            self.is_wanted, self.refused = True, ""
            self.connection.connect_to_server(self.token)

    def disconnect(self) -> None:
        self.is_wanted = False
        if self.heard:
            self.heard[-1].has_left = True
        self.connection.disconnect_from_server()
        self._lost()

    def comes_back(self) -> None:
        """An administrator puts the user out, for a while: whoever is refused tries again."""
        self._comes_back = True

    def log_in_again(self) -> None:
        """And come back by that, if the tokens of the player end in the run."""
        self.account.log_in_again()
        if self.is_wanted and self.account.log_in is not None:
            self.disconnect()
            self.world.call_later(LOGS_IN_S, self.connect)

    def leaves_for_ever(self) -> None:
        self._is_gone = True
        self.refused = ""
        self.disconnect()

    def ask(self, what: str, *arguments: Any) -> Answer:
        """An HTTP call with the player's token; blocks."""
        answer = self._ask(Asked(what, self.token, arguments))
        if answer.status in (0, 503):
            self.doubt()
        return answer

    def _ask(self, asked: Asked) -> Answer:
        answer = self.network.ask(asked)
        if self.account.has_ended(asked.token, answer):
            self.world.call_later(TYPES_S, self._log_in_again, asked.token)
        return answer

    def _log_in_again(self, ended: str) -> None:
        if self.token == ended:
            self.log_in_again()

    def doubt(self) -> None:
        """Something may or may not happen yet: what it would change is fetched until it is certain."""
        for in_s in DOUBT_LOOKS_S:
            if self.world.now_s + in_s >= self._look_s + 1.0:
                self._look_s = self.world.now_s + in_s
                self.world.call_at(self._look_s, self.look)

    def look(self) -> None:
        """Fetch all that is followed by fetching."""
        self._want(MY_ROOM, FRIENDS, MY_PARTY)

    def fetch_all(self) -> None:
        """Fetch everything once more, the list too if it is fetched."""
        self._want(ONLINE, MY_ROOM, FRIENDS, MY_PARTY)
        if Feature.OWN_CHANGES in self.connection.accepted_features:
            self._want(BLOCKS)
        if Feature.FRIEND_ROOMS in self.connection.accepted_features:
            self._want(FRIEND_ROOMS)
        if isinstance(self.list, ServerList):
            self.list.refresh()

    def asks_room(self) -> None:
        """The player says over the socket that they enter or leave a room. If the connection is lost before that is
        answered, nobody knows whether it happens: see `_established`."""
        self._room_asked_s = self.world.now_s

    def left_room(self) -> None:
        """The player has said that they leave, to which nothing is answered. What they asked for before may be on its
        way still: so look again, soon, and when it must have come."""
        self.asks_room()
        self.room = None
        self._room_events += 1
        for in_s in LEFT_LOOKS_S:
            self.world.call_later(in_s, self._want, MY_ROOM)

    # -- what is heard --------------------------------------------------------------------------------------------

    def _hear(self, message: messages.ServerMessage) -> None:
        if isinstance(message, messages.HandshakeAccepted):
            self._established()
            self.heard[-1].greeting = message
            return
        heard, kind = self.heard[-1], type(message)
        heard.kinds.add(kind)
        if kind in OF_NO_CONCERN:
            return
        if kind in ONE_BY_ONE:
            heard.pushes.append(message)
        if isinstance(message, (messages.UserOnline, messages.UserOffline)):
            is_online = isinstance(message, messages.UserOnline)
            heard.presence.append((message.user_id, is_online))
            heard.names.add((message.user_id, message.username))
            if Feature.PRESENCE_FRIENDS in self.connection.accepted_features:
                heard.pushes.append(message)
            self.presence.tell(message.user_id, is_online=is_online)
        elif isinstance(message, messages.PresenceChanged):
            for is_online, users in ((True, message.online), (False, message.offline)):
                for user in users:
                    heard.batches.setdefault(user.user_id, []).append(is_online)
                    heard.names.add((user.user_id, user.username))
                    self.presence.tell(user.user_id, is_online=is_online)
        elif isinstance(message, ABOUT_ROOM):
            self._hear_of_room(message)
        elif isinstance(message, messages.Chat):
            heard.room_lines.append(message.text)
        elif isinstance(message, social_messages.ChatMessage):
            heard.chat.append(message)
        elif isinstance(message, ABOUT_FRIENDS):
            self._want(FRIENDS)
        elif isinstance(message, ABOUT_PARTY):
            self._want(MY_PARTY)
        elif isinstance(message, social_messages.MatchInvited):
            heard.invitations.setdefault(message.room_id, set()).add(message.from_user_id)
        elif isinstance(message, social_messages.MatchInviteClosed):
            heard.invitations.pop(message.room_id, None)
        elif isinstance(message, (social_messages.UserBlocked, social_messages.UserUnblocked)):
            self._want(BLOCKS)
        elif isinstance(message, social_messages.FriendRoom):
            self.friend_rooms.tell(message.user_id, message.room_id)
        elif isinstance(message, RoomStateTold):
            self.room_state = message
        elif isinstance(message, messages.PlayerCount):
            heard.online = message.online
        elif isinstance(message, OF_TOKEN):
            heard.of_token.append(message)
        elif isinstance(message, messages.ServerDraining):
            heard.reconnect_after_ms = message.reconnect_after_ms
        elif isinstance(message, social_messages.Notification):
            self.notifications.append(message.id)
        elif isinstance(message, social_messages.Announcement):
            heard.announcements.append(message.id)
        elif isinstance(message, messages.Error) and message.reason is ErrorReason.TRY_AGAIN_LATER:
            self.doubt()

    def _hear_of_room(self, message: messages.ServerMessage) -> None:
        self._room_events += 1
        if isinstance(message, messages.RoomJoined):
            self.room = RoomView.of(message)
        elif isinstance(message, messages.RoomCreated):
            self._want(MY_ROOM)  # it does not name the members
        elif self.room is not None and not self.room.hear(message):
            self.room = None

    def _established(self) -> None:
        features = frozenset(each.value for each in self.connection.accepted_features)
        wires = self.network.wires
        heard = Heard(self.user.id, features, self._accepted_at(), wire=wires[-1] if wires else None)
        if heard.wire is not None:
            heard.wire.renews = self.account.renews
        self.heard.append(heard)
        self.established_s = self.world.now_s
        self.room = None
        self._room_events += 1
        self.presence.online = None
        self.presence.begin()
        if Feature.PRESENCE_FRIENDS not in self.connection.accepted_features:
            self._want(ONLINE)
        if not features:
            self._want(MY_ROOM)
        self._want(FRIENDS, MY_PARTY)
        self.room_state = None
        self.friend_rooms.begin()
        self.friend_rooms.rooms = None
        if Feature.OWN_CHANGES in self.connection.accepted_features:
            self._want(BLOCKS)
        if Feature.FRIEND_ROOMS in self.connection.accepted_features:
            self._want(FRIEND_ROOMS)
        if self.world.now_s - self._room_asked_s < UNCERTAIN_S:
            self.doubt()

    def _lost(self) -> None:
        if self.heard:
            self.heard[-1].is_live = False

    def _refuse(self, reason: str) -> None:
        self.refused = "" if self._is_gone else reason
        self._lost()
        if self._comes_back or self.account.log_in is not None:
            self.world.call_later(RETURNS_S, self._return)

    def _return(self) -> None:
        if self.refused and self.is_wanted:
            self.account.log_in_again()
            self.connect()

    # -- what is fetched ------------------------------------------------------------------------------------------

    def _want(self, *what: str) -> None:
        """Fetch something, together with what else is wanted by then."""
        self._wanted.update(dict.fromkeys(what))
        self._fetching.request()

    def _fetch(self) -> float | None:
        """All that is wanted. Tried again also when a node answered that does not see what the others do."""
        what = tuple(self._wanted)
        self._wanted.clear()
        if ONLINE in what:
            self.presence.begin()
        if FRIEND_ROOMS in what:
            self.friend_rooms.begin()
        before = self._room_events
        answer = self._ask(Asked(SEE, self.token, what))
        if answer.is_stale or not answer.is_good:
            return self._again(what)
        found = answer.body
        if ONLINE in found:
            self.presence.fetched(found[ONLINE])
        if BLOCKS in found:
            self.blocks = {each.user_id for each in found[BLOCKS].blocks}
        if FRIEND_ROOMS in found:
            self.friend_rooms.fetched({each.user_id: each.room_id for each in found[FRIEND_ROOMS].rooms})
        self.friends = found.get(FRIENDS, self.friends)
        self.party = found.get(MY_PARTY, self.party)
        if MY_ROOM in found:
            if self._room_events != before:  # something was told meanwhile: the two may contradict each other
                self._wanted[MY_ROOM] = None
                return 0.05
            self.room = None if found[MY_ROOM] is None else RoomView.of(found[MY_ROOM])
        return None

    def _again(self, what: Iterable[str]) -> float | None:
        if not self.is_wanted or self.refused:
            return None
        self._wanted.update(dict.fromkeys(what))
        return AGAIN_S

    def do(self, act: Callable[[], object]) -> None:
        """Let the player do something that may block."""
        Fiber(self.world, act)

"""Chats in the lobby, in a party and with one other user, befriends users whom it hears, and forms parties with them.

Socializers find each other by their lines in the lobby, so no list of them is needed across processes.
Every request is accepted. A line carries its intended time as a mark, so a player who hears it knows how long it took.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import ClassVar

from loadtest.client import ApiError, ClientError, NotConnected, SocialApi
from loadtest.measure.metrics import CHAT_DELIVERY, INVITATION
from loadtest.players.roles.browser import Browser
from loadtest.players.swarm import Swarm
from loadtest.workload import mix
from loadtest.workload.plan import Act, Intent, PlayerPlan
from lobby_server.protocol import messages
from lobby_server.protocol.codes import ErrorReason
from lobby_server.protocol.messages import ServerMessage
from lobby_server.protocol.social_messages import (
    ChatMessage,
    FriendRequested,
    PartyInvited,
    PartyJoined,
    PartyLeft,
    SendChatMessage,
)

ACQUAINTANCES = 8
"""Of the users heard last, so many are remembered."""
LOBBY_SHARE, PARTY_SHARE = 0.5, 0.3
"""Of the lines; the others go to one acquaintance. Without a party, or without anybody known, the lobby hears them."""
REFUSALS = frozenset(
    {
        ErrorReason.RATE_LIMITED, ErrorReason.NOT_IN_PARTY, ErrorReason.USER_NOT_FOUND, ErrorReason.BLOCKED_BY_YOU,
        ErrorReason.TRY_AGAIN_LATER,
    }
)  # fmt: skip
"""What a line may be answered with."""


class Socializer(Browser):
    NAME: ClassVar[str] = mix.SOCIALIZER

    def __init__(self, swarm: Swarm, plan: PlayerPlan, *, seat: int, began_s: float) -> None:
        super().__init__(swarm, plan, seat=seat, began_s=began_s)
        self.party_id: str | None = None
        self._known: deque[int] = deque(maxlen=ACQUAINTANCES)
        self._asked: set[int] = set()
        """To be a friend."""
        self._invited_s: dict[int, float] = {}
        """Users who were invited and have not joined, with the intended times."""
        self.client.connection.message_received.connect(self._on_message)

    def end(self) -> None:
        if self.client.connection.is_connected:
            self._part()
        super().end()

    def act(self, intent: Intent, at_s: float) -> None:
        if intent.act is Act.SAY:
            self._say(intent.choice, at_s)
        elif intent.act is Act.MEET:
            self._meet(intent.choice, at_s)
        elif intent.act is Act.PART:
            self._part()

    # -- in the seat's greenlet -----------------------------------------------------------------------------------

    def _say(self, choice: float, at_s: float) -> None:
        channel = "lobby"
        if choice >= LOBBY_SHARE:
            if choice < LOBBY_SHARE + PARTY_SHARE and self.party_id is not None:
                channel = "party"
            elif choice >= LOBBY_SHARE + PARTY_SHARE and self._known:
                channel = f"user:{self._known[0]}"
        try:
            self.client.connection.send(SendChatMessage(channel=channel, text=self.swarm.marks.write(at_s)))
        except NotConnected:
            self.count("lines that a loss prevented")
        else:
            self.count("lines said")

    def _meet(self, choice: float, at_s: float) -> None:
        token = self.identity.token
        if token is None or not self._known:
            self.count("meetings without anybody to invite")
            return
        user_id = self._known[int(choice * len(self._known))]
        api = SocialApi(self.api.intended(at_s))
        try:
            if user_id not in self._asked:
                self._asked.add(user_id)
                self._unless_refused(lambda: api.request_friend(token, user_id=user_id))
            party_id = self.party_id or self._make_party(api, token)
            self._invited_s[user_id] = at_s
            api.invite_to_party(token, party_id, user_id=user_id)
        except ClientError:
            self._invited_s.pop(user_id, None)  # in Locust's table already, or an event; the plan goes on
        else:
            self.count("invitations sent")

    def _make_party(self, api: SocialApi, token: str) -> str:
        try:
            party = api.create_party(token)
        except ApiError:  # in one already: of a session before
            mine = api.my_party(token).party
            if mine is None:
                raise
            party = mine
        self.party_id = party.id
        return party.id

    def _part(self) -> None:
        party_id, token = self.party_id, self.identity.token
        self.party_id = None
        self._invited_s.clear()
        if party_id is not None and token is not None:
            self._unless_refused(lambda: SocialApi(self.api).leave_party(token, party_id))

    # -- in the reader's greenlet ---------------------------------------------------------------------------------

    def _on_message(self, message: ServerMessage) -> None:
        if isinstance(message, ChatMessage):
            self._on_line(message)
        elif isinstance(message, PartyInvited):
            self._answer(lambda api, token: api.join_party(token, message.party_id))
        elif isinstance(message, FriendRequested):
            self._answer(lambda api, token: api.accept_friend(token, message.request_id))
        elif isinstance(message, PartyJoined):
            if message.user_id == self.client.connection.user_id:
                self.party_id = message.party_id
            elif (invited_s := self._invited_s.pop(message.user_id, None)) is not None:
                took_s = self.client.connection.heard_s - invited_s
                self.swarm.recorder.record(INVITATION, took_s)
                self.fire("party invitation", took_s, None)
        elif isinstance(message, PartyLeft):
            if message.user_id == self.client.connection.user_id and message.party_id == self.party_id:
                self.party_id = None
        elif isinstance(message, messages.Error) and message.reason in REFUSALS:
            self.count(f"lines refused: {message.reason.value}")

    def _on_line(self, line: ChatMessage) -> None:
        said_s = self.swarm.marks.read(line.text)
        if said_s is None:
            return
        took_s = self.client.connection.heard_s - said_s
        self.swarm.recorder.record(CHAT_DELIVERY, took_s)
        if line.from_user_id == self.client.connection.user_id:
            self.fire("chat line", took_s, None)
        elif line.channel == "lobby" and line.from_user_id not in self._known:
            self._known.append(line.from_user_id)

    def _answer(self, say_yes: Callable[[SocialApi, str], object]) -> None:
        """Off the reader: a call blocks."""
        token = self.identity.token
        if token is not None:
            self.client.connection.side.put(lambda: self._unless_refused(lambda: say_yes(SocialApi(self.api), token)))

    def _unless_refused(self, call: Callable[[], object]) -> None:
        """A refusal or a failure is in Locust's table, or an event of its own; the plan goes on."""
        try:
            call()
        except ClientError:
            return

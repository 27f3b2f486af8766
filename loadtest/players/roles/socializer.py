"""Chats in the lobby, in a party and with one other user, befriends users whom it hears, looks at their profiles, and
forms parties with them.

Socializers find each other by their lines in the lobby, so no list of them is needed across processes.
Every request is accepted. A line carries its intended time as a mark, so a player who hears it knows how long it took.
With `--quarrel-share` some meetings are quarrels: the other user is reported, and blocked until the parting. With
`--whereabouts-share` it changes who is told where it is before some. Both are off by default: who blocks hears less.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable
from random import Random

from loadtest.client import ApiError, ClientError, Feature, NotConnected, SocialApi
from loadtest.players.roles.browser import Browser
from loadtest.players.roles.common import CHAT_INTERVAL, VISIT, VISIT_INTERVAL
from loadtest.players.roles.figures import Counter, Expectation, Series
from loadtest.players.roles.role import on, role
from loadtest.players.swarm import Swarm
from loadtest.workload.options import SwarmOptions
from loadtest.workload.plan import PlayerPlan
from loadtest.workload.roles.book import LEAST_GAP_S, Intent, Schedule
from loadtest.workload.roles.options import share_option
from lobby_server.protocol import messages
from lobby_server.protocol.codes import ErrorReason
from lobby_server.protocol.requests import Audience
from lobby_server.protocol.social_messages import (
    ChatMessage,
    FriendRequested,
    PartyInvited,
    PartyJoined,
    PartyLeft,
    SendChatMessage,
    UserBlocked,
    UserUnblocked,
    WhereaboutsChanged,
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


AUDIENCES: tuple[Audience, ...] = ("everybody", "friends", "nobody")
WITHIN_S = 2.0
"""In which the server tells a player of its own change: far more than a push takes."""


@role("socializer")
class Socializer(Browser):
    NEEDS = frozenset({"social"})
    visit_interval = VISIT_INTERVAL
    visit = VISIT
    chat_interval = CHAT_INTERVAL
    delivered = Series("chat delivery", name="chat", title="Chat delivery: said to heard")
    joined = Series("invitation round trip", name="invitation", title="Invitation: sent to joined")
    lines_said = Counter("lines said")
    invitations = Counter("invitations sent")
    quarrel_share = share_option(
        "--quarrel-share", 0.0, "share (0 to 1) of a socializer's meetings that end with a report and a block"
    )
    whereabouts_share = share_option(
        "--whereabouts-share",
        0.0,
        "share (0 to 1) of a socializer's meetings before which it hides or shows its room",
    )
    own_change = Expectation("own change told", within_s=WITHIN_S)
    reports = Counter("users reported")
    blocks = Counter("users blocked")
    blocks_lifted = Counter("user blocks lifted")
    audiences_chosen = Counter("whereabouts chosen")

    def __init__(self, swarm: Swarm, plan: PlayerPlan, *, seat: int, began_s: float) -> None:
        super().__init__(swarm, plan, seat=seat, began_s=began_s)
        self.party_id: str | None = None
        self._known: deque[int] = deque(maxlen=ACQUAINTANCES)
        self._asked: set[int] = set()
        """To be a friend."""
        self._invited_s: dict[tuple[str, int], float] = {}
        """Parties and users who were invited there and have not joined, with the intended times."""
        self._blocked: int | None = None
        self._has_made_up = False
        """Blocks of an earlier run are lifted."""
        self._reported: set[int] = set()
        self._audience: Audience | None = None
        """None: as an earlier run left it."""
        self._changes: dict[type, str] = {}
        """Keys of what this player changed and has not been told of, by the kind of message that tells it."""

    @classmethod
    def schedule(cls, options: SwarmOptions, rng: Random) -> Schedule:
        """Chat lines throughout; now and then a party that lasts for a visit."""
        visit_interval, visit, chat_interval = (
            options[cls.visit_interval], options[cls.visit], options[cls.chat_interval]
        )  # fmt: skip
        say_s = rng.uniform(0.0, chat_interval.mean_s)
        meet_s = rng.uniform(0.0, visit_interval.mean_s)
        part_s = math.inf
        while True:
            if say_s <= min(meet_s, part_s):
                yield Intent(say_s, cls.say, rng.random())
                say_s += max(chat_interval.draw_s(rng), LEAST_GAP_S)
            elif meet_s <= part_s:
                if options[cls.whereabouts_share] and rng.random() < options[cls.whereabouts_share]:
                    yield Intent(meet_s, cls.choose_audience, rng.random())
                is_quarrel = options[cls.quarrel_share] and rng.random() < options[cls.quarrel_share]
                yield Intent(meet_s, cls.quarrel if is_quarrel else cls.meet, rng.random())
                part_s = meet_s + visit.draw_s(rng)
                meet_s = part_s + max(visit_interval.draw_s(rng), LEAST_GAP_S)
            else:
                yield Intent(part_s, cls.part)
                part_s = math.inf

    def end(self) -> None:
        if self.client.connection.is_connected:
            self.part(0.0, 0.0)
        super().end()

    # -- in the seat's greenlet -----------------------------------------------------------------------------------

    def say(self, at_s: float, choice: float) -> None:
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
            self.lines_said.add()

    def meet(self, at_s: float, choice: float) -> None:
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
        except ClientError:
            pass  # in Locust's table already, or an event; the plan goes on
        else:
            self._invite(api, token, party_id, user_id, at_s)
        # Beside the plan, whose lines and invitations are timed: where friends are, and who it is that was invited.
        self._answer(lambda api, token: api.friend_rooms(token))
        self._answer(lambda api, token: api.profile(token, user_id))

    def _invite(self, api: SocialApi, token: str, party_id: str, user_id: int, at_s: float) -> None:
        self._invited_s[party_id, user_id] = at_s
        try:
            api.invite_to_party(token, party_id, user_id=user_id)
        except ClientError:
            self._invited_s.pop((party_id, user_id), None)  # as above
        else:
            self.invitations.add()

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

    def quarrel(self, at_s: float, choice: float) -> None:
        """In place of a meeting. A user is reported once per session."""
        token = self.identity.token
        if token is None or not self._known:
            self.count("meetings without anybody to invite")
            return
        user_id = self._known[int(choice * len(self._known))]
        api = SocialApi(self.api.intended(at_s))
        if not self._has_made_up:
            for block in api.blocks(token).blocks:
                api.unblock(token, block.user_id)
            self._has_made_up = True
        if user_id not in self._reported:
            api.report(token, username=api.profile(token, user_id).username, text="A quarrel of the swarm.")
            self._reported.add(user_id)
            self.reports.add()
        self._blocked = user_id
        self._change(UserBlocked, lambda: api.block(token, user_id))
        self.blocks.add()

    def choose_audience(self, at_s: float, choice: float) -> None:
        token = self.identity.token
        if token is None:
            return
        others = [each for each in AUDIENCES if each != self._audience]
        audience, before = others[int(choice * len(others))], self._audience
        api = SocialApi(self.api.intended(at_s))
        if before is None:  # it may be no change, and then nobody is told
            api.show_whereabouts(token, to=audience)
        else:
            self._change(WhereaboutsChanged, lambda: api.show_whereabouts(token, to=audience))
        self._audience = audience
        self.audiences_chosen.add()

    def _change(self, told_by: type, change: Callable[[], object]) -> None:
        """Of which all sockets of this user that asked for ``own_changes`` should hear. Raises `ClientError`."""
        at_s = time.perf_counter()
        key = f"{self.user_id}/{at_s!r}"  # a number would come again in the next session of this player
        self._changes[told_by] = key
        try:
            change()
        except ClientError:
            self._changes.pop(told_by, None)
            raise
        self.own_change.announce(self.user_id, key, at_s=at_s, hears_itself=True)

    def _make_up(self) -> None:
        user_id, token = self._blocked, self.identity.token
        self._blocked = None
        if user_id is not None and token is not None:
            self._change(UserUnblocked, lambda: SocialApi(self.api).unblock(token, user_id))
            self.blocks_lifted.add()

    def part(self, at_s: float, choice: float) -> None:
        self._unless_refused(self._make_up)
        party_id, token = self.party_id, self.identity.token
        self.party_id = None
        self._invited_s.clear()
        if party_id is not None and token is not None:
            self._unless_refused(lambda: SocialApi(self.api).leave_party(token, party_id))

    # -- in the reader's greenlet ---------------------------------------------------------------------------------

    def _listen(self) -> None:
        super()._listen()
        if self.quarrel_share or self.whereabouts_share:
            self.client.connection.connection_established.connect(self._listen_to_itself)

    def _listen_to_itself(self) -> None:
        if Feature.OWN_CHANGES in self.client.connection.accepted_features:
            self._changes.clear()
            self.own_change.listen(self.user_id)

    @on(UserBlocked, UserUnblocked, WhereaboutsChanged)
    def on_own_change(self, told: UserBlocked | UserUnblocked | WhereaboutsChanged) -> None:
        key = self._changes.pop(type(told), None)
        if key is not None:  # else of another device
            self.own_change.heard(key)

    @on(PartyInvited)
    def on_invited(self, invited: PartyInvited) -> None:
        self._answer(lambda api, token: api.join_party(token, invited.party_id))

    @on(FriendRequested)
    def on_friend_requested(self, requested: FriendRequested) -> None:
        self._answer(lambda api, token: api.accept_friend(token, requested.request_id))

    @on(PartyJoined)
    def on_party_joined(self, joined: PartyJoined) -> None:
        if joined.user_id == self.user_id:
            self.party_id = joined.party_id
        elif (invited_s := self._invited_s.pop((joined.party_id, joined.user_id), None)) is not None:
            took_s = self.heard_s - invited_s
            self.joined.record(took_s)
            self.fire("party invitation", took_s, None)

    @on(PartyLeft)
    def on_party_left(self, left: PartyLeft) -> None:
        if left.user_id == self.user_id and left.party_id == self.party_id:
            self.party_id = None

    @on(messages.Error)
    def on_error(self, error: messages.Error) -> None:
        if error.reason in REFUSALS:
            self.count(f"lines refused: {error.reason.value}")

    @on(ChatMessage)
    def on_line(self, line: ChatMessage) -> None:
        said_s = self.swarm.marks.read(line.text)
        if said_s is None:
            return
        took_s = self.heard_s - said_s
        self.delivered.record(took_s)
        if line.from_user_id == self.user_id:
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

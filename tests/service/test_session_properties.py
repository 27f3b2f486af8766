"""Whatever a client sends and however time passes: what holds of every session, searched by a state machine."""

from __future__ import annotations

import json

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from lobby_server.protocol.codes import CloseCode, ErrorReason
from lobby_server.protocol.messages import CLIENT_MESSAGES
from lobby_server.service.session import MAX_HANDSHAKE_TRIES, Phase
from tests.service.stage import Stage

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
TYPES = st.sampled_from([*CLIENT_MESSAGES, "dance", ""])
FIELDS = st.sampled_from(["version", "name", "token", "features", "roomId", "text", "peerId", "other"])


class SessionMachine(RuleBasedStateMachine):
    """One client against one session."""

    def __init__(self) -> None:
        super().__init__()
        self.stage = Stage(command_rate_per_s=10.0, handshake_timeout_s=10.0)
        self.socket = self.stage.connect()
        self.opened_s = self.stage.clock.monotonic_s()
        self.is_gone = False

    def send(self, raw: bytes) -> None:
        phase, transport = self.socket.session.phase, self.socket.transport
        takes_replies = not transport.is_full and not transport.is_broken
        commands = len(self.stage.lobby.calls)
        replies = self.socket.say_raw(raw)
        ran = [call for call in self.stage.lobby.calls[commands:] if call not in ("accepted", "left", "lost")]
        if phase is Phase.CLOSED:
            assert not replies
            assert not ran
        elif not takes_replies:
            assert not replies or transport.closed is not None
        elif phase is Phase.WAITING and self.socket.session.phase is Phase.WAITING:
            assert len(replies) == 1  # a reply to its own message, and nothing of anybody else
            assert not ran
        else:
            direct = [reply for reply in replies if reply["type"] != "user_online"]
            assert len(direct) + len(ran) == 1 or transport.closed is not None
        for reply in replies:
            assert list(reply) == ["type", "data"]
            if reply["type"] == "error":
                ErrorReason(reply["data"]["reason"])

    # -- what may happen ------------------------------------------------------------------------------------------

    @rule(type_=TYPES, data=st.dictionaries(FIELDS, JSON, max_size=4) | JSON)
    def sends_a_message_of_some_shape(self, type_: str, data: object) -> None:
        self.send(json.dumps({"type": type_, "data": data}).encode())

    @rule(raw=st.binary(max_size=60))
    def sends_bytes(self, raw: bytes) -> None:
        self.send(raw)

    @rule(good=st.booleans(), features=st.none() | st.lists(st.sampled_from(["rev", "refresh", "drain"]), max_size=2))
    def shakes_hands(self, good: bool, features: list[str] | None) -> None:
        token = self.stage.token() if good else "x"
        data = {"version": "1", "name": "P", "token": token, "features": features}
        self.send(json.dumps({"type": "handshake", "data": data}).encode())

    @rule(seconds=st.floats(0.0, 30.0))
    def time_passes(self, seconds: float) -> None:
        self.stage.clock.advance(seconds)
        self.socket.transport.take()

    @rule(is_full=st.booleans())
    def socket_fills_up_or_has_room(self, is_full: bool) -> None:
        if is_full:
            self.socket.transport.is_full = True
        else:
            self.socket.transport.make_room()
            self.socket.transport.take()

    @rule()
    def socket_breaks(self) -> None:
        self.socket.transport.is_broken = True

    @precondition(lambda self: not self.is_gone)
    @rule(abrupt=st.booleans())
    def goes_away(self, abrupt: bool) -> None:
        self.is_gone = True
        self.socket.session.closed(abrupt=abrupt)

    # -- what always holds ----------------------------------------------------------------------------------------

    @invariant()
    def lobby_hears_of_it_once_and_of_its_end_once(self) -> None:
        calls = [call for call in self.stage.lobby.calls if call in ("accepted", "left", "lost")]
        phase = self.socket.session.phase
        if phase is Phase.WAITING:
            assert calls == []
        elif phase is Phase.ACCEPTED:
            assert calls == ["accepted"]
        else:
            assert len(calls) in (0, 2)
            assert calls[:1] in ([], ["accepted"])

    @invariant()
    def stranger_is_not_kept_for_ever(self) -> None:
        if self.socket.session.phase is Phase.WAITING:
            assert self.stage.clock.monotonic_s() - self.opened_s < 10.0
            assert self.stage.metrics.handshakes_refused.total() < MAX_HANDSHAKE_TRIES

    @invariant()
    def close_has_a_code_that_clients_know(self) -> None:
        if self.socket.transport.closed is not None:
            assert self.socket.session.phase is Phase.CLOSED
            CloseCode(self.socket.transport.closed.code)

    @invariant()
    def fanout_knows_the_accepted_and_nobody_else(self) -> None:
        assert len(self.stage.fanout) == (self.socket.session.phase is Phase.ACCEPTED)


TestSession = SessionMachine.TestCase
TestSession.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)

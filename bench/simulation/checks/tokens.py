"""What follows from the tokens that clients show: who is let in, when each is told that theirs ends, what a fresh one
is answered with, and when a socket is closed for it. Reckoned from what a client sends, beside the session, by the
clock of the node as it is at that moment: a step of the clock afterwards changes nothing. A machine that was suspended
knows that it was, and makes up for it at once; one that was paused does not.

No entry of the log says when a token ends, so this looks at each node as it speaks and closes. What was said is kept
with the connection (`Wire.due`), and once things are quiet its client has heard that, and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from math import inf
from typing import Any, cast

import msgspec

from bench.simulation.nodes.node import GRACE_S, WARNING_S
from bench.simulation.outside.issuing import Shown, read_token
from bench.simulation.outside.loop import NodeClock, ProcessLoop, World
from bench.simulation.outside.wire import Wire
from lobby_server.core.machine import effects
from lobby_server.core.machine.books import Books
from lobby_server.core.presence import User
from lobby_server.protocol.codes import CloseCode
from lobby_server.protocol.features import Feature
from lobby_server.protocol.message import ServerMessage
from lobby_server.protocol.messages import Handshake, Refresh, Refreshed, TokenExpiring, decode_client_message
from lobby_server.service.app import App
from lobby_server.service.peers.suspensions import LOOK_EVERY_S
from lobby_server.service.session import Session

OPENS = "a token lets in as long as it holds"
IN_TIME = "what is promised for a moment comes then"
OUTLIVES = "no socket outlives its token"
STAYS = "a socket stays as long as its token"
SIGNED_OUT = "who signs out has no socket"
RENEWS = "who renews their token stays"
GREETING = "the greeting comes first"
LOST, UNTRUE = "nothing is lost", "nothing is told that is not so"
STRANGE = "strangers and the blocked hear nothing"

OTHER_REASONS = ("signed out", "the account is deleted", "kicked:")
"""With which a socket is closed as one that is signed out, and not for the end of its token."""
ROUNDING_S = 1e-3
RENEWAL_S = 1.0
"""What a client needs at most, once things are calm, to ask for a fresh token and to show it."""
_TOLD = tuple(b'{"type":"%s"' % kind.TYPE.encode() for kind in (TokenExpiring, Refreshed))
_HEADER = 2
"""Bytes of a short frame before its payload."""


@dataclass
class _Lease:
    """A socket that is open, by the token that its client showed last."""

    wire: Wire
    clock: NodeClock
    books: Books
    user: User
    shown: Shown
    warns_s: float = inf
    """When the client is told that the token ends, in true time. Never: it did not ask for that, or was told."""
    ends_s: float = inf
    """When it ends, by the clock of its node."""
    warned_s: float = inf
    """When it was told of this token."""
    closes_s: float = inf
    """When the socket is closed, unless the client shows a fresh token."""
    noticed_s: float = -inf
    """By when the node has noticed that its machine was suspended, the last time."""


class TokenWatch:
    """Of one run."""

    def __init__(self, world: World, violated: Callable[[str, str], None]) -> None:
        self.calm_since_s = inf
        """Since when nothing breaks, and all clocks are right."""
        self._world = world
        self._violated = violated
        self._leases: dict[Session, _Lease] = {}
        self._read: dict[str, Shown] = {}
        self._shows: tuple[Session, Shown, bool, bool] | None = None
        """Who shows what now; whether it is one more, and whether it holds."""
        self._answer: Refreshed | None = None
        """That is due to them."""

    def watch_app(self, app: App) -> None:
        """A process is composed."""
        tell = app.fanout.tell

        def watched(subscriber: Session, frames: bytes, **how: Any) -> None:
            if frames.startswith(_TOLD, _HEADER):
                self.told(subscriber, _read_frame(frames))
            tell(subscriber, frames, **how)

        vars(app.fanout)["tell"] = watched
        hear, books = app.replica.hear, app.replica.books
        hear(effects.SignedOut, lambda effect, _: self._signed_out(books, (effect.token_id,)))
        hear(effects.TokensRevoked, lambda effect, _: self._signed_out(books, effect.keys))

    # -- what a client says ---------------------------------------------------------------------------------------

    def shows(self, app: App, session: Session, payload: bytes) -> None:
        """A message in which there is a token is about to be read."""
        message = decode_client_message(payload)
        if not isinstance(message, (Handshake, Refresh)) or not isinstance(message.token, str):
            return
        shown = self.read(message.token)
        is_more = isinstance(message, Refresh)
        now_s = app.clock.utc_now().timestamp()
        holds = _holds(shown, app.replica.books, now_s)
        if not is_more:
            wire, clock = cast(Wire, session.transport), cast(NodeClock, app.clock)
            self._leases[session] = _Lease(wire, clock, app.replica.books, shown.user, shown)
        else:
            lease = self._leases.get(session)
            asked = Feature.REFRESH in session.features and session.is_accepted
            holds = holds and asked and lease is not None and lease.user.id == shown.user.id
            self._answer = Refreshed(token_ttl_s=int(shown.ends_s - now_s)) if holds else None
        self._shows = session, shown, is_more, holds

    def has_shown(self, app: App, session: Session) -> None:
        """It was read, and answered."""
        if self._shows is None:
            return
        (_, shown, is_more, holds), self._shows = self._shows, None
        if is_more and self._answer is not None:
            self._violated(LOST, f"that the token of {shown.user.username} is refreshed")
        if not is_more and session.is_accepted != holds:
            how = "is not let in" if holds else "is let in"
            self._violated(OPENS, f"{shown.user.username} {how}, with a token that ends at {shown.ends_s:.3f}")
        if not session.is_accepted:
            self._leases.pop(session, None)
        elif is_more and holds:
            self._leases[session].shown = shown
            self._begin(session)

    def greeted(self, session: Session) -> None:
        """It hears all from now on, and what concerns its token is reckoned from here."""
        if session in self._leases:
            self._begin(session)

    def read(self, token: str) -> Shown:
        found = self._read.get(token)
        if found is None:
            found = self._read[token] = read_token(token)
        return found

    # -- what a node does -----------------------------------------------------------------------------------------

    def told(self, session: Session, message: ServerMessage) -> None:
        """A session is told something that concerns its token."""
        lease, now_s = self._leases.get(session), self._world.now_s
        is_right = False
        if lease is not None and lease.wire.accepted_at == ("", 0):
            self._violated(GREETING, f"{lease.user.username} is told {message} before it")
        if isinstance(message, TokenExpiring):
            if lease is not None and _is_time(lease, lease.warns_s, now_s):
                left_s = max(0.0, lease.ends_s - now_s)
                is_right = abs(message.in_s - left_s) <= 0.5 + ROUNDING_S
                lease.warns_s, lease.warned_s = inf, now_s
            elif lease is not None and lease.warns_s < inf and not self._is_for_another(session, message):
                off_s = now_s - lease.warns_s
                self._violated(IN_TIME, f"{lease.user.username} hears {message} {off_s:+.3f} s off its time")
                lease.warns_s, lease.warned_s = inf, now_s
                return
        elif self._answer is not None and self._shows is not None and self._shows[0] is session:
            is_right = message == self._answer
            self._answer = None
        if is_right and lease is not None:
            lease.wire.due.append((now_s, message))
        else:
            self._violated(STRANGE if self._is_for_another(session, message) else UNTRUE, f"{message}, to {session.id}")

    def closes(self, session: Session, code: int, reason: str) -> None:
        """A node closes a connection."""
        lease, now_s = self._leases.pop(session, None), self._world.now_s
        if lease is None or code != CloseCode.SIGNED_OUT:
            return
        name = lease.user.username
        if reason.startswith(OTHER_REASONS):
            if reason == OTHER_REASONS[0] and lease.books.revoked.keys().isdisjoint(lease.shown.keys):
                self._violated(STAYS, f"{name} is signed out, and nobody has signed out {lease.shown.keys}")
        elif not _is_time(lease, lease.closes_s, now_s):
            self._violated(STAYS, f"{name} is closed for the end of a token, {lease.closes_s - now_s:+.3f} s before it")
        elif lease.wire.renews and lease.warned_s > self.calm_since_s and _could_renew(lease):
            self._violated(RENEWS, f"{name} was told in time that the token ends, and is closed for that")

    def look(self) -> None:
        """Whether anything is overdue."""
        now_s = self._world.now_s
        for session, lease in list(self._leases.items()):
            loop = lease.clock.loop
            if not session.is_accepted or loop.is_ended:
                del self._leases[session]
            elif loop.is_standing:
                continue
            elif now_s > _latest_s(lease, lease.closes_s):
                self._violated(OUTLIVES, f"{lease.user.username}, {now_s - lease.closes_s:.3f} s after it was to close")
            elif now_s > _latest_s(lease, lease.warns_s):
                self._violated(LOST, f"that the token of {lease.user.username} ends at {lease.ends_s:.3f}")

    def stood(self, loop: ProcessLoop, for_s: float) -> None:
        """The timers of a node stood still. Where no clock of its machine went on, what it has promised for a moment
        comes as much later."""
        for lease in self._leases.values():
            if lease.clock.loop is loop and not loop.is_paused:
                lease.noticed_s = self._world.now_s + LOOK_EVERY_S
            elif lease.clock.loop is loop:
                lease.warns_s, lease.ends_s, lease.closes_s = (
                    lease.warns_s + for_s, lease.ends_s + for_s, lease.closes_s + for_s
                )  # fmt: skip

    def forget(self) -> None:
        """The run is over."""
        self._leases.clear()

    # -- private --------------------------------------------------------------------------------------------------

    def _begin(self, session: Session) -> None:
        lease, now_s = self._leases[session], self._world.now_s
        left_s = lease.shown.ends_s - lease.clock.utc_now().timestamp()
        lease.ends_s = now_s + left_s
        if session.features:
            lease.closes_s = max(now_s, lease.ends_s + GRACE_S)  # the clock may have been set as it waited
        if Feature.REFRESH in session.features:
            warning_s = min(WARNING_S, left_s / 2) if left_s > 0.0 else left_s
            lease.warns_s, lease.warned_s = lease.ends_s - warning_s, inf

    def _signed_out(self, books: Books, keys: Collection[str]) -> None:
        """A node has heard that tokens hold no more, or whole sign-ins."""
        for session, lease in self._leases.items():
            if lease.books is books and session.is_accepted and any(key in keys for key in lease.shown.keys):
                self._violated(SIGNED_OUT, f"{lease.user.username}, with token {lease.shown.keys}")

    def _is_for_another(self, session: Session, message: ServerMessage) -> bool:
        """Whether it is due to somebody else at this moment."""
        now_s = self._world.now_s
        if isinstance(message, Refreshed):
            return self._shows is not None and self._shows[0] is not session and self._shows[2]
        moments = [
            moment for other, each in self._leases.items() if other is not session
            for moment in (each.warns_s, each.warned_s) if moment < inf and _is_time(each, moment, now_s)
        ]  # fmt: skip
        return bool(moments)


def _is_time(lease: _Lease, due_s: float, now_s: float) -> bool:
    """Whether something comes at its moment."""
    return due_s - ROUNDING_S <= now_s <= _latest_s(lease, due_s)


def _latest_s(lease: _Lease, due_s: float) -> float:
    """By when something is done that is due at a moment: at that moment; a process that stood still then does it as it
    goes on, and one whose machine was suspended as it notices."""
    return max(due_s, lease.clock.loop.thawed_at_s, lease.noticed_s) + ROUNDING_S


def _could_renew(lease: _Lease) -> bool:
    """Whether a client that was told of the end heard it, and had the time for a call and a message."""
    lanes = (lease.wire.lane_out, lease.wire.lane_in)
    return lease.ends_s - lease.warned_s >= RENEWAL_S and not any(lane.is_cut for lane in lanes)


def _holds(shown: Shown, books: Books, now_s: float) -> bool:
    ban = books.user_bans.get(shown.user.id)
    is_banned = ban is not None and (ban.until_s is None or ban.until_s > now_s)
    is_over = shown.ends_s <= now_s or not books.revoked.keys().isdisjoint(shown.keys)
    return not is_banned and not is_over and not books.deleted.has(shown.user)


def _read_frame(frame: bytes) -> ServerMessage:
    said = msgspec.json.decode(frame[_HEADER:])
    kind = TokenExpiring if said["type"] == TokenExpiring.TYPE else Refreshed
    return msgspec.convert(said["data"], kind)

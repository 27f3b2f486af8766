"""Whether a connection has heard what was promised: all of it, once, in its order, as it is, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from bench.simulation.checks.branches import Place
from bench.simulation.checks.promises.ledger import MATTERS, Ledger
from bench.simulation.checks.promises.push import Due, Push
from bench.simulation.clients.views import Heard
from lobby_server.protocol import messages
from lobby_server.protocol.features import Feature
from lobby_server.protocol.message import ServerMessage

Promise = tuple[Place, Push]
_Awaited = tuple[ServerMessage, bool]
"""A message, and whether it has to be heard."""
_OF_FRIENDS = (messages.UserOnline, messages.UserOffline)
"""Whoever asked for presence of friends hears theirs one by one, whatever else it asked for."""


def faults(
    heard: Heard, promised: Sequence[Promise], ledger: Ledger, *, is_open: bool, to_others: Sequence[Promise] = ()
) -> Iterator[tuple[str, str]]:
    """Invariant, and how it is violated. `promised`: to its user, in the log in which its node stood; `to_others`: to
    anybody there. `is_open`: it has heard all; otherwise it has to the moment of its end, which may be any."""
    yield from _unasked(heard)
    awaited: dict[str, list[_Awaited]] = {}
    since, until = heard.accepted_at[1], heard.silent_at[1] if heard.silent_at is not None else None
    for place, push in promised:
        if place[1] >= since and push.is_for(heard):
            is_due = place[1] > since and (until is None or place[1] <= until) and _is_due(push, place, heard, ledger)
            awaited.setdefault(MATTERS[type(push.message)], []).append((push.message, is_due))
    told: dict[str, list[ServerMessage]] = {}
    for message in heard.pushes:
        told.setdefault(MATTERS[type(message)], []).append(message)
    for matter in dict.fromkeys((*told, *awaited)):
        here, expected = told.get(matter, []), awaited.get(matter, [])
        if not _agree(here, expected, is_open=is_open):
            yield _blame(matter, here, expected, [*promised, *to_others], is_open=is_open)


def _is_due(push: Push, place: Place, heard: Heard, ledger: Ledger) -> bool:
    if push.due is Due.OTHERS:
        return not ledger.has_asked(place, heard.wire)
    if push.due is Due.ARRIVED:
        return heard.arrived_at is not None and place[1] > heard.arrived_at[1]
    return push.due is Due.ALL


def _unasked(heard: Heard) -> Iterator[tuple[str, str]]:
    """Messages of features that the client did not ask for, and those of the base protocol in whose place it did."""
    features = {Feature(name) for name in heard.features}
    for kind in sorted(heard.kinds, key=lambda each: each.__name__):
        instead = _INSTEAD.get(kind, frozenset())
        if kind in _OF_FRIENDS and Feature.PRESENCE_FRIENDS in features:
            instead = frozenset()
        if (kind.FEATURES and features.isdisjoint(kind.FEATURES)) or not features.isdisjoint(instead):
            asked = ", ".join(sorted(heard.features)) or "nothing"
            yield "strangers and the blocked hear nothing", f"{kind.__name__}, by a client that asked for {asked}"


_INSTEAD: dict[type[ServerMessage], frozenset[Feature]] = {
    messages.RoomsChanged: frozenset({Feature.REV, Feature.ROOMS_DELTA}),
    messages.RoomsChangedRev: frozenset({Feature.ROOMS_DELTA}),
    messages.PresenceChanged: frozenset({Feature.PRESENCE_FRIENDS}),
    messages.UserOnline: frozenset({Feature.PRESENCE_BATCH}),
    messages.UserOffline: frozenset({Feature.PRESENCE_BATCH}),
}
"""Whoever asked for one of these hears of it in another way."""


def _agree(told: Sequence[ServerMessage], awaited: Sequence[_Awaited], *, is_open: bool) -> bool:
    """Whether what was told is a way through what was awaited that leaves out nothing that is due; up to some place, of
    a connection that is over."""
    ways, whole = {0}, len(told)
    if not is_open and not whole:
        return True
    for message, is_due in awaited:
        further = {way + 1 for way in ways if way < whole and told[way] == message}
        ways = further if is_due else ways | further
        if not is_open and whole in ways:
            return True
        if not ways:
            return False
    return whole in ways


def _blame(
    matter: str,
    told: Sequence[ServerMessage],
    awaited: Sequence[_Awaited],
    promised: Sequence[Promise],
    *,
    is_open: bool,
) -> tuple[str, str]:
    """What is wrong with what was told, in one word."""
    expected = [message for message, _ in awaited]
    for message in told:
        if message not in expected:
            if any(push.message == message for _, push in promised):
                return "strangers and the blocked hear nothing", f"of {matter}: {message} was for others"
            return "nothing is told that is not so", f"of {matter}: {message}"
    due = [message for message, is_due in awaited if is_due]
    if is_open:
        for message in due:
            if told.count(message) < due.count(message):
                return "nothing is lost", f"of {matter}: {message}"
    for message in told:
        if told.count(message) > expected.count(message):
            return "nothing is heard twice", f"of {matter}: {message}"
    if _is_part(told, expected):
        return "nothing is lost", f"of {matter}, before {told[-1]}: {_short(told)} of {_short(expected)}"
    return "all hear one order", f"of {matter}: {_short(told)}, and it was {_short(expected)}"


def _is_part(told: Sequence[ServerMessage], expected: Sequence[ServerMessage]) -> bool:
    """Whether it is what was expected, with gaps."""
    rest = iter(expected)
    return all(any(message == each for each in rest) for message in told)


def _short(told: Sequence[ServerMessage]) -> str:
    """The last of it."""
    counted = [(name, len(list(equal))) for name, equal in groupby(message.TYPE for message in told[-12:])]
    return f"[{', '.join(name if many == 1 else f'{name} x {many}' for name, many in counted)}]"

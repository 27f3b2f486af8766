"""What was heard on each connection: everything that concerns it, once, in the one order, and nothing else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Generic, TypeVar

from bench.simulation.checks.branches import Path, lies_on
from bench.simulation.checks.history import History, Line
from bench.simulation.checks.promises import kept
from bench.simulation.clients.player import Player
from bench.simulation.clients.views import Heard
from lobby_server.protocol.codes import CloseCode
from lobby_server.protocol.features import Feature
from lobby_server.service import drain

_Key = TypeVar("_Key")
_COUNTED = frozenset({Feature.PLAYER_COUNT.value, Feature.PRESENCE_FRIENDS.value})
_NOT_SINGLE = frozenset({Feature.PRESENCE_BATCH.value, Feature.PRESENCE_FRIENDS.value})


def faults(players: Sequence[Player], history: History, *, epoch: str) -> Iterator[tuple[str, str]]:
    """Invariant, and how it is violated. `epoch`: of the log as it is now. A connection that is open is compared with
    that log; one that is over with any that goes through the place at which it began: its node may have stood in one
    that is gone."""
    names = {player.user.id: player.user.username for player in players}
    truths = _Truths(history, names)
    for player in players:
        for number, heard in enumerate(player.heard):
            for invariant, how in _greeting_and_names(heard, names):
                yield invariant, f"{player.name}, connection {number + 1}: {how}"
            is_open = heard.is_live and number == len(player.heard) - 1
            paths = [history.branches.path(epoch)] if is_open else history.branches.paths_through(heard.accepted_at)
            found: list[tuple[str, str]] = []
            for path in reversed(paths):
                faults_here = list(_of_connection(heard, truths.of(path), is_open=is_open, is_slow=player.is_slow))
                found = found or faults_here  # what is said of it is said of the newest log
                if not faults_here:
                    found = []
                    break
            for invariant, how in found:
                yield invariant, f"{player.name}, connection {number + 1}: {how}"


def repeated(players: Sequence[Player]) -> Iterator[tuple[str, str]]:
    """What no connection hears, whatever else has come about: of one user, twice in a row that they are online, or
    offline."""
    for player in players:
        for number, heard in enumerate(player.heard):
            by_user = {user_id: list(told) for user_id, told in heard.batches.items()}
            if not player.is_slow and not heard.features & _NOT_SINGLE:
                for user_id, is_online in heard.presence:
                    by_user.setdefault(user_id, []).append(is_online)
            for user_id, told in by_user.items():
                if any(one == next_one for one, next_one in pairwise(told)):
                    states = " ".join("online" if is_online else "offline" for is_online in told)
                    how = f"{player.name}, connection {number + 1}: user {user_id} is {states}"
                    yield "nothing is heard twice", how


def out_of_turn(players: Sequence[Player]) -> Iterator[tuple[str, str]]:
    """Where nothing breaks, a connection that brings its user online hears so before anything else of who is online."""
    for player in players:
        for number, heard in enumerate(player.heard):
            if (heard.user_id, True) in heard.presence[1:]:
                how = f"{player.name}, connection {number + 1}, of who is online: {heard.presence[:8]}"
                yield "newcomers hear of themselves first", how


class _Truth:
    """The account of one log, as every connection is compared with it."""

    def __init__(self, history: History, path: Path, user_ids: Iterable[int]) -> None:
        chat = [(line_id, line) for line_id, line in history.chat if lies_on(path, line.place)]
        self.room = _Lines("room", [(text, line) for text, line in history.room_lines if lies_on(path, line.place)])
        self.chat = _Lines("chat", chat)
        announced = [(key, line) for key, line in history.announcements if lies_on(path, line.place)]
        self.announcements = _Lines("announcement", announced)
        self.of_lobby = {line_id for line_id, line in chat if line.heard_by is None}
        self.chat_without_lobby = _Lines("chat", [each for each in chat if each[1].heard_by is not None])
        told = zip(history.presence, history.presence_places, strict=True)
        here = [(event, place) for event, place in told if lies_on(path, place)]
        self.ledger = history.promises
        self.promised = list(history.promises.of(path))
        self.promised_to: dict[int, list[kept.Promise]] = {user_id: [] for user_id in user_ids}
        for promise in self.promised:
            hearers = promise[1].user_ids
            for user_id in self.promised_to if hearers is None else hearers & self.promised_to.keys():
                self.promised_to[user_id].append(promise)
        self.presence = [event for event, _ in here]
        self.presence_numbers = [number for _, (_, number) in here]
        self.places: dict[tuple[int, bool], list[int]] = {}
        """Where each event of presence stands."""
        for place, event in enumerate(self.presence):
            self.places.setdefault(event, []).append(place)


class _Truths:
    """Of each log, made when it is asked for."""

    def __init__(self, history: History, user_ids: Iterable[int]) -> None:
        """`user_ids`: of those who play."""
        self._history = history
        self._user_ids = tuple(user_ids)
        self._made: dict[tuple[tuple[str, float], ...], _Truth] = {}

    def of(self, path: Path) -> _Truth:
        key = tuple(path.items())
        found = self._made.get(key)
        if found is None:
            found = self._made[key] = _Truth(self._history, path, self._user_ids)
        return found


class _Lines(Generic[_Key]):
    """Lines of one kind, in the one order."""

    def __init__(self, what: str, lines: Sequence[tuple[_Key, Line]]) -> None:
        self.what = what
        self.lines = dict(lines)
        self.order = {key: place for place, key in enumerate(self.lines)}


def _of_connection(heard: Heard, truth: _Truth, *, is_open: bool, is_slow: bool) -> Iterator[tuple[str, str]]:
    yield from _lines(heard, truth.room, heard.room_lines, is_open=is_open)
    yield from _lines(heard, truth.announcements, heard.announcements, is_open=is_open)
    if heard.features:
        yield from _lines(heard, truth.chat, [line.id for line in heard.chat], is_open=is_open)
    else:  # the lobby's lines come to it once its user has said one
        told = [line.id for line in heard.chat if line.id not in truth.of_lobby]
        yield from _lines(heard, truth.chat_without_lobby, told, is_open=is_open)
    if not heard.features & _NOT_SINGLE and not is_slow:
        yield from _presence(heard, truth, is_open=is_open)
    if is_open and heard.features & _NOT_SINGLE == {Feature.PRESENCE_BATCH.value}:
        yield from _batches(heard, truth)
    promised = truth.promised_to[heard.user_id]
    yield from kept.faults(heard, promised, truth.ledger, is_open=is_open, to_others=truth.promised)
    if is_open and not heard.features.isdisjoint(_COUNTED):
        yield from _count(heard, truth)
    yield from _end(heard)
    yield from _of_token(heard, is_open=is_open)


def _lines(heard: Heard, truth: _Lines[_Key], told: Sequence[_Key], *, is_open: bool) -> Iterator[tuple[str, str]]:
    what, lines, order = truth.what, truth.lines, truth.order
    places = []
    for key in told:
        line = lines.get(key)
        if line is None:
            yield "nothing is told that is not so", f"{what} line {key}, which was never said"
            return
        if not line.is_for(heard.user_id):
            yield "strangers and the blocked hear nothing", f"{what} line {key} was not for user {heard.user_id}"
        places.append(order[key])
    if len(set(places)) < len(places):
        yield "nothing is heard twice", f"{what} lines {_doubled(told)}"
    elif places != sorted(places):
        yield (
            "all hear one order",
            f"{what} lines {list(told)}, said in the order {sorted(told, key=order.__getitem__)}",
        )
    if is_open:
        due = {
            key for key, line in lines.items() if line.place[1] > heard.accepted_at[1] and line.is_for(heard.user_id)
        }
        if missing := due.difference(told):
            yield "nothing is lost", f"{what} lines {sorted(missing, key=order.__getitem__)}"


def _presence(heard: Heard, truth: _Truth, *, is_open: bool) -> Iterator[tuple[str, str]]:
    """A piece of the one order, without a gap; to its end, where the connection is open."""
    told, whole = heard.presence, truth.presence
    if is_open:
        if whole[len(whole) - len(told) :] != told:
            yield "all hear one order", f"of who is online: {told[-8:]}, and it was {whole[-8:]}"
        due = sum(number > heard.accepted_at[1] for number in truth.presence_numbers)
        if len(told) < due:
            yield "nothing is lost", f"{due - len(told)} events of who is online"
    elif told and not any(whole[at : at + len(told)] == told for at in truth.places.get(told[0], ())):
        yield "all hear one order", f"of who is online: {told}, and it was {whole}"


def _batches(heard: Heard, truth: _Truth) -> Iterator[tuple[str, str]]:
    """Every change of every user, though not in one order."""
    due = Counter(
        user_id
        for (user_id, _), number in zip(truth.presence, truth.presence_numbers, strict=True)
        if number > heard.accepted_at[1]
    )
    for user_id, changes in due.items():
        told = heard.batches.get(user_id, [])
        if len(told) < changes:
            yield "nothing is lost", f"{changes - len(told)} changes of user {user_id}"


def _count(heard: Heard, truth: _Truth) -> Iterator[tuple[str, str]]:
    """How many users are online, once that has changed."""
    if heard.online is None:
        if truth.presence_numbers and truth.presence_numbers[-1] > heard.accepted_at[1]:
            yield "nothing is lost", "how many users are online"
        return
    last: dict[int, bool] = dict(truth.presence)
    if heard.online != (online := sum(last.values())):
        yield "nothing is told that is not so", f"{heard.online} users are online, and it is {online}"


def _end(heard: Heard) -> Iterator[tuple[str, str]]:
    """Whoever asked for it hears of a drain, and when to come back, before their connection is closed for it."""
    ended = None if heard.wire is None else heard.wire.ended
    is_drained = ended == (CloseCode.SERVICE_RESTART, drain.REASON)
    is_told = heard.reconnect_after_ms is not None or heard.has_left
    if is_drained and Feature.DRAIN.value in heard.features and not is_told:
        yield "nothing is lost", "that the node ends, and when to come back"
    if heard.reconnect_after_ms is not None:
        if ended is not None and ended[0] is not None and not is_drained:
            yield "nothing is told that is not so", f"that the node ends; the connection ended with {ended}"
        if heard.reconnect_after_ms < drain.RECONNECT_AFTER_MS:
            yield "nothing is told that is not so", f"to come back after {heard.reconnect_after_ms} ms"


def _of_token(heard: Heard, *, is_open: bool) -> Iterator[tuple[str, str]]:
    """What its node has said of its tokens, as it was to, and nothing else."""
    told, due = heard.of_token, [] if heard.wire is None else [message for _, message in heard.wire.due]
    if told != due[: len(told)]:
        yield "nothing is told that is not so", f"of its token: {told}, and it was {due}"
    elif is_open and len(told) < len(due):
        yield "nothing is lost", f"of its token: {due[len(told)]}"


def _greeting_and_names(heard: Heard, names: dict[int, str]) -> Iterator[tuple[str, str]]:
    """Who the client is, by its greeting, and what others are called."""
    greeting = heard.greeting
    if greeting is not None and (
        (greeting.user_id, greeting.username) != (heard.user_id, names[heard.user_id])
        or frozenset(greeting.features or ()) != heard.features
    ):
        yield "nothing is told that is not so", f"{greeting}, to user {heard.user_id}"
    for user_id, name in sorted(heard.names):
        if names.get(user_id, name) != name:
            yield "nothing is told that is not so", f"user {user_id} is called {name}"


def _doubled(told: Sequence[_Key]) -> list[_Key]:
    return [key for number, key in enumerate(told) if key in told[:number]]

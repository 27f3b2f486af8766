"""A scene of three players who do as they are told, and remember what they were asked to do."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace
from typing import Any

from bench.simulation.clients.deeds import Scene
from bench.simulation.clients.doing import DRAWN
from bench.simulation.nodes.calls import Answer
from loadtest.client.errors import NotConnected

GOOD = Answer(200, SimpleNamespace(id="new"))


class Connection:
    version = "1"

    def __init__(self) -> None:
        self.done: list[Any] = []
        self.is_there = self.is_connected = True
        self.accepted_features: set[Any] = set()

    def _do(self, *what: Any) -> None:
        if not self.is_there:
            raise NotConnected("the deed")
        self.done.append(what[0] if len(what) == 1 else what)

    def send(self, message: Any) -> None:
        self._do(message)

    def leave_room(self) -> None:
        self._do("leave")

    def create_room(self) -> None:
        self._do("enter own room")

    def chat(self, text: str) -> None:
        self._do("say", text)

    def kick(self, peer_id: int) -> None:
        self._do("kick", peer_id)

    def drop_connection(self) -> None:
        self._do("drop")

    def disconnect_from_server(self) -> None:
        self._do("disconnect")


class Account:
    first_token = "first"

    def __init__(self) -> None:
        self.log_in: Any = None
        self.ends: list[tuple[Any, dict[str, bool]]] = []
        self.renewals = 0
        self.fault: Exception | None = None

    def lets_end(self, log_in: Any, **how: bool) -> None:
        self.ends.append((log_in, how))

    def refresh(self) -> None:
        self.renewals += 1
        if self.fault is not None:
            raise self.fault


class Player:
    """As far as deeds know one."""

    def __init__(self, number: int, name: str) -> None:
        self.user = SimpleNamespace(id=number, username=name)
        self.name, self.token, self.refused = name, "old", "no"
        self.connection, self.account = Connection(), Account()
        self.logins = 0
        self.rooms: tuple[Any, ...] = ()
        self.room: Any = None
        self.friends: Any = None
        self.party: Any = None
        self.invitations: dict[str, set[int]] = {}
        self.notifications: list[int] = []
        self.features: frozenset[Any] = frozenset()
        self.answer = GOOD
        self.asked: list[tuple[Any, ...]] = []
        self.looks = self.doubts = 0
        self.later: list[float] = []
        self.acts: list[Any] = []
        """What is to be done later, in the order in which it was put off."""
        self.is_wanted, self.is_patient, self.is_gone = True, False, False
        self.network = SimpleNamespace(ask=self._command)
        self.commanded: list[tuple[Any, ...]] = []
        """What an administrator at this device has asked for."""
        self.world = SimpleNamespace(now_s=5.0, call_later=self._put_off)

    def ask(self, what: str, *arguments: Any) -> Answer:
        self.asked.append((what, *arguments))
        return self.answer

    def _command(self, asked: Any) -> Answer:
        assert asked.token == "the operator's"
        self.commanded.append((asked.what, *asked.arguments))
        return self.answer

    def log_in_again(self) -> None:
        self.logins += 1

    def comes_back(self) -> None:
        self.is_patient = True

    def leaves_for_ever(self) -> None:
        self.is_gone = True

    def _put_off(self, in_s: float, act: Any) -> None:
        self.later.append(in_s)
        self.acts.append(act)

    def do_later(self) -> None:
        """What was put off."""
        for act in self.acts:
            act()

    def look(self) -> None:
        self.looks += 1

    def doubt(self) -> None:
        self.doubts += 1

    def asks_room(self) -> None:
        pass

    def left_room(self) -> None:
        self.room = None

    def do(self, act: Any) -> None:
        act()

    def connect(self) -> None:
        self.is_wanted = True

    def disconnect(self) -> None:
        self.is_wanted = False


class Stage:
    """Ann, who acts, Bob, and Ann's second device."""

    def __init__(self) -> None:
        self.ann, self.bob, self.second = Player(1, "ann"), Player(2, "bob"), Player(1, "ann-2")
        self.answers: list[tuple[Any, ...]] = []
        self.scene = Scene(
            [self.ann, self.bob, self.second],  # type: ignore[list-item]
            answered=lambda player, token, what, arguments, answer, began_s: self.answers.append(
                (player.name, what, arguments, answer.status, began_s)
            ),
            new_token=lambda player: f"new of {player.name}",
            new_brief_token=lambda player, ttl_s, has_sign_in: f"{player.name}'s for {ttl_s} s, {has_sign_in}",
            note=lambda who, what: None, asked_to_join=Counter(), operator_token="the operator's",
        )  # fmt: skip

    def do(self, what: str, a: int = 0, b: int = 0) -> list[tuple[Any, ...]]:
        """By Ann; what she asked for."""
        DRAWN[what][0](self.scene, self.ann, a, b)  # type: ignore[arg-type]
        return self.ann.asked


def a_room(room_id: str = "r1", *, peer_id: int = 1, host: int = 1, members: tuple[int, ...] = (1, 2, 3)) -> Any:
    names = {each: f"peer {each}" for each in members}
    return SimpleNamespace(room_id=room_id, peer_id=peer_id, host_peer_id=host, members=names)


def of_party(*members: int, invites: tuple[str, ...] = ()) -> Any:
    party = SimpleNamespace(id="p1", members=[SimpleNamespace(user_id=each) for each in members]) if members else None
    return SimpleNamespace(party=party, invites=[SimpleNamespace(party_id=each) for each in invites])

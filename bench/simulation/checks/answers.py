"""What was answered is so, and stays so until something ends it. An answer counts when no other call about the same
matter was under way with it or came after it: otherwise nobody can say which of the two came first.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import inf
from typing import Any

from bench.simulation.checks.history import History
from bench.simulation.nodes.calls import Answer
from bench.simulation.outside.store import Database
from lobby_server.core.machine.books import Books

_OF_PAIR = frozenset({"ask_friend", "accept_friend", "decline_friend", "remove_friend", "block", "unblock"})


@dataclass(frozen=True)
class _Said:
    """One call about two users. `end_s`: of the answer, or never where it is not known what became of it."""

    began_s: float
    end_s: float
    what: str
    user_id: int
    other_id: int
    answer: Answer


class Answers:
    """The account of a run."""

    def __init__(self, history: History, database: Database) -> None:
        self._history = history
        self._database = database
        self._of_pairs: dict[tuple[int, int], list[_Said]] = {}
        self._rooms: dict[str, str] = {}
        self._deleted: dict[str, str] = {}
        self._signed_out: list[str] = []
        self.rooms_in_doubt: set[str] = set()
        """Rooms into which somebody was invited, or was not, and nobody knows."""
        self.pairs_in_doubt: set[tuple[int, int]] = set()
        """Two users, one of whom does not know what became of a call about the other: the database may have it, and
        the state takes it up with the next start."""

    def take(
        self, who: str, user_id: int, token_id: str, what: str, arguments: tuple[Any, ...], answer: Answer,
        *, began_s: float, now_s: float,
    ) -> str | None:  # fmt: skip
        """Note an answer. What is wrong with it already; None: nothing."""
        if what in _OF_PAIR:
            self._note_pair(user_id, what, arguments[0], answer, began_s, now_s)
        if answer.status in (0, 503):
            self._doubt(what, arguments)
        if not answer.is_good:
            return None
        if what == "create_room":
            self._rooms[answer.body.id] = who
            if answer.body.id not in self._history.rooms_made:
                return f"{who} was told of room {answer.body.id}, which is not in the log"
        elif what == "delete_room":
            if arguments[0] in self._deleted:
                return f"{who} was told that room {arguments[0]} is deleted, and so was {self._deleted[arguments[0]]}"
            self._deleted[arguments[0]] = who
            if arguments[0] not in self._history.rooms_ended:
                return f"{who} was told that room {arguments[0]} is deleted, and it is not"
        elif what == "sign_out":
            self._signed_out.append(token_id)
        return None

    @property
    def rooms_made(self) -> int:
        """How many rooms were answered for."""
        return len(self._rooms)

    def faults(self, books: Books) -> Iterator[str]:
        """What is not so any more, of what was answered."""
        kept = self._database.kept_rooms()
        for room_id, who in self._rooms.items():
            if room_id not in self._history.rooms_ended and books.rooms.get(room_id) is None:
                yield f"{who} was told of room {room_id}, which is gone, and nobody has ended it"
        for room_id, who in self._deleted.items():
            if books.rooms.get(room_id) is not None or room_id in kept:
                yield f"{who} was told that room {room_id} is deleted, and it is there"
        for token_id in self._signed_out:
            if token_id not in books.revoked or not self._database.is_revoked(token_id):
                yield f"token {token_id} was signed out, and holds"
        for said in self._of_pairs.values():
            last = max(said, key=lambda each: each.began_s)
            if last.answer.is_good and not any(each.end_s > last.began_s for each in said if each is not last):
                yield from self._pair_faults(last, books)

    # -- private --------------------------------------------------------------------------------------------------

    def _doubt(self, what: str, arguments: tuple[Any, ...]) -> None:
        if what in ("invite_to_room", "decline_room"):
            self.rooms_in_doubt.add(arguments[0])

    def _note_pair(self, user_id: int, what: str, argument: int, answer: Answer, began_s: float, now_s: float) -> None:
        other_id = argument
        if what in ("accept_friend", "decline_friend"):
            sender_id, receiver_id = self._database.requests_made[argument]
            other_id = sender_id if receiver_id == user_id else receiver_id
        pair = (min(user_id, other_id), max(user_id, other_id))
        end_s = now_s
        if answer.status in (0, 503):
            end_s = inf
            self.pairs_in_doubt.update((pair, pair[::-1]))
        said = _Said(began_s, end_s, what, user_id, other_id, answer)
        self._of_pairs.setdefault(pair, []).append(said)

    def _pair_faults(self, last: _Said, books: Books) -> Iterator[str]:
        user_id, other_id, what = last.user_id, last.other_id, last.what
        are_friends = books.friends.are_friends(user_id, other_id)
        are_kept = (user_id, other_id) in self._database.kept_friends()
        told = f"user {user_id} was answered {what} about {other_id}, and"
        if what == "block" and not (
            books.blocks.blocks(user_id, other_id) and (user_id, other_id) in self._database.kept_blocks()
        ):
            yield f"{told} does not block them"
        if what == "unblock" and (
            books.blocks.blocks(user_id, other_id) or (user_id, other_id) in self._database.kept_blocks()
        ):
            yield f"{told} blocks them"
        if what in ("block", "remove_friend") and (are_friends or are_kept):
            yield f"{told} they are friends"
        if what == "accept_friend" and not (are_friends and are_kept):
            yield f"{told} they are no friends"
        if what == "ask_friend" and not are_friends and books.friends.request_between(user_id, other_id) is None:
            yield f"{told} nothing is asked"

"""What was answered is so, and stays so until something ends it. An answer counts when no other call about the same
matter was under way with it or came after it: otherwise nobody can say which of the two came first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import inf
from typing import Any

from bench.simulation.checks.branches import Path, Place, lies_on
from bench.simulation.checks.history import History
from bench.simulation.checks.limits import Limits
from bench.simulation.nodes.calls import Answer
from bench.simulation.outside.store import Database
from lobby_server.core.machine.books import Books
from lobby_server.protocol.requests import DEFAULT_AUDIENCE

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

    def __init__(self, history: History, database: Database, limits: Limits) -> None:
        self.limits = limits
        self.users_leaving: set[int] = set()
        """Who have asked for the end of their account: what is between them and others ends, at some moment."""
        self._users_gone: dict[int, float] = {}
        """Whose account is deleted, and when the call began that says so."""
        self._audiences: dict[int, list[_Said]] = {}
        self._history = history
        self._database = database
        self._of_pairs: dict[tuple[int, int], list[_Said]] = {}
        self._rooms: dict[str, str] = {}
        self._deleted: dict[str, str] = {}
        self._signed_out: list[str] = []
        self.rooms_maybe_gone: set[str] = set()
        """Rooms that the database may have deleted, and a lobby that begins anew does not have."""

    def take(
        self, who: str, user_id: int, token_id: str, what: str, arguments: tuple[Any, ...], answer: Answer,
        *, began_s: float, now_s: float,
    ) -> str | None:  # fmt: skip
        """Note an answer. What is wrong with it already; None: nothing."""
        if what == "delete_account":
            self.users_leaving.add(user_id)
            if answer.is_good:
                self._users_gone.setdefault(user_id, began_s)
        if what == "choose_audience":
            end_s = inf if answer.status in (0, 503) else now_s
            said = _Said(began_s, end_s, arguments[0], user_id, user_id, answer)
            self._audiences.setdefault(user_id, []).append(said)
        if what == "knock" and answer.is_good and (fault := self.limits.take(user_id, answer.body, at_s=now_s)):
            return fault
        if what in _OF_PAIR:
            self._note_pair(user_id, what, arguments[0], answer, began_s, now_s)
        if answer.status in (0, 503) and what in ("delete_room", "close_room"):
            self.rooms_maybe_gone.add(arguments[0])
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
            if token_id not in self._history.signed_out:
                return f"{who} was told that token {token_id} is signed out, and the log is not"
        return None

    @property
    def rooms_made(self) -> int:
        """How many rooms were answered for."""
        return len(self._rooms)

    def faults(self, books: Books, *, epoch: str) -> Iterator[str]:
        """What is not so any more, of what was answered. `epoch`: of the log as it is now. What was decided in a log
        that is gone is not so any more, and nobody is held to the answer."""
        history, database = self._history, self._database
        now, kept = history.branches.kept(epoch), database.kept_rooms()
        here = history.branches.path(epoch)

        def stands(places: Iterable[Place]) -> bool:
            return any(lies_on(now, each) for each in places)

        for room_id, who in self._rooms.items():
            was_made, was_ended = (stands(each.get(room_id, ())) for each in (history.rooms_made, history.rooms_ended))
            if was_ended or room_id in self.rooms_maybe_gone:
                continue
            if history.rooms_ended.get(room_id) and not any(lies_on(here, at) for at in history.rooms_made[room_id]):
                continue  # ended in a log that is gone, and the lobby began anew from the database, which has that
            if was_made and books.rooms.get(room_id) is None:
                yield f"{who} was told of room {room_id}, which is gone, and nobody has ended it"
        for room_id, who in self._deleted.items():
            is_there = books.rooms.get(room_id) is not None or room_id in kept
            if is_there and stands(history.rooms_ended.get(room_id, ())):
                yield f"{who} was told that room {room_id} is deleted, and it is there"
        for token_id in self._signed_out:
            if token_id in database.tokens_over:
                continue
            is_known = token_id in books.revoked or not stands(history.signed_out.get(token_id, ()))
            if not is_known or not database.is_revoked(token_id):
                yield f"token {token_id} was signed out, and holds"
        yield from self._audience_faults(books)
        yield from self._deletion_faults(books, now)
        yield from self.limits.faults()
        for pair, said in self._of_pairs.items():
            if not self.users_leaving.isdisjoint(pair):
                continue
            if (last := _last_of(said)) is not None:
                yield from self._pair_faults(last, books)

    # -- private --------------------------------------------------------------------------------------------------

    def _audience_faults(self, books: Books) -> Iterator[str]:
        for user_id, said in self._audiences.items():
            last = _last_of(said)
            if last is None or user_id in self.users_leaving:
                continue
            for where, found in (("the state", books.whereabouts), ("the database", self._database.kept_audiences())):
                if found.get(user_id, DEFAULT_AUDIENCE) != last.what:
                    yield f"user {user_id} was answered that {last.what} know of their room, and {where} differs"

    def _deletion_faults(self, books: Books, now: Path) -> Iterator[str]:
        """Of an account that is deleted nothing is left that others see, and no token of its user holds."""
        for user_id in sorted(self._users_gone):
            places = self._history.forgotten.get(user_id, ())
            if places and not any(lies_on(now, each) for each in places):
                continue  # it was decided in a log that is gone
            left = {
                "online": books.presence.is_online(user_id), "a friend": any(books.friends.friend_ids(user_id)),
                "asked": bool(books.friends.received_by(user_id) or books.friends.sent_by(user_id)),
                "blocking": bool(books.blocks.blocked_by(user_id)), "blocked": bool(books.blocks.blockers_of(user_id)),
                "choosing who knows where they are": user_id in books.whereabouts,
                "let in": user_id not in books.deleted.marks,
            }  # fmt: skip
            if found := [what for what, is_left in left.items() if is_left]:
                yield f"user {user_id} was answered that their account is deleted, and is {', '.join(found)}"

    def _note_pair(self, user_id: int, what: str, argument: int, answer: Answer, began_s: float, now_s: float) -> None:
        other_id = argument
        if what in ("accept_friend", "decline_friend"):
            sender_id, receiver_id = self._database.requests_made[argument]
            other_id = sender_id if receiver_id == user_id else receiver_id
        pair = (min(user_id, other_id), max(user_id, other_id))
        end_s = inf if answer.status in (0, 503) else now_s
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


def _last_of(said: Sequence[_Said]) -> _Said | None:
    """What was answered last; None: it was refused, or something else was under way with it."""
    last = max(said, key=lambda each: each.began_s)
    is_alone = not any(each.end_s > last.began_s for each in said if each is not last)
    return last if last.answer.is_good and is_alone else None

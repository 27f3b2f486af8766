"""What a ledger holds until it is judged: what happened to users and rooms, and the announcements that arrived."""

from __future__ import annotations

import math
from array import array
from dataclasses import dataclass, replace

ANY_REVISION, NO_REVISION = 2**62, -1
"""For `Change.last_revision`."""


@dataclass(frozen=True, slots=True)
class Transition:
    """Of a user. The server made it at some time from `begin_s` on, mostly before `end_s`, when its player knew."""

    user_id: int
    is_online: bool
    begin_s: float
    end_s: float
    origin_s: float
    """What fan-out is counted from: the sending of the handshake, or the moment of leaving. NaN where only the server
    knows it."""
    is_certain: bool = True
    """False where it depends on the server whether and when it is announced: after a silent loss, when the player left
    before the handshake was answered or waited for that in vain, after the run, and where the player came back at about
    the end of its grace period."""
    ends_known: bool = False
    """Of one that is not certain: what holds afterwards is known, whether it was announced or not."""
    coming: int = 0
    """Of one online: which of its user's it is, from 1 on, as the user's own process counts."""

    @property
    def key(self) -> int:
        """Of its user and kind, as `Pending.receipt_users` has them."""
        return self.user_id * 2 + self.is_online

    def shifted(self, by_s: float) -> Transition:
        """The same in a clock that is so much ahead of this one."""
        return replace(self, begin_s=self.begin_s + by_s, end_s=self.end_s + by_s, origin_s=self.origin_s + by_s)

    def within(self, slack_s: float) -> Transition:
        """The same where its times are known to `slack_s` only; 0: exactly."""
        if not slack_s:
            return self
        return replace(self, begin_s=self.begin_s - slack_s, end_s=self.end_s + slack_s, origin_s=math.nan)


@dataclass(frozen=True, slots=True)
class Change:
    """Of the rooms. The server made it between `sent_s` and `answered_s`."""

    intended_s: float
    """NaN for one of another machine."""
    sent_s: float
    answered_s: float
    room_id: str = ""
    is_gone: bool = False
    """The room was deleted."""
    last_revision: int = ANY_REVISION
    """A delta beyond it that names the room is of what others did there later. `NO_REVISION`: it is not known which
    delta is of this change."""

    def shifted(self, by_s: float) -> Change:
        """As `Transition.shifted`."""
        return replace(
            self,
            intended_s=self.intended_s + by_s,
            sent_s=self.sent_s + by_s,
            answered_s=self.answered_s + by_s,
        )

    def within(self, slack_s: float) -> Change:
        """As `Transition.within`."""
        if not slack_s:
            return self
        return replace(self, intended_s=math.nan, sent_s=self.sent_s - slack_s, answered_s=self.answered_s + slack_s)


class ComingNumbers:
    """Of the users that play in a process."""

    def __init__(self) -> None:
        self._last: dict[int, int] = {}

    def numbered(self, transition: Transition) -> Transition:
        """As it is, if it is no coming."""
        if not transition.is_online:
            return transition
        number = self._last[transition.user_id] = self._last.get(transition.user_id, 0) + 1
        return replace(transition, coming=number)


PER_READ = 16


@dataclass
class Pending:
    """Entries that are not judged yet, column by column."""

    receipt_users: array[int]
    """User id × 2, plus 1 for online."""
    receipt_spans: array[int]
    receipt_times_s: array[float]
    announcement_spans: array[int]
    announcement_times_s: array[float]
    announcement_revisions: array[int]
    """Below 0: it carried none."""
    reads: list[bytes]
    """Announcements of presence that came in one read: their users as in `receipt_users`, 8 bytes each, shared by all
    spans that had the same. Taken apart when they are judged."""
    read_spans: array[int]
    read_times_s: array[float]

    @property
    def entries(self) -> int:
        """About how many announcements; a read is taken for `PER_READ` of them."""
        return len(self.receipt_users) + len(self.announcement_spans) + PER_READ * len(self.reads)

    @classmethod
    def empty(cls) -> Pending:
        return cls(array("q"), array("i"), array("d"), array("i"), array("d"), array("q"), [], array("i"), array("d"))

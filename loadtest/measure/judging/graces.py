"""Users who lost their last connection, and may come back unnoticed: the grace period of presence (protocol contract,
section 2.4), which a lobby publishes as `presence_grace_s`.

Who was lost without a close frame and is back in time was online all along: nobody is told of the loss, nor of the
return. Who stays away is told to be offline when the time is over, not before. So a loss is held here until one of the
two is known, which is no sooner than a settling time after its end. In between are returns of which only the server
knows whether they were in time: then both are told, or neither. So it is, too, where the server or the network ended
the connection: a close frame ends presence at once.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from loadtest.measure.judging.entries import Transition


@dataclass(frozen=True, slots=True)
class Loss:
    """Of a user's last connection."""

    user_id: int
    begin_s: float
    """It is told no earlier."""
    known_s: float
    """From when on its player, or the end of the time, makes it likely to be told."""
    end_s: float
    """By then it is told, unless its user is back."""
    is_exact: bool
    """It is told at `begin_s`, if at all."""

    def told(self, *, is_certain: bool = True) -> Transition:
        """As nobody came back."""
        origin_s = self.begin_s if self.is_exact else math.nan
        return Transition(self.user_id, False, self.begin_s, self.end_s, origin_s, is_certain)

    def and_back(self, *, sent_s: float, accepted_s: float) -> tuple[Transition, ...]:
        """With the return, by a handshake of that time. Nothing where it was in time for certain."""
        if accepted_s <= self.begin_s:
            return ()
        lost = Transition(
            self.user_id, False, self.begin_s, accepted_s, min(self.known_s, accepted_s), False, ends_known=True
        )
        return lost, Transition(self.user_id, True, sent_s, accepted_s, sent_s, False, ends_known=True)


class Graces:
    """Of the users of one process. Without a grace period it holds nothing."""

    def __init__(self, grace_s: float) -> None:
        self.grace_s = grace_s
        self._losses: dict[int, Loss] = {}
        self._cut_s: dict[int, float] = {}
        """When users were last cut off who had another connection."""

    def cut(self, user_id: int, at_s: float) -> None:
        """A connection was lost without a close frame, and its user has another one."""
        if self.grace_s:
            self._cut_s[user_id] = at_s

    def hold(
        self, user_id: int, *, begin_s: float, end_s: float, is_chosen: bool, is_abrupt: bool, within_s: float
    ) -> bool:
        """The last connection was lost between these times; False where that is told at once, which is not held.
        `is_chosen`: by its player; `is_abrupt`: and without a close frame. Which of two connections a server sees end
        last is open where they ended `within_s` of each other."""
        cut_s = self._cut_s.pop(user_id, -math.inf)
        if not self.grace_s:
            return False
        if is_chosen and is_abrupt:
            over_s = end_s + self.grace_s
            self._losses[user_id] = Loss(user_id, over_s, over_s, over_s, is_exact=True)
        elif not is_chosen or cut_s > end_s - within_s:
            self._losses[user_id] = Loss(user_id, begin_s, end_s, end_s + self.grace_s, is_exact=False)
        else:
            return False
        return True

    def back(self, user_id: int) -> Loss | None:
        """That user is connected again: the loss that was held, which is held no more."""
        return self._losses.pop(user_id, None) if self._losses else None

    def over(self, until_s: float, *, is_last: bool = False) -> Iterator[Transition]:
        """What was told by then, which is held no more; `is_last`: nor is anything else, told or not."""
        for loss in [loss for loss in self._losses.values() if loss.end_s <= until_s or is_last]:
            del self._losses[loss.user_id]
            yield loss.told(is_certain=loss.end_s <= until_s)

    @property
    def oldest_s(self) -> float:
        """What is held may be told from then on; infinite where there is nothing."""
        return min((loss.known_s for loss in self._losses.values()), default=math.inf)

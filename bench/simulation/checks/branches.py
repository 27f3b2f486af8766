"""Which logs there were, and which went on from which place of which: when Valkey loses its data, the log goes on from
what one node knows, and what only others knew is not so any more.

A place is an epoch and the number of an entry in it. Places of one epoch are in one order; so are those of a `Path`,
which is a log with all that it went on from.
"""

from __future__ import annotations

from math import inf

Place = tuple[str, int]
Path = dict[str, float]
"""By epoch, the number up to which its entries belong to this log."""


class Branches:
    """Of one run."""

    def __init__(self) -> None:
        self._from: dict[str, tuple[str, float]] = {}
        """By epoch: the one that it goes on from, and the last number that it has in common with that; empty: a new
        lobby, which goes on from the database."""
        self._newest: dict[str, int] = {}
        self._last = ""
        self._before: dict[str, str] = {}
        """By the epoch of a new lobby, the one that was opened last before it."""
        self._paths: dict[str, Path] = {}

    def open(self, epoch: str, previous: str, number: int) -> None:
        """A stream is opened, with the state at that number of another one; or with the database's."""
        self._from[epoch] = (previous, number)
        if not previous and self._last:
            self._before[epoch] = self._last
        self._last = epoch
        self._paths.clear()

    def apply(self, place: Place) -> bool:
        """An entry is applied. Whether nobody has applied it before."""
        epoch, number = place
        if number <= self._newest.get(epoch, 0):
            return False
        self._newest[epoch] = number
        return True

    def parent_of(self, epoch: str) -> tuple[str, float]:
        """The epoch that it goes on from, and up to which number; none: empty."""
        return self._from.get(epoch, ("", 0))

    @property
    def has_forked(self) -> bool:
        """Whether something was applied somewhere that is not so any more."""
        now = self.kept(self._last)
        return not all(lies_on(now, place) for place in self._newest.items())

    def path(self, epoch: str) -> Path:
        """The log that an epoch is the newest part of."""
        found = self._paths.get(epoch)
        if found is None:
            found = self._paths[epoch] = {}
            until = inf
            while epoch and epoch not in found:
                found[epoch] = until
                epoch, number = self.parent_of(epoch)
                until = min(until, number)
        return found

    def kept(self, epoch: str) -> Path:
        """The same, and all that came before where a new lobby took up what stood in the database."""
        found: Path = {}
        while epoch:
            path = self.path(epoch)
            found.update({each: until for each, until in path.items() if each not in found})
            epoch = next((self._before[each] for each in path if each in self._before), "")
        return found

    def paths_through(self, place: Place) -> list[Path]:
        """Every log that has a place, the newest last."""
        epochs = [place[0], *(epoch for epoch in self._from if epoch != place[0])]
        return [path for path in map(self.path, epochs) if lies_on(path, place)]


def lies_on(path: Path, place: Place) -> bool:
    """Whether an entry belongs to a log."""
    return place[1] <= path.get(place[0], -1)

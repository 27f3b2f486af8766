"""The writes of a delivery: the same bytes to the next sessions of a row, each by a ``send`` of its own or many in one
call of the system. What differs between the two is here; what becomes of a session that does not take everything is
the feed's business.
"""

from __future__ import annotations

import errno
from array import array
from collections.abc import Iterator, Sequence
from operator import length_hint

from lobby_server.service.fanout.in_step import NO_DESCRIPTOR, InStep
from lobby_server.service.fanout.subscriber import Subscriber
from lobby_server.service.ports import ManyWrites, Send

OVER = -1
"""In place of the bytes taken: the connection is over."""
LEAST_AT_ONCE = 16
"""Fewer sessions have a ``send`` each, which is cheaper than to prepare one call."""
_TAKES_NOTHING_NOW = (-errno.EAGAIN, -errno.EINTR)
"""What `ManyWrites` says of a socket that is full."""

Short = tuple[Subscriber, int]
"""A session that did not take everything, and what it took, or `OVER`."""


def short_writes(
    row: InStep, sends: list[Send], first: int, data: bytes, many_writes: ManyWrites | None
) -> Iterator[Short]:
    """Write to sessions of a row, of whom the `first` has that slot. The hot loop of the server.

    Who is told of may leave the row before the next one is asked for.
    """
    if many_writes is None or len(sends) < LEAST_AT_ONCE:
        return _each(row, sends, first, data)
    return _at_once(row, sends, first, data, many_writes)


def _each(row: InStep, sends: Sequence[Send], first: int, data: bytes) -> Iterator[Short]:
    size = len(data)
    to_come = iter(sends)
    for send in to_come:
        try:
            taken = send(data)
        except BlockingIOError:
            taken = 0
        except OSError:
            taken = OVER
        if taken != size:
            yield row.at(first + len(sends) - length_hint(to_come) - 1), taken


def _at_once(row: InStep, sends: list[Send], first: int, data: bytes, many_writes: ManyWrites) -> Iterator[Short]:
    descriptors, slots = row.descriptors(first, len(sends)), range(first, first + len(sends))
    if descriptors.count(NO_DESCRIPTOR):
        yield from _without_descriptor(row, sends, first, data, descriptors)
        slots_with = [slot for slot, descriptor in zip(slots, descriptors, strict=True) if descriptor != NO_DESCRIPTOR]
        if slots_with:
            with_one = array("i", [descriptor for descriptor in descriptors if descriptor != NO_DESCRIPTOR])
            yield from _told(row, slots_with, many_writes.write(with_one, data))
    else:
        yield from _told(row, slots, many_writes.write(descriptors, data))


def _without_descriptor(
    row: InStep, sends: list[Send], first: int, data: bytes, descriptors: array[int]
) -> Iterator[Short]:
    for place, descriptor in enumerate(descriptors):
        if descriptor == NO_DESCRIPTOR:
            yield from _each(row, sends[place : place + 1], first + place, data)


def _told(row: InStep, slots: Sequence[int], short: Sequence[tuple[int, int]]) -> Iterator[Short]:
    for place, taken in short:
        if taken in _TAKES_NOTHING_NOW:
            taken = 0
        yield row.at(slots[place]), max(OVER, taken)

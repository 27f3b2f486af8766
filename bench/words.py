"""Numbers as a reader wants them: three digits that matter, and the unit that fits. 1 KB is 1,000 bytes."""

from __future__ import annotations

import math

from bench.citations import Quantity, cite, plain

SMALLEST_MS = 0.01
"""Below this a time is not told: the clock and the timers are no better."""


def in_digits(value: float, digits: int = 3) -> str:
    """`value` to so many significant digits, without exponents, thousands set apart by commas."""
    if not math.isfinite(value):
        return "–"
    if value == 0:
        return "0"
    decimals = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    text = f"{value:,.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text and abs(value) >= 100 else text


def in_ms(value_ms: float) -> str:
    """A time that is given in ms, in ms or s."""
    if not math.isfinite(value_ms):
        return "–"
    if 0 < value_ms < SMALLEST_MS:
        return f"<{SMALLEST_MS:g} ms"
    return f"{in_digits(value_ms / 1e3)} s" if abs(value_ms) >= 1000 else f"{in_digits(value_ms)} ms"


def in_s(value_s: float) -> str:
    """A time that is given in s, in ms or s."""
    return in_ms(value_s * 1e3)


def in_memory(value_bytes: float) -> str:
    """In powers of 1,024, as memory is told."""
    if not math.isfinite(value_bytes):
        return "–"
    for power, unit in ((3, "GiB"), (2, "MiB"), (1, "KiB")):
        if abs(value_bytes) >= 1024**power:
            return f"{in_digits(value_bytes / 1024**power)} {unit}"
    return f"{in_digits(value_bytes)} B"


def in_bytes(value_bytes: float) -> str:
    if not math.isfinite(value_bytes):
        return "–"
    for factor, unit in ((1e9, "GB"), (1e6, "MB"), (1e3, "KB")):
        if abs(value_bytes) >= factor:
            return f"{in_digits(value_bytes / factor)} {unit}"
    return f"{in_digits(value_bytes)} B"


def in_percent(share: float) -> str:
    """Near 100 % with as many digits as it takes to tell it from 100 %."""
    if not math.isfinite(share):
        return "–"
    if 0.98 < share < 1:
        return f"{math.floor(share * 10_000) / 100:.2f} %"
    return f"{share * 100:.0f} %"


def in_noise(share: float) -> str:
    """By how much equals come apart: of less than one percent a tenth more is told, for 0 % would be no noise."""
    return f"{share:.0%}" if share >= 0.01 or not share else f"{share:.1%}"


def count(value: float) -> str:
    return f"{value:,.0f}"


def a_few(value: float) -> str:
    """A small quantity that is mostly whole: 20, 2, 19.5."""
    return f"{value:.3g}"


def size(value: float) -> str:
    """A size in the words of a sentence, clients or rooms: a figure in the same sentence is cited at this very size."""
    return cite(count(value), {"of": "size", "value": value})


def size_words(value: int, noun: str = "client") -> str:
    return f"{size(value)} {noun}{'' if value == 1 else 's'}"


def plural(number: int, noun: str) -> str:
    return f"{count(number)} {noun}" if number == 1 else f"{count(number)} {noun}s"


def changes_of_the_list(per_s: float) -> str:
    return f"{per_s:g} change{'' if per_s == 1 else 's'} of the list per second"


WAY_WORDS = {
    "polling": "polling",
    "polling_etag": "polling, ETag",
    "polling_gzip": "polling, ETag + gzip",
    "push": "push, then fetch",
    "rev": "push with rev",
    "delta": "rooms_delta",
}
"""The ways to the list (`bench.load.clients.ways`), for readers: in tables and legends."""

WAY_PHRASES = {
    "polling": "plain polling",
    "polling_etag": "polling with ETag",
    "polling_gzip": "polling with ETag and gzip",
    "push": "push then fetch",
    "rev": "push with rev",
    "delta": "deltas (rooms_delta)",
}
"""The same within a sentence, where commas mean something else."""


RATE_APART = 0.01
"""An achieved rate that is further than this part from its name is told beside it."""


def rate_words(changes_per_s: float, achieved_per_s: float | None = None, of: Quantity | None = None) -> str:
    """The rate that was achieved, with its name beside it where they differ. `of`: the achieved rate, to cite."""
    number = rate_number(changes_per_s, achieved_per_s, of)
    return f"{number} change{'' if plain(number) == '1' else 's'} per second"


def rate_number(changes_per_s: float, achieved_per_s: float | None = None, of: Quantity | None = None) -> str:
    """The same without the unit."""
    name = cite(f"{changes_per_s:g}", {"of": "size", "value": changes_per_s})
    if achieved_per_s is None or abs(achieved_per_s - changes_per_s) <= RATE_APART * changes_per_s:
        return name
    achieved = in_digits(achieved_per_s)
    return f"{cite(achieved, of) if of is not None else achieved} (nominally {name})"


ONE_PER_SECOND = (0.945, 1.05)
"""From and below: told as one per second."""


def every_words(rate_per_s: float) -> str:
    """A rate as a reader pictures it: how seldom where it is below one per second, how many where it is not."""
    if ONE_PER_SECOND[0] <= rate_per_s < ONE_PER_SECOND[1]:
        return "one change per second"
    if rate_per_s < 1:
        return f"one change per {in_digits(1 / rate_per_s, 2)} s"
    return f"{in_digits(rate_per_s, 2)} changes per second"


def way_words(way: str) -> str:
    """For readers; a party that is no way is called what it is."""
    return WAY_WORDS.get(way, way)


def way_phrase(way: str) -> str:
    """Within a sentence."""
    return WAY_PHRASES.get(way, way)


def without_folder(argument: str) -> str:
    """An argument of a command as it may be kept: where a folder is on this machine says nothing to others."""
    return argument.rsplit("/", 1)[-1] if argument.startswith("/") else argument

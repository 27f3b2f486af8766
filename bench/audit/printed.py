"""A number as it is printed, and whether a value would be printed so."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

NUMBER = re.compile(r"^(?P<sign>[<±≤≥~+−-]?)\s?(?P<digits>\d[\d,]*(?:\.\d+)?(?:e[+-]?\d+)?)\s?(?P<unit>[^\d\s].*)?$")

UNITS = {
    "µs": ("time", 1e-6), "ms": ("time", 1e-3), "s": ("time", 1.0),
    "B": ("bytes", 1.0), "KB": ("bytes", 1e3), "MB": ("bytes", 1e6), "GB": ("bytes", 1e9), "KiB": ("bytes", 1024.0),
    "MiB": ("bytes", 1024.0**2), "%": ("share", 0.01), "×": ("number", 1.0), "": ("number", 1.0),
    "share": ("share", 1.0), "1/s": ("rate", 1.0),
}  # fmt: skip
"""What a unit measures, and in how many of the base unit."""

NEAR_WHOLE = 0.98
"""Shares from here to 1 are cut, not rounded: 99.96 % is not 100 %."""


@dataclass(frozen=True)
class Printed:
    """A number in a text: a value somewhere within `slack` of `number`."""

    number: float
    slack: float
    unit: str
    below: bool
    """``<``: anything smaller."""


def parse(text: str) -> Printed | None:
    """``None`` for what is no number with a known unit."""
    found = NUMBER.match(text.replace("\u00a0", " ").strip())
    if found is None:
        return None
    unit = (found["unit"] or "").strip()
    if unit not in UNITS:
        return None
    digits = found["digits"].replace(",", "")
    mantissa, _, exponent = digits.partition("e")
    decimals = len(mantissa.partition(".")[2]) - int(exponent or 0)
    sign = -1.0 if found["sign"] in ("-", "−") else 1.0
    return Printed(sign * float(digits), 0.5 * 10.0**-decimals, unit, found["sign"] == "<")


def is_printed(value: float, unit: str, text: str) -> str:
    """Why `value`, in `unit`, would not be printed as this text; empty where it would."""
    if math.isnan(value) or math.isinf(value):
        return "" if text.strip() in ("–", "nan", "inf") else f"it is {value}"
    printed = parse(text)
    if printed is None:
        return "no number is printed" if text.strip() else "nothing is printed"
    what, factor = UNITS.get(unit, ("number", 1.0))
    printed_what, printed_factor = UNITS[printed.unit] if printed.unit else (what, factor)
    if printed_what != what:
        return f"it is a {what} and printed as a {printed_what}"
    own = value * factor / printed_factor
    if printed.below:
        return "" if 0 < own < printed.number else "it is not below that"
    slack = printed.slack * (1 + 1e-6) + abs(own) * 1e-9
    if what == "share" and NEAR_WHOLE < value * factor < 1:
        return "" if -1e-9 <= own - printed.number < 2 * slack else "it is another number"
    return "" if abs(own - printed.number) <= slack else "it is another number"

"""JSON from peers that we did not write, decoded into types.

A whole number is an integer however it is written: ``8``, ``8.0`` and ``8e0`` are the same, because Godot 4, Lua and
some C# libraries have one kind of number and print it so. Text never becomes a number, and ``8.5`` stays refused.

A message whose integers are written as such takes the plain decoder and costs what it costs. Only one that the plain
decoder refuses is looked at again: read without types, its whole numbers made integers, and then converted.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal
from typing import Any, TypeVar

import msgspec

_Kind = TypeVar("_Kind")

FAULTS = (msgspec.MsgspecError, UnicodeError, RecursionError)
"""What decoding raises, whatever the bytes."""
MAX_WHOLE_DIGITS = 19
"""A larger number fits into no integer of the protocol, and is not made one: ``1e400`` has four hundred digits."""
MAX_FAULT_CHARACTERS = 200
"""Of a library's sentence, which may repeat a value that the peer sent."""
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def whole_number(literal: str) -> int | float:
    """The value of a JSON number that has a fraction or an exponent: an integer if it is whole, to the digit. Raises
    `msgspec.ValidationError` for one that no float holds."""
    try:
        number = Decimal(literal)
        if number.is_zero():
            return 0
        if 0 <= number.adjusted() < MAX_WHOLE_DIGITS and number == number.to_integral_value():
            return int(number)
    except ArithmeticError:
        pass  # an exponent that Decimal does not hold
    value = float(literal)
    if math.isinf(value):
        raise msgspec.ValidationError("Number out of range")
    return value


decode_untyped: Callable[[bytes | str], Any] = msgspec.json.Decoder(float_hook=whole_number).decode
"""JSON as plain types, whole numbers as integers. Raises `FAULTS`."""


def decoder_of(kind: type[_Kind]) -> Callable[[bytes | str | msgspec.Raw], _Kind]:
    """Decodes JSON into a type; raises `FAULTS`."""
    decode = msgspec.json.Decoder(kind).decode

    def decode_leniently(raw: bytes | str | msgspec.Raw) -> _Kind:
        try:
            return decode(raw)
        except msgspec.ValidationError:
            return msgspec.convert(decode_untyped(raw if isinstance(raw, str) else bytes(raw)), kind)

    return decode_leniently


def what_is_wrong(raw: bytes | str, fault: Exception | None = None) -> str:
    """A sentence on JSON that does not decode, for the author of the client that sent it."""
    data = raw.encode(errors="surrogatepass") if isinstance(raw, str) else bytes(raw)
    if data.startswith(_BYTE_ORDER_MARK):
        return "It begins with a byte order mark, which JSON does not have (RFC 8259 section 8.1)."
    if data.rstrip(b"\0") != data:
        return "It ends with a NUL byte, which does not belong to the JSON."
    if isinstance(fault, UnicodeError):
        return "It is not UTF-8."
    if isinstance(fault, RecursionError):
        return "It is nested too deep."
    if isinstance(fault, msgspec.ValidationError):
        return f"{_shown(fault)}."
    return "It is not JSON." if fault is None else f"It is not JSON: {_shown(fault)}."


def _shown(fault: Exception) -> str:
    text = str(fault)
    return text if len(text) <= MAX_FAULT_CHARACTERS else text[:MAX_FAULT_CHARACTERS] + " …"

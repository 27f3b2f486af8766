"""Options of a role: a flag, what it is read as, and its value as an attribute of the role.

On a role an option reads as its value (``self.visit``), on the class as itself, so that a schedule, which has no player
yet, finds it in the options: ``options[cls.visit]``. Several roles may share one.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar, overload

from loadtest.results.exit_codes import UsageError
from loadtest.workload.distributions import Distribution, read_distribution

T = TypeVar("T")
_FLAG = re.compile(r"--[a-z][a-z0-9]*(-[a-z0-9]+)*")


class Option(Generic[T]):
    """Made by the functions below."""

    __slots__ = ("default", "flag", "help", "metavar", "read")

    def __init__(self, flag: str, default: Any, help: str, *, read: Callable[[str, Any], T], metavar: str) -> None:
        """`read` gets the flag and what was given (text from a web form, or what argparse made of it) and raises
        `UsageError`. Raises `ValueError` for what is no flag."""
        if _FLAG.fullmatch(flag) is None:
            raise ValueError(f"{flag!r} is no flag: write it as in --cheer-interval-s")
        self.flag = flag
        self.default = default
        self.help = help
        self.read = read
        self.metavar = metavar

    def __repr__(self) -> str:
        return self.flag

    @property
    def name(self) -> str:
        """Of its value among the parsed arguments."""
        return name_of(self.flag)

    @property
    def type(self) -> type[Any] | None:
        """What argparse is to make of it; None: `read` has it as text."""
        return type(self.default) if isinstance(self.default, (int, float)) else None

    def value_in(self, values: Mapping[str, Any]) -> T:
        """Raises `UsageError`."""
        return self.read(self.flag, values.get(self.name, self.default))

    @overload
    def __get__(self, role: None, owner: Any = None) -> Option[T]: ...

    @overload
    def __get__(self, role: object, owner: Any = None) -> T: ...

    def __get__(self, role: Any, owner: Any = None) -> Option[T] | T:
        if role is None:
            return self
        value: T = role.options[self]
        return value


def time_option(
    flag: str, default: str, help: str, *, kind: str = "exp", may_be_zero: bool = False
) -> Option[Distribution]:
    """A time in seconds or a distribution of them (`loadtest.workload.distributions`); `kind` is what a bare number
    stands for."""

    def read(flag: str, given: Any) -> Distribution:
        try:
            found = read_distribution(str(given), default_kind=kind)
        except ValueError as error:
            raise UsageError(f"{flag}: {error}.") from None
        require(may_be_zero or 0 < found.mean_s < math.inf, flag, "above 0 seconds")
        return found

    return Option(flag, default, help, read=read, metavar="TIME")


def seconds_option(flag: str, default: float, help: str) -> Option[float]:
    def read(flag: str, given: Any) -> float:
        number: float = read_number(flag, given, float)
        require(0 < number < math.inf, flag, "above 0 seconds")
        return number

    return Option(flag, float(default), help, read=read, metavar="SECONDS")


def share_option(flag: str, default: float, help: str) -> Option[float]:
    """A number from 0 to 1."""

    def read(flag: str, given: Any) -> float:
        number: float = read_number(flag, given, float)
        require(0 <= number <= 1, flag, "a share from 0 to 1")
        return number

    return Option(flag, float(default), help, read=read, metavar="SHARE")


def number_option(flag: str, default: int, help: str, *, least: int = 0, most: int = 1_000_000) -> Option[int]:
    """A whole number."""

    def read(flag: str, given: Any) -> int:
        number: int = read_number(flag, given, int)
        require(least <= number <= most, flag, f"from {least} to {most}")
        return number

    return Option(flag, int(default), help, read=read, metavar="NUMBER")


def text_option(flag: str, default: str, help: str, *, read: Callable[[str], T]) -> Option[T]:
    """`read` makes a value of the text and raises `ValueError` with what is wrong."""

    def checked(flag: str, given: Any) -> T:
        try:
            return read(str(given))
        except ValueError as error:
            raise UsageError(f"{flag}: {error}.") from None

    return Option(flag, default, help, read=checked, metavar="TEXT")


def read_number(flag: str, value: Any, kind: type[Any]) -> Any:
    """Raises `UsageError`."""
    try:
        return kind(value)
    except (TypeError, ValueError):
        raise UsageError(f"{flag} is {value!r}: give a number.") from None


def require(holds: bool, flag: str, what: str) -> None:
    """Raises `UsageError` unless it `holds`."""
    if not holds:
        raise UsageError(f"{flag} must be {what}.")


def name_of(flag: str) -> str:
    """Of the value of a flag among the parsed arguments."""
    return flag.removeprefix("--").replace("-", "_")

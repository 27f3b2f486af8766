"""A whole plan of a run in one TOML file: players, mix, roles, shape, network, thresholds.

A plan sets what options are when they are not given: a flag on the command line goes before it. Its keys are the names
of the flags with underscores. Each error is one sentence with the file, the key, and what was expected.

    about = "…"
    thresholds = ["fanout.p99 < 250ms"]
    [players]  users, spawn_rate, run_time, and how long they stay
    [mix]      weights by role
    [roles]    options of the roles
    [shape]    kind, and the options of shapes
    [network]  profile, or its parts
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from locust.util.timespan import parse_timespan

from loadtest.measure.judging.thresholds import read_threshold
from loadtest.results.exit_codes import UsageError
from loadtest.workload.roles.book import ROLES

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FOLDER = Path(__file__).parents[2] / "plans"
"""Of the plans that ship."""
LIST = "list"

_PLAYERS = ("users", "spawn_rate", "run_time", "session_s", "away_s", "arrivals_per_s", "heartbeat_interval_s", "mode",
            "reconnect_policy", "seed", "poller_share", "drop_share", "reset_stats")  # fmt: skip
_SHAPE = ("kind", "ramp_s", "steps", "spike_at_s", "spike_s", "spike_base", "restart_at_s")
_NETWORK = ("profile", "rtt_s", "jitter_s", "down_kbit_per_s", "up_kbit_per_s", "loss_interval_s")
_LOCUSTS = {"users": "num_users"}
"""Names of Locust's own options among the parsed arguments, where those differ."""


@dataclass(frozen=True)
class PlanFile:
    path: Path
    about: str
    values: Mapping[str, Any]
    """By the names that the parsed arguments have."""
    places: Mapping[str, str]
    """Where the plan says so, by flag: ``--room-interval-s`` → ``roles.room_interval_s``."""

    def blame(self, error: UsageError) -> UsageError:
        """The same error, as one of this file where it is about something that stands there."""
        sentence = str(error)
        for flag, place in self.places.items():
            if sentence.startswith(flag) and sentence[len(flag) : len(flag) + 1] in (" ", ":"):
                return UsageError(f"{self.path.name}: {place}{sentence[len(flag) :]}")
        return error


def named_in(arguments: Sequence[str], flag: str = "--plan") -> str | None:
    """The value of a flag, before there is a parser."""
    for number, word in enumerate(arguments):
        if word.startswith(f"{flag}="):
            return word.partition("=")[2]
        if word == flag:
            return arguments[number + 1] if number + 1 < len(arguments) else ""
    return None


def shipped() -> list[PlanFile]:
    """By name."""
    return [read_plan(path.stem) for path in sorted(FOLDER.glob("*.toml"))]


def listing() -> str:
    """The plans that ship, for a terminal."""
    return "\n".join(f"{plan.path.stem:<18}{plan.about}" for plan in shipped()) + f"\nThey are in {FOLDER}.\n"


def read_plan(name: str) -> PlanFile:
    """`name`: a file, or one of the plans that ship. Raises `UsageError`."""
    path = Path(name)
    if path.suffix != ".toml" and (FOLDER / f"{name}.toml").is_file():
        path = FOLDER / f"{name}.toml"
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        known = ", ".join(sorted(each.stem for each in FOLDER.glob("*.toml")))
        why = getattr(error, "strerror", None) or "it is no UTF-8"
        raise UsageError(
            f"--plan: {name or 'nothing'} cannot be read ({why}): give a TOML file, or one of {known}."
        ) from None
    try:
        document = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise UsageError(f"{path.name} is no TOML: {error}.") from None
    return _Reader(path).read(document)


class _Reader:
    def __init__(self, path: Path) -> None:
        self._file = path.name
        self._path = path
        self._values: dict[str, Any] = {}
        self._places: dict[str, str] = {}

    def read(self, document: Mapping[str, Any]) -> PlanFile:
        sections: dict[str, Callable[[Mapping[str, Any]], None]] = {
            "players": self._players, "mix": self._mix, "roles": self._roles, "shape": self._shape,
            "network": self._network,
        }  # fmt: skip
        self._check_keys("", document, ("about", "thresholds", *sections))
        for name, read in sections.items():
            section = document.get(name, {})
            if not isinstance(section, dict):
                raise self._wrong(name, section, f"a table, as in [{name}]")
            read(section)
        about = document.get("about", "")
        if not isinstance(about, str):
            raise self._wrong("about", about, "a text")
        self._thresholds(document.get("thresholds", []))
        return PlanFile(self._path, about, self._values, self._places)

    def _players(self, section: Mapping[str, Any]) -> None:
        self._check_keys("players", section, _PLAYERS)
        for key, value in section.items():
            place = f"players.{key}"
            if key == "users":
                self._require(_is_whole(value) and value > 0, place, value, "a whole number above 0")
            elif key == "spawn_rate":
                self._require(_is_number(value) and value > 0, place, value, "a number above 0")
            elif key == "seed":
                self._require(_is_whole(value), place, value, "a whole number")
            elif key == "reset_stats":
                self._require(isinstance(value, bool), place, value, "true or false")
            elif key == "run_time":
                value = str(value)
                self._require(_is_timespan(value), place, value, 'a time as "90s", "5m" or "1h30m"')
            self._set(key, place, value)

    def _mix(self, section: Mapping[str, Any]) -> None:
        self._check_keys("mix", section, ROLES.names, what="role")
        for role, weight in section.items():
            self._require(_is_number(weight) and weight >= 0, f"mix.{role}", weight, "a weight of 0 or more")
        if section:
            self._set("mix", "mix", ",".join(f"{role}={weight}" for role, weight in section.items()))

    def _roles(self, section: Mapping[str, Any]) -> None:
        self._check_keys("roles", section, [option.name for option in ROLES.options])
        for key, value in section.items():
            self._set(key, f"roles.{key}", value)

    def _shape(self, section: Mapping[str, Any]) -> None:
        self._check_keys("shape", section, _SHAPE)
        if section and "kind" not in section:
            raise UsageError(f'{self._file}: shape.kind is missing: say which shape, as in kind = "spike".')
        for key, value in section.items():
            self._set("shape" if key == "kind" else key, f"shape.{key}", value)

    def _network(self, section: Mapping[str, Any]) -> None:
        self._check_keys("network", section, _NETWORK)
        parts = [str(value) if key == "profile" else f"{key}={value}" for key, value in section.items()]
        if parts:
            self._set("network", "network", ";".join(parts))

    def _thresholds(self, texts: Any) -> None:
        if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
            raise self._wrong("thresholds", texts, 'a list of texts, as in ["reach == 1"]')
        for number, text in enumerate(texts, start=1):
            try:
                read_threshold(text)
            except UsageError as error:
                raise UsageError(f"{self._file}: thresholds, number {number}: {error}") from None
        if texts:
            self._set("threshold", "thresholds", list(texts))

    # -- what is shared -------------------------------------------------------------------------------------------

    def _set(self, key: str, place: str, value: Any) -> None:
        if isinstance(value, (dict, list)) and key != "threshold":
            raise self._wrong(place, value, "a number or a text")
        self._values[_LOCUSTS.get(key, key)] = value
        self._places[f"--{key.replace('_', '-')}"] = place

    def _check_keys(self, section: str, found: Mapping[str, Any], known: Iterable[str], *, what: str = "key") -> None:
        for key in found:
            if key not in known:
                place = f"{section}.{key}" if section else key
                raise UsageError(f"{self._file}: {place} is no {what}: there is {', '.join(known)}.")

    def _require(self, holds: bool, place: str, value: Any, expected: str) -> None:
        if not holds:
            raise self._wrong(place, value, expected)

    def _wrong(self, place: str, value: Any, expected: str) -> UsageError:
        return UsageError(f"{self._file}: {place} is {value!r}: give {expected}.")


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < float("inf")


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_timespan(text: str) -> bool:
    try:
        return int(parse_timespan(text)) > 0
    except ValueError:
        return False

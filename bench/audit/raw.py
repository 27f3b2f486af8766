"""run.json and figures.json as they lie on disk: plain JSON, and the few look-ups that all quantities need."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path
from typing import Any

from bench.audit.older import over_the_window
from bench.audit.plain_json import Json

RUN_NAMES = ("run.json", "run.json.gz")
FIGURES_NAMES = ("figures.json", "figures.json.gz")
SCHEMA = 3


class Unreadable(ValueError):
    """A file that is not there, or is not what it should be; says so in one sentence."""


class NotInRun(LookupError):
    """The run has no readings of a quantity that the report cites."""


def read_json(path: Path) -> Json:
    """Raises `Unreadable`."""
    try:
        content = path.read_bytes()
        text = gzip.decompress(content) if path.suffix == ".gz" else content
        document = json.loads(text)
    except (OSError, EOFError, ValueError) as error:
        raise Unreadable(f"{path} cannot be read: {error}.") from error
    if not isinstance(document, dict):
        raise Unreadable(f"{path} is not a JSON object.")
    return document


def find(place: Path, names: tuple[str, ...]) -> Path | None:
    """The first of these files in a folder."""
    return next((place / name for name in names if (place / name).is_file()), None)


class Raw:
    """One run. All look-ups raise `NotInRun` for what it has not."""

    def __init__(self, document: Json) -> None:
        if document.get("schema") != SCHEMA or not isinstance(document.get("findings"), list):
            raise Unreadable(
                f"run.json has schema {document.get('schema')}, the auditor reads {SCHEMA}: "
                "lobby-bench report --from makes a report with today's."
            )
        self.document = document = over_the_window(document)
        self.profile: Json = document["profile"]
        self.fits: dict[tuple[str, str], Any] = {}
        """Costs that were fitted already, by measure and way: a fit takes a second."""

    def scenario(self, name: str) -> Json:
        for found in self.document["findings"]:
            if found["name"] == name:
                result: Json = found
                return result
        raise NotInRun(f"no scenario {name}")

    def has(self, name: str) -> bool:
        return any(found["name"] == name for found in self.document["findings"])

    def measured(self, name: str) -> list[Json]:
        """All measures of a scenario, with their readings."""
        result: list[Json] = self.scenario(name)["measures"]
        return result

    def readings(self, of: Json) -> list[Json]:
        """Of one measure of one party at one place."""
        for each in self.measured(of["scenario"]):
            if all(each[key] == of[key] for key in ("name", "party", "clients", "rooms", "changes_per_s")):
                result: list[Json] = each["readings"]
                return result
        raise NotInRun(f"no readings of {of['name']}, {of['party']}")

    def series(self, scenario: str, name: str) -> list[Json]:
        return [each for each in self.scenario(scenario).get("series", []) if each["name"] == name]

    def groups(self) -> list[Json]:
        """Of the scenario that counts every byte."""
        traffic = self.scenario("bandwidth").get("traffic")
        if traffic is None:
            raise NotInRun("no traffic")
        result: list[Json] = traffic["groups"]
        return result

    def group(self, way: str, rooms: int, changes_per_s: float) -> Json:
        for each in self.groups():
            if (each["kind"], each["rooms"], each["changes_per_s"]) == (way, rooms, changes_per_s):
                return each
        raise NotInRun(f"no group of {way}, {rooms} rooms, {changes_per_s} changes per second")

    def setting(self, path: str) -> Any:
        found: Any = self.profile
        for part in path.split("."):
            if not isinstance(found, dict) or part not in found:
                raise NotInRun(f"no setting {path}")
            found = found[part]
        return found


def milliseconds(group: Any) -> list[float]:
    """A group of samples: its first value in µs, then the differences; ascending."""
    steps = group["steps_us"] if isinstance(group, dict) else group
    return [value / 1000 for value in accumulate(steps)]


def all_milliseconds(series: Json) -> list[float]:
    return sorted(value for group in series["groups"] for value in milliseconds(group))


def ledgers(series: Json) -> Iterator[Json]:
    yield from series.get("ledgers", [])

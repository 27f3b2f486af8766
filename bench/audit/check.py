"""All that a report cites, held against the raw readings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.audit.conclusions import RULES, conclude
from bench.audit.pairs import ratios
from bench.audit.plain_json import Json
from bench.audit.printed import is_printed
from bench.audit.quantities.compute import compute
from bench.audit.quantities.crossings import doubtful_cells
from bench.audit.quantities.delays import broadcasts
from bench.audit.raw import NotInRun, Raw
from bench.audit.unmeasured import evidence_against, is_told_of_claims
from bench.audit.validity import SUSPECT, VALID, kind, of_broadcasts, of_readings
from bench.audit.value import Value


@dataclass(frozen=True)
class Disagreement:
    where: str
    figure: str
    reported: str
    recomputed: str
    source: str

    def __str__(self) -> str:
        parts = [f"{self.where}: {self.figure}: the report says {self.reported!r}, recomputed {self.recomputed}"]
        return f"{parts[0]}; from {self.source}" if self.source else parts[0]


@dataclass(frozen=True)
class Audit:
    figures: int
    conclusions: int
    disagreements: list[Disagreement]


def audit(raw: Raw, told: list[Json], pages: dict[str, str]) -> Audit:
    """`told`: the texts of figures.json with what they cite. `pages`: plain texts of the report in which they stand."""
    figures = conclusions = 0
    wrong = []
    for text in told:
        wrong += [
            Disagreement(
                text["where"], "a number without a source", word, "nothing: no quantity is cited", text["text"]
            )
            for word in text.get("uncited", [])
        ]
        wrong += [
            Disagreement(text["where"], "the sentence", text["text"], f"another text: {name} has it not", "")
            for name, page in pages.items()
            if text.get("in_page", True) and squeezed(text["text"]) not in page
        ]
        for each in text["cited"]:
            quantity = each["quantity"]
            if text["text"][each["start"] : each["start"] + len(each["text"])] != each["text"]:
                wrong.append(Disagreement(text["where"], name_of(quantity), each["text"], "not in its sentence", ""))
            if quantity["of"] in RULES:
                conclusions += 1
            else:
                figures += 1
            found = check(raw, quantity, each["text"], told, text["cited"])
            if found is not None:
                wrong.append(Disagreement(text["where"], name_of(quantity), each["text"], *found))
        wrong += untold_doubts(raw, text)
        if is_told_of_claims(text) and (evidence := evidence_against(raw, text)):
            wrong.append(Disagreement(text["where"], "a claim", "not measured", "that it was", evidence))
    wrong += readings_beside_samples(raw)
    return Audit(figures, conclusions, wrong)


def check(raw: Raw, quantity: Json, text: str, told: list[Json], beside: list[Json]) -> tuple[str, str] | None:
    """What it should be, and from which readings; ``None`` where the text is right."""
    try:
        if quantity["of"] == "size":
            return check_size(quantity, text, [each["quantity"] for each in beside])
        if quantity["of"] in RULES:
            words, source = conclude(raw, quantity)
            return None if words == text else (repr(words), source)
        value = tally(told, quantity) if quantity["of"] == "tally" else compute(raw, quantity)
    except NotInRun as error:
        return "nothing", str(error)
    except (KeyError, IndexError, TypeError, ValueError, ZeroDivisionError) as error:
        return "nothing", f"the citation does not fit the run: {type(error).__name__}: {error}"
    why = is_printed(value.value, value.unit, text)
    return (f"{value.value:.6g} {value.unit}".strip() + f" ({why})", value.of) if why else None


def untold_doubts(raw: Raw, text: Json) -> Iterator[Disagreement]:
    """A text that tells a figure that is suspect or invalid says so, in words or by the mark of the first table."""
    if DOUBT.search(text["text"]):
        return
    for each in text["cited"]:
        quantity = each["quantity"]
        try:
            found, source = _validity(raw, quantity)
        except NotInRun:
            continue  # told by `check`
        if found != VALID:
            yield Disagreement(
                text["where"], f"validity of {name_of(quantity)}", f"{each['text']}, as valid", found, source
            )


def _validity(raw: Raw, quantity: Json) -> tuple[str, str]:
    """How far a figure may be believed, and what it is judged by; valid where that is not judged here."""
    if quantity["of"] == "readings" and quantity["take"] == "median":
        return of_readings(raw.readings(quantity), kind(quantity["name"], quantity["unit"])), "its readings"
    if quantity["of"] == "paired" and quantity["take"] == "median":
        own, other = (raw.readings({**quantity, "party": party}) for party in (quantity["party"], quantity["over"]))
        found = ratios(own, other, kind(quantity["name"], quantity["unit"]))
        return found.validity if found is not None else VALID, "the readings of both"
    if quantity["of"] == "broadcasts":
        return of_broadcasts(broadcasts(raw, quantity)), "its repeats"
    if quantity["of"] in ("crossing", "no crossing"):
        cells = doubtful_cells(raw, quantity)
        return (SUSPECT, f"its cells {', '.join(cells)}") if cells else (VALID, "")
    return VALID, ""


DOUBT = re.compile(r"suspect|INVALID|\*")


def check_size(quantity: Json, text: str, beside: list[Json]) -> tuple[str, str] | None:
    """A size stands where a figure of that very size does."""
    sizes = {float(value) for each in beside for value in sizes_in(each)}
    if is_printed(quantity["value"], "", text) or quantity["value"] not in sizes:
        return f"one of {sorted(sizes)}", "the sizes of the figures beside it"
    return None


def sizes_in(quantity: Any) -> Iterator[float]:
    if isinstance(quantity, dict) and quantity.get("of") != "size":
        for key, value in quantity.items():
            if key in ("clients", "rooms", "in_list", "changes_per_s") and isinstance(value, int | float):
                yield value
            else:
                yield from sizes_in(value)
    elif isinstance(quantity, list):
        for value in quantity:
            yield from sizes_in(value)


def tally(told: list[Json], of: Json) -> Value:
    """How many conclusions of a kind the report itself draws; with ``is``, those of these words' beginning."""
    drawn = [
        each["text"] for text in told for each in text["cited"]
        if each["quantity"]["of"] in of["kinds"] and text["where"].startswith(of["in"])
    ]  # fmt: skip
    found = [text for text in drawn if fits(text, of.get("is"))]
    return Value(len(found), "", f"{len(drawn)} conclusions in {of['in']}")


def fits(text: str, wanted: str | None) -> bool:
    """``holds up to`` is another word than ``holds``; ``holds as far as measured`` is not."""
    if wanted == "holds":
        return text == wanted or text.startswith("holds as far as measured")
    return wanted is None or text == wanted or (wanted == "holds up to" and text.startswith(wanted))


SAMPLED = {
    "announcement p50": ("announcement", 50), "announcement p99": ("announcement", 99),
    "fresh list p50": ("fresh list", 50), "fresh list p99": ("fresh list", 99),
    "status p50": ("status", 50), "status p99": ("status", 99),
    "time to fresh p50": ("time to fresh", 50), "time to fresh p99": ("time to fresh", 99),
    "time to fresh, last client": ("time to fresh", 100),
}  # fmt: skip
"""Readings whose samples are kept: their percentile can be taken again."""

ROUNDING_MS = 0.0011
"""Samples are kept in whole microseconds."""


def readings_beside_samples(raw: Raw) -> Iterator[Disagreement]:
    """Readings that are percentiles of samples of the same repeat, where those are kept."""
    from bench.audit.arithmetic import nearest_rank
    from bench.audit.raw import all_milliseconds

    for found in raw.document["findings"]:
        if found["name"] == "capacity":
            continue  # its series are by outcome, and not in the order of the repeats
        for measured in found["measures"]:
            name, percent = SAMPLED.get(measured["name"], ("", 0))
            place = ("party", "clients", "rooms", "changes_per_s")
            series = next(
                (
                    each for each in found.get("series", [])
                    if each["name"] == name and all(each[key] == measured[key] for key in place)
                ),
                None,
            )  # fmt: skip
            if series is None:
                continue
            repeats = series["repeats"] or [1] * len(series["groups"])
            if len(repeats) != len(measured["readings"]):
                continue
            first = 0
            for number, reading in zip(repeats, measured["readings"], strict=True):
                groups = series["groups"][first : first + number]
                first += number
                value = nearest_rank(all_milliseconds({"groups": groups}), percent)
                if not abs(value - reading["value"]) <= ROUNDING_MS:
                    figure = f"reading of {measured['name']}, {measured['party']}, {measured['clients']} clients"
                    yield Disagreement(
                        found["name"], figure, f"{reading['value']:.6g} ms", f"{value:.6g} ms", "its samples"
                    )


def name_of(quantity: Json) -> str:
    """In words, without braces and quotes."""
    return " ".join(_words(quantity))


def _words(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, part in value.items():
            if key in ("own", "other", "limit", "values", "among"):
                yield key
            yield from (word if key not in ("clients", "rooms") else f"{word} {key}" for word in _words(part))
    elif isinstance(value, list):
        for part in value:
            yield from _words(part)
    elif value not in ("", 0, 0.0):
        yield f"{value:g}" if isinstance(value, float) else str(value)


def squeezed(text: str) -> str:
    """Without spaces and the page's own marks, so that a sentence is found in Markdown and in HTML."""
    return re.sub(r"[\s\u00a0\\|]+", "", text)


def page_text(path: Path) -> str:
    """Of a page, as `squeezed` has sentences."""
    import html

    text = path.read_text(encoding="utf-8")
    if path.suffix == ".html":
        text = html.unescape(re.sub(r"<(style|script)\b.*?</\1>|<[^>]*>", "", text, flags=re.DOTALL))
    return squeezed(text)

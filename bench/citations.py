"""Where the numbers in a report's sentences come from, said beside each number, for machines.

`cite` puts a quantity beside the words that tell it. The mark is made of characters that no text has and no text
handling touches (private use, one for each byte of the quantity's JSON), so sentences are put together as ever. Marks
are made only while a report is being put together (`citing`); a section that is made alone is plain text.

`cited` takes a text with marks apart: the plain text, and each cited piece with its place and quantity. What
``figures.json`` keeps of a report is made of these, and `bench.audit` computes each again from the raw readings.

A **quantity** is what a number is of: a JSON object whose ``of`` names the kind; the kinds and their fields stand in
docs/lab.md ("Recompute a report"). A **conclusion** is a quantity whose value is a word: which of several is the least,
or whether a claim holds.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeAlias

Quantity: TypeAlias = dict[str, Any]

_OPEN, _CLOSE, _BASE = "\ue000", "\ue001", 0xE100
_MARK = re.compile(f"{_OPEN}([\ue100-\ue1ff]*){_OPEN}|({_CLOSE})")
_is_citing: ContextVar[bool] = ContextVar("is_citing", default=False)


@dataclass(frozen=True)
class Citation:
    """A piece of a plain text, and what it tells."""

    text: str
    start: int
    quantity: Quantity

    @property
    def end(self) -> int:
        return self.start + len(self.text)


@contextmanager
def citing() -> Iterator[None]:
    """Texts that are made herein carry their marks."""
    token = _is_citing.set(True)
    try:
        yield
    finally:
        _is_citing.reset(token)


def cite(text: str, quantity: Quantity) -> str:
    """`text`, marked as what tells this quantity; as it is outside of `citing`."""
    if not _is_citing.get():
        return text
    code = json.dumps(quantity, ensure_ascii=False, separators=(",", ":")).encode()
    return f"{_OPEN}{''.join(chr(_BASE + byte) for byte in code)}{_OPEN}{text}{_CLOSE}"


def cited(text: str) -> tuple[str, list[Citation]]:
    """The plain text, and its citations in the order of their ends; one may lie inside another."""
    plain, found, opened, last = "", [], [], 0
    for mark in _MARK.finditer(text):
        plain += text[last : mark.start()]
        last = mark.end()
        if mark.group(2) is None:
            code = bytes(ord(each) - _BASE for each in mark.group(1))
            opened.append((len(plain), json.loads(code)))
        elif opened:
            start, quantity = opened.pop()
            found.append(Citation(plain[start:], start, quantity))
    return plain + text[last:], found


def plain(text: str) -> str:
    """Without marks."""
    return cited(text)[0]


def uncited_numbers(text: str, citations: Sequence[Citation], names: Sequence[str]) -> list[str]:
    """Words with a digit that no citation covers, other than in `names`: names of parties, quotations, fixed prose."""
    covered = [False] * len(text)
    for each in citations:
        covered[each.start : each.end] = [True] * len(each.text)
    for name, in_text in _with_digits(tuple(names)):
        for found in in_text.finditer(text) if name in text else ():
            covered[found.start() : found.end()] = [True] * len(name)
    words = re.finditer(r"\S+", text)
    return [
        word.group()
        for word in words
        if any(text[at].isdigit() and not covered[at] for at in range(word.start(), word.end()))
    ]


@lru_cache(maxsize=16)
def _with_digits(names: tuple[str, ...]) -> list[tuple[str, re.Pattern[str]]]:
    """Those of which a text could have a number, and how they stand in it: a report asks for thousands of texts."""
    return [(name, re.compile(rf"(?<![\w.,]){re.escape(name)}(?!\w)")) for name in names if re.search(r"\d", name)]


def combined(of: str, own: Quantity, other: Quantity, unit: str = "") -> Quantity:
    """``saved``: 1 − own/other; ``times``: own/other, in `unit`."""
    return {"of": of, "own": own, "other": other, "unit": unit}


def number(value: float) -> Quantity:
    """A number of the claim or the rule itself, which nobody measured."""
    return {"of": "number", "value": value}


def setting(path: str, unit: str = "") -> Quantity:
    """A size of the profile, by its dotted path in run.json."""
    return {"of": "setting", "path": path, "unit": unit}


def least(among: dict[str, Quantity]) -> Quantity:
    """A conclusion: the name whose quantity is the least."""
    return {"of": "least", "among": among}


def most(among: dict[str, Quantity]) -> Quantity:
    """A conclusion: the name whose quantity is the most."""
    return {"of": "most", "among": among}

"""Costs from measurements: non-negative least squares of CPU over how often each kind of work was done.

A measurement is one equation: its CPU is the sum over the kinds of work of how often it was done times what it costs.
Errors are relative, because CPU of a long measurement is as uncertain, in parts of itself, as that of a short one: each
equation is divided by its CPU. The spread is from the fits of single repeats.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np


class NotDetermined(ValueError):
    """The measurements do not tell a cost apart from others. The text is one sentence."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One measurement."""

    source: str
    """Which measurement it is of."""
    repeat: int
    used_s: float
    """CPU."""
    work: Mapping[str, float]
    """Kind of work: how often it was done."""


@dataclass(frozen=True, kw_only=True)
class Fitted:
    """A cost in seconds of CPU per piece of work."""

    value_s: float
    low_s: float
    high_s: float
    """Least and most of the fits of single repeats."""
    n: int
    """Measurements with this kind of work."""
    sources: tuple[str, ...] = field(default=())


def fit(rows: Sequence[Row], *, given: Mapping[str, float] | None = None) -> dict[str, Fitted]:
    """Every kind of work in the rows but those whose cost is `given`, in seconds. Raises `NotDetermined`."""
    known = given or {}
    usable = [row for row in rows if row.used_s > 0]
    names = sorted({name for row in usable for name, often in row.work.items() if often} - known.keys())
    if not names:
        raise NotDetermined("no measurement has any work in it")
    whole = _solve(usable, names, known, check=True)
    repeats = sorted({row.repeat for row in usable})
    single = [_solve([row for row in usable if row.repeat == number], names, known, check=False) for number in repeats]
    found = {}
    for place, name in enumerate(names):
        having = [row for row in usable if row.work.get(name)]
        values = [
            solved[place]
            for number, solved in zip(repeats, single, strict=True)
            if any(row.repeat == number for row in having)
        ]
        found[name] = Fitted(
            value_s=whole[place],
            low_s=min((*values, whole[place])),
            high_s=max((*values, whole[place])),
            n=len(having),
            sources=tuple(dict.fromkeys(row.source for row in having)),
        )
    return found


def _solve(rows: Sequence[Row], names: Sequence[str], known: Mapping[str, float], *, check: bool) -> list[float]:
    from scipy.optimize import nnls

    matrix = np.array([[row.work.get(name, 0.0) / row.used_s for name in names] for row in rows])
    left = np.array([1.0 - _of_known(row, known) / row.used_s for row in rows])
    scale = np.linalg.norm(matrix, axis=0)
    scale[scale == 0] = 1.0
    if check and np.linalg.matrix_rank(matrix / scale, tol=1e-6) < len(names):
        mixed = ", ".join(_mixed(matrix / scale, names))
        raise NotDetermined(f"the measurements do not tell these costs apart: {mixed}")
    solved, _ = nnls(matrix / scale, left)
    return [float(value) for value in solved / scale]


def _of_known(row: Row, known: Mapping[str, float]) -> float:
    return sum(known[name] * often for name, often in row.work.items() if name in known)


def _mixed(matrix: np.ndarray, names: Sequence[str]) -> Collection[str]:
    """Names whose columns the others span."""
    rank = np.linalg.matrix_rank(matrix, tol=1e-6)
    return [
        name
        for place, name in enumerate(names)
        if np.linalg.matrix_rank(np.delete(matrix, place, axis=1), tol=1e-6) == rank
    ]

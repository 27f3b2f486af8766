"""Small line charts as SVG text: for a page that needs no network and no script."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 640, 260
LEFT, RIGHT, TOP, BOTTOM = 62, 12, 30, 40
COLOURS = ("#0b6e99", "#c4421a", "#3d7a35", "#7a4fa3", "#9a7400", "#555b66")


@dataclass(frozen=True)
class Line:
    name: str
    points: Sequence[tuple[float, float]]


@dataclass(frozen=True, kw_only=True)
class Axis:
    title: str
    """With its unit."""
    ticks: Sequence[tuple[float, str]] = ()
    """Where and what; without any, round numbers."""
    is_log: bool = False
    least_top: float = 0.0


def chart(
    title: str,
    lines: Sequence[Line],
    *,
    x: Axis,
    y: Axis,
    marks: Sequence[tuple[float, float, str]] = (),
    moments: Sequence[tuple[float, str]] = (),
) -> str:
    """Empty text where there is nothing to draw. `marks` shade the time from when to when something happened; `moments`
    are lines upright where something did."""
    lines = [line for line in lines if len(line.points) > 1]
    if not lines:
        return ""
    xs = [at for line in lines for at, _ in line.points]
    ys = [value for line in lines for _, value in line.points]
    x_scale = _Scale(min(xs), max(xs), LEFT, WIDTH - RIGHT)
    if y.is_log:
        low = 10.0 ** math.floor(math.log10(max(min(ys), 1e-3)))
        high = 10.0 ** math.ceil(math.log10(max(*ys, low * 10)))
        y_ticks = [(10.0**power, f"{10.0**power:g}") for power in _powers(low, high)]
    else:
        y_ticks = _round_ticks(0.0, max(*ys, y.least_top, 1e-9))
        low, high = 0.0, y_ticks[-1][0]
    y_scale = _Scale(low, high, HEIGHT - BOTTOM, TOP, is_log=y.is_log)
    parts = [
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">',
        _text(LEFT, 16, title, kind="title", anchor="start"),
    ]
    shades = [(from_, until, "mark", text) for from_, until, text in marks]
    for from_, until, kind, text in (*shades, *((at, at, "moment", text) for at, text in moments)):
        if until < min(xs) or from_ > max(xs):
            continue
        left, right = (x_scale(min(max(at, min(xs)), max(xs))) for at in (from_, until))
        parts.append(
            f'<rect x="{left - 1:.1f}" width="{right - left + 2:.1f}" y="{TOP}" height="{HEIGHT - BOTTOM - TOP}" '
            f'class="{kind}"><title>{escape(text)}</title></rect>'
        )
    for value, text in y_ticks:
        at = y_scale(value)
        parts.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{at:.1f}" y2="{at:.1f}" class="grid"/>')
        parts.append(_text(LEFT - 6, at + 4, text, anchor="end"))
    for value, text in x.ticks or _round_ticks(min(xs), max(xs)):
        if value <= max(xs):
            parts.append(_text(x_scale(value), HEIGHT - BOTTOM + 16, text))
    parts.append(_text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 6, x.title))
    middle = (TOP + HEIGHT - BOTTOM) / 2
    parts.append(_text(14, middle, y.title, more=f' transform="rotate(-90 14 {middle:g})"'))
    for line, colour in zip(lines, COLOURS * (len(lines) // len(COLOURS) + 1), strict=False):
        points = " ".join(f"{x_scale(at):.1f},{y_scale(value):.1f}" for at, value in line.points)
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.8"/>')
    parts.append("</svg>")
    legend = "".join(
        f'<span><b style="color:{colour}">■</b> {escape(line.name)}</span> '
        for line, colour in zip(lines, COLOURS * (len(lines) // len(COLOURS) + 1), strict=False)
    )
    return "\n".join(parts) + (f'<p class="legend">{legend}</p>' if len(lines) > 1 else "")


class _Scale:
    def __init__(self, low: float, high: float, start: float, end: float, *, is_log: bool = False) -> None:
        self._least = low
        self._map = math.log10 if is_log else float
        self._low, self._span = self._map(low), (self._map(high) - self._map(low)) or 1.0
        self._start, self._length = start, end - start

    def __call__(self, value: float) -> float:
        return self._start + (self._map(max(value, self._least)) - self._low) / self._span * self._length


def _text(x: float, y: float, text: str, *, kind: str = "tick", anchor: str = "middle", more: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}" text-anchor="{anchor}"{more}>{escape(text)}</text>'


def _round_ticks(low: float, high: float) -> list[tuple[float, str]]:
    """Four to eight round numbers; the last one is at or above `high` when `low` is 0."""
    step = 10.0 ** math.floor(math.log10((high - low) or 1.0))
    for factor in (0.1, 0.2, 0.25, 0.5, 1.0):
        if (high - low) / (step * factor) <= 6:
            step *= factor
            break
    first, last = math.ceil(low / step), math.ceil(high / step) if low == 0 else math.floor(high / step)
    return [(number * step, f"{number * step:,.6g}") for number in range(first, last + 1)]


def _powers(low: float, high: float) -> range:
    return range(round(math.log10(low)), round(math.log10(high)) + 1)

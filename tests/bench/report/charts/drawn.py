"""What a reader sees of a figure: lines by their label, texts, shades, ticks."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle


def lines(axes: Axes, label: str) -> list[Line2D]:
    """All with this label."""
    return [each for each in axes.get_lines() if each.get_label() == label]


def points(line: Line2D) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in np.asarray(line.get_xydata())]


def at(axes: Axes, label: str) -> list[tuple[float, float]]:
    """The points of the one line with this label."""
    [found] = lines(axes, label)
    return points(found)


def colour(line: Line2D) -> str:
    return to_hex(line.get_color()).upper()


def uprights(axes: Axes) -> list[float]:
    """Where vertical lines stand that go from end to end."""
    found = [np.asarray(each.get_xdata(), dtype=float) for each in axes.get_lines() if _spans(each.get_ydata())]
    return [float(xs[0]) for xs in found if len(set(xs.tolist())) == 1]


def _spans(ydata: object) -> bool:
    return bool(np.asarray(ydata, dtype=float).tolist() == [0.0, 1.0])


def title_of(axes: Axes) -> str:
    return str(axes.get_title(loc="left"))


def texts(figure: Figure) -> str:
    return " ".join(text.get_text().replace("\n", " ") for text in figure.findobj(mpl.text.Text))


def ticks(axes: Axes, which: str = "y") -> list[str]:
    """The labels between the ends of an axis."""
    axis = axes.yaxis if which == "y" else axes.xaxis
    low, high = sorted(axis.get_view_interval())
    places = zip(axis.get_majorticklocs(), axis.get_ticklabels(), strict=True)
    return [tick.get_text() for place, tick in places if low <= place <= high]


def widths(axes: Axes) -> list[float]:
    """Of its bars that lie."""
    return [float(bar.get_width()) for bar in axes.patches if isinstance(bar, Rectangle)]


def shades(axes: Axes) -> list[tuple[float, float]]:
    """Left and right end of each filled band."""
    found = []
    for patch in axes.patches:
        box = patch.get_extents().transformed(axes.transData.inverted())
        found.append((float(box.x0), float(box.x1)))
    return found


def is_shown(axes: Axes) -> bool:
    """It has an axis; an empty place has none."""
    return bool(axes.axison)


def legend_of(figure: Figure) -> dict[str, str]:
    """Colour by name, of the figure's own legend."""
    [legend] = figure.legends
    found = {}
    for handle, text in zip(legend.legend_handles, legend.get_texts(), strict=True):
        shade = handle.get_color() if isinstance(handle, Line2D) else handle.get_facecolor()  # type: ignore[union-attr]
        found[text.get_text()] = to_hex(shade).upper()
    return found

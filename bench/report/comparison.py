"""Two runs compared, as a folder: the plain lines and the chart."""

from __future__ import annotations

from pathlib import Path

from bench.analysis.compare import Comparison, render_comparison
from bench.report.charts.compare import draw_comparison


def write_comparison(found: Comparison, folder: Path) -> None:
    """compare.txt and the chart."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "compare.txt").write_text(render_comparison(found) + "\n", encoding="utf-8")
    chart = draw_comparison(found)
    (folder / "compare.svg").write_text(chart.svg, encoding="utf-8")
    (folder / "compare.png").write_bytes(chart.png)

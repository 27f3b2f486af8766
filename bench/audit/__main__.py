"""``python -m bench.audit REPORT``: recompute what a report says.

Exit codes: 0 all agree · 1 something disagrees · 2 usage · 4 there is nothing to audit.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from bench.audit.check import Audit, audit, page_text
from bench.audit.raw import FIGURES_NAMES, RUN_NAMES, Raw, Unreadable, find, read_json

AGREES, DISAGREES, USAGE, NOTHING = 0, 1, 2, 4
PAGES = ("report.html", "report.md")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m bench.audit",
        description="Recompute every number and conclusion of a report from its raw readings.",
        epilog="Exit codes: 0 all agree, 1 something disagrees, 2 usage, 4 nothing to audit.",
    )
    parser.add_argument("report", type=Path, help="a report's folder, or its run.json (.gz) with figures.json beside")
    place: Path = parser.parse_args(arguments).report
    run = find(place, RUN_NAMES) if place.is_dir() else place
    if run is None or not run.is_file():
        print(f"{place} has no {RUN_NAMES[0]}.", file=sys.stderr)
        return USAGE
    try:
        raw = Raw(read_json(run))
        figures = find(run.parent, FIGURES_NAMES)
        if figures is None:
            print(f"There is no {FIGURES_NAMES[0]} beside {run}: nothing says what its report tells.", file=sys.stderr)
            return NOTHING
        document = read_json(figures)
        pages = {name: page_text(run.parent / name) for name in PAGES if (run.parent / name).is_file()}
        if (document["run"]["started_at"], document["run"]["seed"]) != (
            raw.document["started_at"],
            raw.document["seed"],
        ):
            print(f"{figures} is of another run than {run}.", file=sys.stderr)
            return USAGE
        found = audit(raw, document["told"], pages)
    except (Unreadable, OSError) as error:
        print(error, file=sys.stderr)
        return USAGE
    except (KeyError, TypeError) as error:
        print(f"{run}, or figures.json beside it, has not the shape of today's: {error!r}.", file=sys.stderr)
        return USAGE
    print(render(found), flush=True)
    if not found.figures and not found.conclusions:
        return NOTHING
    return DISAGREES if found.disagreements else AGREES


def render(found: Audit) -> str:
    """A line for each disagreement, and one that counts."""
    lines = [f"DISAGREES  {each}" for each in found.disagreements]
    total = f"{found.figures:,} figures and {found.conclusions:,} conclusions recomputed from the raw readings"
    lines.append(
        f"{total}: {len(found.disagreements) or 'none'} disagree{'s' if len(found.disagreements) == 1 else ''}."
    )
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())

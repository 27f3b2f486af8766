"""``python -m bench.audit REPORT``: recompute what a report says.

Exit codes: 0 all agree · 1 something disagrees · 2 usage · 4 there is nothing to audit.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

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
    code, text = audit_report(parser.parse_args(arguments).report)
    print(text, file=sys.stdout if code in (AGREES, DISAGREES) else sys.stderr)
    return code


def audit_report(place: Path) -> tuple[int, str]:
    """The exit code, and what to print."""
    run = find(place, RUN_NAMES) if place.is_dir() else place
    if run is None or not run.is_file():
        return USAGE, f"{place} has no {RUN_NAMES[0]}."
    try:
        raw = Raw(read_json(run))
        figures = find(run.parent, FIGURES_NAMES)
        if figures is None:
            return NOTHING, f"There is no {FIGURES_NAMES[0]} beside {run}: nothing says what its report tells."
        document = read_json(figures)
        pages = {name: page_text(run.parent / name) for name in PAGES if (run.parent / name).is_file()}
        if any(document["run"][key] != raw.document[key] for key in ("started_at", "seed")):
            return USAGE, f"{figures} is of another run than {run}."
        found = audit(raw, document["told"], pages)
    except (Unreadable, OSError) as error:
        return USAGE, str(error)
    except (KeyError, TypeError, AttributeError) as error:
        return USAGE, f"{run}, or {FIGURES_NAMES[0]} beside it, has not the shape of today's: {error!r}."
    if not found.figures and not found.conclusions:
        return NOTHING, f"{figures} cites nothing: there is nothing to audit."
    return DISAGREES if found.disagreements else AGREES, render(found)


def render(found: Audit) -> str:
    """A line for each disagreement, and one that counts."""
    lines = [f"DISAGREES  {each}" for each in found.disagreements]
    total = f"{found.figures:,} figures and {found.conclusions:,} conclusions recomputed from the raw readings"
    lines.append(
        f"{total}: {len(found.disagreements) or 'none'} disagree{'s' if len(found.disagreements) == 1 else ''}."
    )
    return "\n".join(lines)


def told_or_failed() -> NoReturn:
    """End the program with its exit code; with 2 and one sentence where standard output takes nothing: it is closed, or
    on a full disk."""
    why = "it is closed"
    if sys.stdout is not None:
        try:
            code: int | str | None
            try:
                code = main()
            except SystemExit as end:  # after the help
                code = end.code
            sys.stdout.flush()
            sys.exit(code)
        except OSError as fault:  # of what it prints: that of a file is caught where it is read
            why = fault.strerror or str(fault)
        with open(os.devnull, "wb") as nowhere:  # what is left in its buffer would fail again at the end
            os.dup2(nowhere.fileno(), sys.stdout.fileno())
    print(f"audit: standard output takes nothing: {why}.", file=sys.stderr, flush=True)
    sys.exit(USAGE)


if __name__ == "__main__":
    told_or_failed()

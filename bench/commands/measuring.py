"""Have scenarios of the lab measured; what goes wrong in a lab is told in one sentence."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from bench.commands.errors import Failed, Misused

if TYPE_CHECKING:
    from bench.processes.lab import Lab
    from bench.record.profiles.profile import Profile
    from bench.record.run import Run

SEED_BITS = 31
_Found = TypeVar("_Found")


def measure(
    names: Sequence[str], *, profile: Profile, seed: int | None, base: Path | None = None, is_pinned: bool = True
) -> Run:
    """Have scenarios measured, without names all of the profile's report. What can go wrong in a lab is one sentence.

    `base`: another checkout, whose server takes turns with this one's. `is_pinned`: server and generator on a core
    each, where there are two.
    """
    from bench.record.questions import NEEDED_FOR_PROMISES, PROMISES
    from bench.scenarios.registry import SCENARIOS
    from bench.scenarios.runner import run_scenarios

    wanted = [*names, *(NEEDED_FOR_PROMISES if PROMISES in names else ())]
    known = [PROMISES, *(scenario.name for scenario in SCENARIOS)]
    unknown = [name for name in wanted if name not in known]
    if unknown:
        raise Misused(f"There is no scenario {unknown[0]}: there are {', '.join(known)}.")
    scenarios = [each for each in SCENARIOS if (each.name in wanted if names else each.is_reported(profile))]
    if base is not None:
        _check_base(base, names, [each.name for each in SCENARIOS if each.compares_builds])
    return with_lab(
        lambda lab: run_scenarios(lab, scenarios, arguments=["lobby-bench", *sys.argv[1:]]),
        profile=profile, seed=seed, base=base, is_pinned=is_pinned,
    )  # fmt: skip


def with_lab(
    act: Callable[[Lab], _Found], *, profile: Profile, seed: int | None, base: Path | None = None,
    is_pinned: bool = True,
) -> _Found:  # fmt: skip
    """What comes of a lab of real servers; arguments as of `measure`. What can go wrong in it is one sentence."""
    from bench.processes.cpu import NOT_PINNED, plan_cpus
    from bench.processes.lab import Lab, target_factory
    from bench.processes.progress import reporter
    from bench.processes.remote import GeneratorFailed
    from bench.scenarios.registry import GENERATORS
    from bench.scenarios.runner import FAILURES

    cpus = plan_cpus() if is_pinned else NOT_PINNED
    with reporter() as progress:
        lab = Lab(
            profile=profile,
            seed=secrets.randbits(SEED_BITS) if seed is None else seed,
            cpus=cpus,
            reporter=progress,
            server_factory=target_factory(cpus),
            preload=GENERATORS,
            base=base,
        )
        try:
            return act(lab)
        except GeneratorFailed as error:
            raise Failed(f"The run failed in the generator: {error}. {error.details}".strip()) from error
        except FAILURES as error:
            raise Failed(f"The run failed: {error}.") from error


def _check_base(base: Path, names: Sequence[str], comparing: Sequence[str]) -> None:
    if not (base / "lobby_server" / "__main__.py").is_file():
        raise Misused(f"{base} is no checkout of the server: there is no lobby_server in it.")
    others = [name for name in names if name not in comparing]
    if others:
        raise Misused(f"{others[0]} compares no builds: with --base run {', '.join(comparing)}.")

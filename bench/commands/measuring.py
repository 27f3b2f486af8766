"""Have scenarios of the lab measured; what goes wrong in a lab is told in one sentence."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

from bench.commands.errors import Failed, Misused

if TYPE_CHECKING:
    from bench.processes.lab import Lab
    from bench.record.profiles.profile import Profile
    from bench.record.run import Run

SEED_BITS = 31
_Found = TypeVar("_Found")


def measure(names: Sequence[str], *, profile: Profile, seed: int | None) -> Run:
    """Have scenarios measured, all of the report without names. What can go wrong in a lab is one sentence."""
    from bench.record.questions import NEEDED_FOR_PROMISES, PROMISES
    from bench.scenarios.registry import SCENARIOS
    from bench.scenarios.runner import run_scenarios

    wanted = [*names, *(NEEDED_FOR_PROMISES if PROMISES in names else ())]
    known = [PROMISES, *(scenario.name for scenario in SCENARIOS)]
    unknown = [name for name in wanted if name not in known]
    if unknown:
        raise Misused(f"There is no scenario {unknown[0]}: there are {', '.join(known)}.")
    scenarios = [each for each in SCENARIOS if (each.name in wanted if names else each.in_report)]
    return with_lab(
        lambda lab: run_scenarios(lab, scenarios, arguments=["lobby-bench", *sys.argv[1:]]), profile=profile, seed=seed
    )


def with_lab(act: Callable[[Lab], _Found], *, profile: Profile, seed: int | None) -> _Found:
    """What comes of a lab of real servers. What can go wrong in it is one sentence."""
    from bench.processes.cpu import plan_cpus
    from bench.processes.lab import Lab, target_factory
    from bench.processes.progress import reporter
    from bench.processes.remote import GeneratorFailed
    from bench.scenarios.registry import GENERATORS
    from bench.scenarios.runner import FAILURES

    cpus = plan_cpus()
    with reporter() as progress:
        lab = Lab(
            profile=profile,
            seed=secrets.randbits(SEED_BITS) if seed is None else seed,
            cpus=cpus,
            reporter=progress,
            server_factory=target_factory(cpus),
            preload=GENERATORS,
        )
        try:
            return act(lab)
        except GeneratorFailed as error:
            raise Failed(f"The run failed in the generator: {error}. {error.details}".strip()) from error
        except FAILURES as error:
            raise Failed(f"The run failed: {error}.") from error

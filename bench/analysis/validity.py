"""May a figure be believed? Judged from the raw results, never stored: a better rule applies to old runs too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from bench.record.results import BandwidthGroup, Load, Phase

GENERATOR_LIMIT = 0.90
"""Share of a core above which the generator measures its own queue (Locust issues 586 and 663)."""

GENERATOR_SUSPECT = 0.75
"""From here on a burst of other work on the core would have reached the limit."""

WAIT_LIMIT = 0.20
"""Part of the time in which it would have worked that the server was kept from its core by something else."""

LATE_LIMIT_MS = 10.0
"""A publisher that is later than this is itself a good part of a latency of milliseconds."""


LOSSES = "receipts are missing or doubled: broadcasts may have run into each other"


class Validity(str, Enum):
    VALID = "valid"
    SUSPECT = "suspect"
    INVALID = "INVALID"


class Reason(NamedTuple):
    what: str
    """The same words for every point that it concerns."""
    how_much: str = ""

    def __str__(self) -> str:
        return f"{self.what} ({self.how_much})" if self.how_much else self.what


@dataclass(frozen=True)
class Judgement:
    validity: Validity
    reasons: tuple[Reason, ...] = ()

    def __str__(self) -> str:
        return f"{self.validity.value}: {'; '.join(map(str, self.reasons))}" if self.reasons else self.validity.value


def generator_share(load: Load) -> float:
    """Share of a core that the generator used, over the whole stretch or while it mattered, whichever is more."""
    whole = load.generator_cpu_s / load.wall_s if load.wall_s else 0.0
    busy = load.busy_generator_cpu_s / load.busy_wall_s if load.busy_wall_s else 0.0
    return max(whole, busy)


def server_waited(load: Load) -> float:
    """Part of the time in which the server would have worked that other work had its core."""
    ready_s = load.server_wait_s + load.server_cpu_s
    return load.server_wait_s / ready_s if ready_s else 0.0


def judge_phase(phase: Phase) -> Judgement:
    """Invalid when the generator was the limit; suspect when broadcasts ran into each other or left late."""
    share = generator_share(phase.load)
    generator = Reason("the generator was the limit", f"{share:.0%} of a core")
    if share > GENERATOR_LIMIT:
        return Judgement(Validity.INVALID, (generator,))
    reasons = []
    if share > GENERATOR_SUSPECT:
        reasons.append(generator._replace(what="the generator was near its limit"))
    late_ms = max((broadcast.late_us for broadcast in phase.broadcasts), default=0) / 1e3
    if late_ms > LATE_LIMIT_MS:
        reasons.append(Reason("the publisher was late", f"up to {late_ms:.0f} ms"))
    waited = server_waited(phase.load)
    if waited > WAIT_LIMIT:
        reasons.append(Reason("other work kept the server from its core", f"{waited:.0%} of its time"))
    lost, twice = (sum(getattr(broadcast, what) for broadcast in phase.broadcasts) for what in ("lost", "twice"))
    if lost or twice:
        much = f"{lost:,} lost or too late, {twice:,} twice"
        reasons.append(Reason(LOSSES, much))
    return Judgement(Validity.SUSPECT, tuple(reasons)) if reasons else Judgement(Validity.VALID)


def judge_phases(phases: Sequence[Phase]) -> Judgement:
    """The repeats of a point: as their sum for what adds up, and invalid when half of them are."""
    judged = [judge_phase(phase) for phase in phases]
    invalid = [each for each in judged if each.validity is Validity.INVALID]
    if invalid and 2 * len(invalid) >= len(judged):
        return invalid[0]
    suspect = [each for each in judged if each.validity is not Validity.VALID]
    if suspect and 2 * len(suspect) >= len(judged):
        return Judgement(Validity.SUSPECT, tuple({each.what: each for one in suspect for each in one.reasons}.values()))
    if not judged:
        return Judgement(Validity.VALID)
    lossy = [each for each in judged if any(reason.what == LOSSES for reason in each.reasons)]
    return lossy[0] if lossy else Judgement(Validity.VALID)


def sum_loads(loads: Sequence[Load]) -> Load:
    """Several as one."""
    names = Load.__struct_fields__
    return Load(**{name: sum(getattr(load, name) for load in loads) for name in names})


def judge_idle(group: BandwidthGroup) -> Judgement:
    """Invalid when the kernel counted other bytes than we did, or when a client was lost; suspect without the check."""
    if group.unexpected_losses:
        return Judgement(Validity.INVALID, (Reason("connections were lost", f"{group.unexpected_losses}"),))
    counted = [client for client in group.clients if client.kernel_sent_bytes is not None]
    wrong = [
        client
        for client in counted
        if (client.kernel_sent_bytes, client.kernel_received_bytes)
        != (client.framed_up_bytes, client.framed_down_bytes)
    ]
    if wrong:
        return Judgement(Validity.INVALID, (Reason("TCP_INFO disagrees with our count", f"{len(wrong)} clients"),))
    if len(counted) < len(group.clients):
        return Judgement(Validity.SUSPECT, (Reason("no TCP_INFO on this system: bytes not checked"),))
    return Judgement(Validity.VALID)


def sum_up(judgements: Sequence[Judgement]) -> str:
    """How many points of several are not valid, and why; each reason once."""
    parts = []
    for validity in (Validity.INVALID, Validity.SUSPECT):
        concerned = [judgement for judgement in judgements if judgement.validity is validity]
        if concerned:
            reasons = dict.fromkeys(reason.what for judgement in concerned for reason in judgement.reasons)
            parts.append(f"{len(concerned)} of {len(judgements)} points {validity.value}: {', '.join(reasons)}")
    return "; ".join(parts) or f"all {len(judgements)} points valid"

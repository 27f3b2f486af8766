"""Wrong variants of the rules, the service, the log and the clients: what the simulation has to find, and by what."""

from __future__ import annotations

from tests.bench.simulation.planted.clients import CLIENTS
from tests.bench.simulation.planted.deciding import RULES_OF_DECISIONS, SERVICE_OF_DECISIONS
from tests.bench.simulation.planted.logs import LOGS, STANDING
from tests.bench.simulation.planted.messages.of_rooms import ROOMS
from tests.bench.simulation.planted.messages.of_tokens import TOKENS
from tests.bench.simulation.planted.messages.of_users import FRIENDSHIPS, OTHERS, PARTY
from tests.bench.simulation.planted.once import ONCE
from tests.bench.simulation.planted.planting import Mutant
from tests.bench.simulation.planted.rules import RULES
from tests.bench.simulation.planted.services import SERVICES

PARTS: dict[str, tuple[Mutant, ...]] = {
    "rules": RULES + RULES_OF_DECISIONS, "service": SERVICES + SERVICE_OF_DECISIONS, "log": LOGS, "clients": CLIENTS,
    "as it once was": ONCE, "messages": ROOMS + FRIENDSHIPS + PARTY + OTHERS + TOKENS,
    "standstills": STANDING,
}  # fmt: skip
MUTANTS = tuple(mutant for mutants in PARTS.values() for mutant in mutants)


def mutant_of(name: str) -> Mutant:
    (mutant,) = [each for each in MUTANTS if each.name == name]
    return mutant


def part_of(name: str) -> str:
    """Of the project, in which a fault is planted."""
    return next(part for part, mutants in PARTS.items() if any(each.name == name for each in mutants))

#!/usr/bin/env bash
# Guess:    `rate(teams, weights=…)` of openskill is for partial play: 1 is a whole game, 0.1 is one that a player left early, and
#           equal weights are as good as none. So it is with TrueSkill's weights.
# Really:   the weights of each team are stretched to lie from 1 to 2, whatever they are: the least of a team is 1, the greatest 2,
#           and the only player of a team has 2. A win is multiplied by that, and a loss divided by it. So nobody gains less than
#           without weights, and nobody loses more: who left early is rated as for a whole game, and in a duel with weights of 1
#           the winner gains twice and the loser loses half. What was paid out is not paid in, and all ratings rise.
# Versions: openskill 6.2.0 (Python), trueskill 0.4.5 beside it, CPython 3.11, 2026-11-30. See issue 179 of openskill.py. The
#           package of the same name of npm, 5.0.1, has `weight` in its types and does nothing with it.
# Who:      match-makers that pass the share of a match that each player was there for, or a score per player.
# Matters:  in a league of fifty whose skills do not change, the mean is 25 after 2,000 duels without weights, and above 70 with
#           equal ones: who plays more is rated higher, a newcomer at 25 is paired with the weakest, and leaving early costs
#           nothing. Rate without weights, and give each player the share of the difference.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
timeout 60 venv/bin/pip install -q --disable-pip-version-check 'openskill==6.2.0' 'trueskill==0.4.5' || {
    echo "not installed, so nothing was tried" >&2
    exit 2
}
cat >weights.py <<'PY'
"""What winners and losers gain by weights, and where a league goes."""

import random
import sys
from importlib.metadata import version

import trueskill
from openskill.models import PlackettLuce

PLAYERS, DUELS = 50, 2_000
model = PlackettLuce()


def gains(sizes, weights):
    """What each player of the winning and of the losing team gains; all are newcomers."""
    teams = model.rate([[model.rating() for _ in range(size)] for size in sizes], weights=weights)
    return [[round(player.mu - 25, 1) for player in team] for team in teams]


def league(weights):
    """The mean rating after duels of players whose skills stay as they are."""
    generator = random.Random(1)
    skills = [generator.gauss(0, 1) for _ in range(PLAYERS)]
    players = [model.rating() for _ in skills]
    for _ in range(DUELS):
        winner, loser = generator.sample(range(PLAYERS), 2)
        if generator.random() > 1 / (1 + 2.7 ** (skills[loser] - skills[winner])):
            winner, loser = loser, winner
        (players[winner],), (players[loser],) = model.rate([[players[winner]], [players[loser]]], weights=weights)
    return sum(player.mu for player in players) / PLAYERS


none, equal = gains((1, 1), None), gains((1, 1), [[1], [1]])
print(f"openskill {version('openskill')}, trueskill {version('trueskill')}")
print(f"a duel, no weights: winner and loser gain {none}")
print(f"a duel, [[1], [1]]: winner and loser gain {equal}")
left = gains((2, 2), [[1, 0.1], [1, 1]])
print(f"two and two, no weights:          {gains((2, 2), None)}")
print(f"two and two, [[1, 0.1], [1, 1]]:  {left}")
beside = [
    [round(team[0].mu - 25, 1) for team in trueskill.rate([(trueskill.Rating(),), (trueskill.Rating(),)], weights=weights)]
    for weights in (None, [(1,), (1,)])
]
print(f"TrueSkill, a duel, no weights: {beside[0]}; with [(1,), (1,)]: {beside[1]}")
means = league(None), league([[1], [1]])
print(f"{PLAYERS} players, {DUELS} duels: the mean is {means[0]:.1f} without weights, {means[1]:.1f} with [[1], [1]]")

is_so = (
    abs(equal[0][0] - 2 * none[0][0]) < 0.2
    and abs(equal[1][0] - none[1][0] / 2) < 0.2
    and left[0][1] == gains((2, 2), None)[0][1]
    and beside[0] == beside[1]
    and abs(means[0] - 25) < 2
    and means[1] > 50
)
print("as described: weights only ever add" if is_so else "a library behaves otherwise now")
sys.exit(0 if is_so else 1)
PY
timeout 40 venv/bin/python weights.py

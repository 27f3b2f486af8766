"""How big a run is: every size that a scenario runs with, by profile.

`quick` answers the questions in three minutes on two cores, `full` with repeats in forty-five; `smoke` shows that
everything runs. `bench.scenarios.registry` estimates from these sizes how long each scenario takes.
"""

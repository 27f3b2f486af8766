"""The lobby swarm: a client of the lobby in Python, and thousands of them under Locust.

Its packages are floors; each imports itself and those above it in this list, nothing below:

* `results`: exit codes, validity, machine facts and the keys of run.json, shared with the lab.
* `client`: the client as a library, without Locust. Its public names are those of ``loadtest.client``.
* `wire`: the same client for thousands of connections in one process, over one shared reader.
* `measure`: what a run records and how it is judged: series, ledger, reach, metrics, thresholds, validity.
* `workload`: what players do and when: options, mix of roles, plan, arrivals, shapes.
* `players`: the players; one module per role in `players.roles`.
* `output`: what a run leaves: summary, run.json, report, JUnit XML, tabs and form of the web interface.
* `run`: the swarm in Locust: hooks, checks before a run, master and workers, monitoring.
* `calibration`: what one process of the swarm carries.

``locustfile.py``, ``python -m loadtest`` and ``python -m loadtest.calibrate`` are the ways in.
"""

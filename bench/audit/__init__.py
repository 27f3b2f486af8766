"""The auditor: recomputes what a report says from the raw readings, by code of its own.

``python -m bench.audit REPORT`` takes a report's folder (or its run.json, also compressed, with ``figures.json``
beside) and computes every number and every conclusion that ``figures.json`` cites again. It imports nothing of the
lab: what it shares with `bench.analysis` and `bench.report` is the format of the two files and the method that
docs/lab.md states. Where the two disagree, one of them is wrong, and the auditor names the figure, its place, both
values and the readings.
"""

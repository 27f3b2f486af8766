"""The specification's promises, each with what a run measured and a verdict.

The claims are those of the specification's sections "Benefits of This Architecture" and "Performance Metrics", and the
two of its testing checklist and configuration that have a number. Quotations are the specification's; figures and
verdicts computed.
"""

from __future__ import annotations

from bench.analysis.derived.overview import Overview
from bench.analysis.promises.benefits import rule_on_benefits
from bench.analysis.promises.checklist import rule_on_checklist
from bench.analysis.promises.metrics import rule_on_metrics
from bench.analysis.promises.promise import Promise

__all__ = ["Promise", "rule_on_promises"]


def rule_on_promises(figures: Overview) -> list[Promise]:
    """All claims in the specification's order."""
    return [*rule_on_benefits(figures), *rule_on_metrics(figures), *rule_on_checklist(figures)]

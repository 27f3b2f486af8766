"""junit.xml: a case for every figure, goal and promise, for machines that watch a build.

A figure that is INVALID is an error, a suspect one a skipped case with its reason, and so is a goal that is judged by
it; a missed goal is a failure. The
specification's promises are claims about the world and no tests: their verdict is the output of a case that passes.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Sequence

from bench.analysis.figures import Figure, figures_of
from bench.analysis.goals import Outcome, check_goals
from bench.analysis.promises import Promise
from bench.analysis.validity import Judgement
from bench.record.run import Run
from loadtest.results.validity import Validity


def junit_xml(run: Run, promises: Sequence[Promise]) -> bytes:
    suites = ET.Element("testsuites", name="lobby-bench")
    _add(suites, "figures", [_figure_case(each) for each in figures_of(run)])
    goals = [
        (result, found.name) for found in run.findings for result in check_goals(found) if result.figure is not None
    ]
    cases = []
    for result, name in goals:
        case = _case(name, f"{result.goal}, {result.goal.clients:,} clients")
        if result.outcome is Outcome.MISSED and result.figure is not None:
            message = f"{result.figure.value:.4g} instead of {result.goal.limit:g}{result.figure.judgement.mark}"
            ET.SubElement(case, "failure", message=message)
        elif result.figure is not None:
            _add_doubt(case, result.figure.judgement)
        cases.append(case)
    _add(suites, "goals", cases)
    cases = []
    for promise in promises:
        case = _case(promise.section, promise.claim)
        ET.SubElement(case, "system-out").text = f"{promise.ruling}: {promise.measured}"
        cases.append(case)
    _add(suites, "promises", cases)
    faults = [(result.name, fault) for result in run.findings for fault in result.faults]
    faults += list(run.failures.items())
    cases = []
    for name, fault in faults:
        case = _case(name, "ledger and run")
        ET.SubElement(case, "failure", message=fault)
        cases.append(case)
    _add(suites, "faults", cases)
    ET.indent(suites)
    text: bytes = ET.tostring(suites, encoding="utf-8", xml_declaration=True)
    return text


def _figure_case(each: Figure) -> ET.Element:
    case = _case(each.scenario, str(each))
    _add_doubt(case, each.judgement)
    return case


def _add_doubt(case: ET.Element, judgement: Judgement) -> None:
    if judgement.validity is not Validity.VALID:
        tag = "error" if judgement.validity is Validity.INVALID else "skipped"
        ET.SubElement(case, tag, message=str(judgement))


def _case(classname: str, name: str) -> ET.Element:
    return ET.Element("testcase", classname=classname, name=name)


def _add(suites: ET.Element, name: str, cases: Sequence[ET.Element]) -> None:
    suite = ET.SubElement(suites, "testsuite", name=name, tests=str(len(cases)))
    for tag, attribute in (("failure", "failures"), ("error", "errors"), ("skipped", "skipped")):
        suite.set(attribute, str(sum(case.find(tag) is not None for case in cases)))
    suite.extend(cases)

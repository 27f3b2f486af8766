"""junit.xml: a case for every figure, goal and promise, for machines that watch a build.

A figure that is INVALID is an error, a suspect one a skipped case with its reason; a missed goal is a failure. The
seed's promises are claims about the world and no tests: their verdict is the output of a case that passes.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Sequence

from bench.analysis.goals import Verdict, rule
from bench.analysis.promises import Promise
from bench.analysis.quantities import Quantity, quantities
from bench.analysis.validity import Validity
from bench.record.results import Run


def junit_xml(run: Run, promises: Sequence[Promise]) -> bytes:
    suites = ET.Element("testsuites", name="lobby-bench")
    _add(suites, "figures", [_figure_case(each) for each in quantities(run)])
    goals = [(ruling, result.name) for result in run.findings for ruling in rule(result) if ruling.figure is not None]
    cases = []
    for ruling, name in goals:
        case = _case(name, f"{ruling.goal}, {ruling.goal.clients:,} clients")
        if ruling.verdict is Verdict.MISSED and ruling.figure is not None:
            ET.SubElement(case, "failure", message=f"{ruling.figure.value:.4g} instead of {ruling.goal.limit:g}")
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


def _figure_case(each: Quantity) -> ET.Element:
    case = _case(each.scenario, str(each))
    if each.validity is Validity.INVALID:
        ET.SubElement(case, "error", message=each.reasons)
    elif each.validity is Validity.SUSPECT:
        ET.SubElement(case, "skipped", message=each.reasons)
    return case


def _case(classname: str, name: str) -> ET.Element:
    return ET.Element("testcase", classname=classname, name=name)


def _add(suites: ET.Element, name: str, cases: Sequence[ET.Element]) -> None:
    suite = ET.SubElement(suites, "testsuite", name=name, tests=str(len(cases)))
    for tag, attribute in (("failure", "failures"), ("error", "errors"), ("skipped", "skipped")):
        suite.set(attribute, str(sum(case.find(tag) is not None for case in cases)))
    suite.extend(cases)

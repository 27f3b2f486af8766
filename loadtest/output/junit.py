"""A run as JUnit XML: one test case a threshold, one for the validity. What CI servers show without being taught."""

from __future__ import annotations

from xml.etree import ElementTree

from loadtest.results.run_json import RunFile, RunValidity, ThresholdResult
from loadtest.results.validity import Validity

CLASS = "lobby_swarm"


def junit_xml(run: RunFile) -> str:
    """From the content of run.json."""
    cases = [_validity_case(run.validity), *map(_threshold_case, run.thresholds)]
    failures = sum(case.find("failure") is not None for case in cases)
    suite = ElementTree.Element(
        "testsuite",
        name="lobby swarm",
        tests=str(len(cases)),
        failures=str(failures),
        errors="0",
        time=f"{run.duration_s:.3f}",
        timestamp=run.started_at.removesuffix("Z"),
    )
    properties = ElementTree.SubElement(suite, "properties")
    for name, value in (("host", run.host), ("seed", str(run.seed))):
        ElementTree.SubElement(properties, "property", name=name, value=value)
    suite.extend(cases)
    root = ElementTree.Element("testsuites")
    root.append(suite)
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _validity_case(validity: RunValidity) -> ElementTree.Element:
    case = ElementTree.Element("testcase", classname=f"{CLASS}.validity", name="the run is valid")
    reasons = "; ".join(validity.reasons)
    if validity.level is Validity.INVALID:
        ElementTree.SubElement(case, "failure", message=reasons, type="invalid")
    said = " ".join(part for part in (validity.level.value, reasons, validity.bottleneck) if part)
    ElementTree.SubElement(case, "system-out").text = said
    return case


def _threshold_case(threshold: ThresholdResult) -> ElementTree.Element:
    case = ElementTree.Element("testcase", classname=f"{CLASS}.thresholds", name=threshold.text)
    if not threshold.is_met:
        ElementTree.SubElement(case, "failure", message=f"found {threshold.found_text}", type="threshold")
    ElementTree.SubElement(case, "system-out").text = threshold.found_text
    return case

"""A run as JUnit XML, which CI servers show: one test case per threshold, one for the validity and one
for the requests. Something fails in it exactly when the command ends with another code than 0."""

from __future__ import annotations

from xml.etree import ElementTree

from loadtest.results.run_json import RunFile, RunValidity, ThresholdResult
from loadtest.results.validity import Validity

CLASS = "lobby_swarm"


def junit_xml(run: RunFile) -> str:
    """From the content of run.json."""
    cases = [_validity_case(run.validity, _accepted(run)), _requests_case(run), *map(_threshold_case, run.thresholds)]
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


def _requests_case(run: RunFile) -> ElementTree.Element:
    """Failed requests are exit code 1, unless another was asked for."""
    case = ElementTree.Element("testcase", classname=f"{CLASS}.requests", name="no request failed")
    failed = int(run.counts.get("errors.count") or 0)
    said = f"{failed:,} of {int(run.counts.get('requests.count') or 0):,} requests failed"
    if failed and run.arguments.get("exit_code_on_error", 1) != 0:
        kinds = ", ".join(f"{number:,} × {name}" for name, number in sorted(run.errors.items()))
        ElementTree.SubElement(case, "failure", message=f"{said}: {kinds}", type="requests")
    ElementTree.SubElement(case, "system-out").text = said
    return case


def _accepted(run: RunFile) -> set[str]:
    """The levels that do not end the command with a code of their own."""
    if run.arguments.get("accept_invalid"):
        return {Validity.INVALID.value, Validity.SUSPECT.value}
    return {Validity.SUSPECT.value} if run.arguments.get("accept_suspect") else set()


def _validity_case(validity: RunValidity, accepted: set[str]) -> ElementTree.Element:
    case = ElementTree.Element("testcase", classname=f"{CLASS}.validity", name="the run is valid")
    reasons = "; ".join(validity.reasons)
    if validity.level is not Validity.VALID and validity.level.value not in accepted:
        ElementTree.SubElement(case, "failure", message=reasons, type=validity.level.value.lower())
    said = " ".join(part for part in (validity.level.value, reasons, validity.bottleneck) if part)
    ElementTree.SubElement(case, "system-out").text = said
    return case


def _threshold_case(threshold: ThresholdResult) -> ElementTree.Element:
    case = ElementTree.Element("testcase", classname=f"{CLASS}.thresholds", name=threshold.text)
    if not threshold.is_met:
        ElementTree.SubElement(case, "failure", message=f"found {threshold.found_text}", type="threshold")
    ElementTree.SubElement(case, "system-out").text = threshold.found_text
    return case

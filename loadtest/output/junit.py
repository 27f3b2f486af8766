"""A run as JUnit XML: one test case a threshold, one for the validity. What CI servers show without being taught."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

CLASS = "lobby_swarm"


def junit_xml(document: dict[str, Any]) -> str:
    """From the content of run.json."""
    cases = [_validity_case(document["validity"]), *map(_threshold_case, document["thresholds"])]
    failures = sum(case.find("failure") is not None for case in cases)
    suite = ElementTree.Element(
        "testsuite",
        name="lobby swarm",
        tests=str(len(cases)),
        failures=str(failures),
        errors="0",
        time=f"{document['duration_s']:.3f}",
        timestamp=str(document["started_at"]).removesuffix("Z"),
    )
    properties = ElementTree.SubElement(suite, "properties")
    for name in ("host", "seed"):
        ElementTree.SubElement(properties, "property", name=name, value=str(document[name]))
    suite.extend(cases)
    root = ElementTree.Element("testsuites")
    root.append(suite)
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _validity_case(validity: dict[str, Any]) -> ElementTree.Element:
    case = ElementTree.Element("testcase", classname=f"{CLASS}.validity", name="the run is valid")
    reasons = "; ".join(validity["reasons"])
    if validity["level"] == "INVALID":
        ElementTree.SubElement(case, "failure", message=reasons, type="invalid")
    said = " ".join(part for part in (validity["level"], reasons, validity["bottleneck"]) if part)
    ElementTree.SubElement(case, "system-out").text = said
    return case


def _threshold_case(threshold: dict[str, Any]) -> ElementTree.Element:
    case = ElementTree.Element("testcase", classname=f"{CLASS}.thresholds", name=threshold["text"])
    if not threshold["is_met"]:
        ElementTree.SubElement(case, "failure", message=f"found {threshold['found_text']}", type="threshold")
    ElementTree.SubElement(case, "system-out").text = threshold["found_text"]
    return case

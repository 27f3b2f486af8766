"""docs/swarm.md and docs/lab.md name the roles, options, series, scenarios and exit codes that there are."""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

from click.testing import CliRunner

import tests.loadtest.conftest  # noqa: F401  # Locust without its patches

# isort: split
import loadtest.players  # noqa: F401  # enters the roles
from bench.cli import main
from bench.record.limits import SLOW_AFTER_IDLENESS
from bench.record.profiles.standard import FULL
from loadtest.measure.metrics import METRICS
from loadtest.output.live.families import families_of
from loadtest.output.live.prometheus import exposition
from loadtest.players.roles.room_life import RoomLife
from loadtest.players.roles.socializer import Socializer
from loadtest.run.command_line import apply_plan
from loadtest.wire.profiles.profile_file import FOLDER, read_profile, shipped
from loadtest.workload.options import add_options, read_options
from loadtest.workload.roles.book import ROLES
from tests.docs.markdown import DOCS, ROOT, code, examples, section, table
from tests.docs.programs import locust_flags
from tests.loadtest.output.live.runs import concluded

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

SWARM = (DOCS / "swarm.md").read_text(encoding="utf-8")
LAB = (DOCS / "lab.md").read_text(encoding="utf-8")


def test_roles_are_those_of_the_mix() -> None:
    roles = {code(row[0]): re.findall(r"`(--[a-z-]+)`", row[2]) for row in table("swarm.md", "Roles")}
    assert list(roles) == list(ROLES.names)
    assert {option for options in roles.values() for option in options} <= locust_flags()[1]
    assert f"`--mix {ROLES.default_mix()}`" in SWARM


def test_what_the_page_says_of_the_samples_machine_is_what_the_sample_says() -> None:
    """Above 3 times a report warns, and the page says so of the sample where it was."""
    sample = (ROOT / "reports" / "sample" / "report.md").read_text(encoding="utf-8")
    [slowdown] = re.findall(r"Memory after 0.3 s of idleness \| ([\d.]+) times as slow", sample)
    assert float(slowdown) <= SLOW_AFTER_IDLENESS
    assert "sample was not made on such a machine" in LAB


def test_schedules_of_the_command_on_the_page_are_as_many_as_it_runs() -> None:
    page = (DOCS / "simulation.md").read_text(encoding="utf-8")
    [told] = re.findall(r"lobby-bench run simulation --full +# (\d+) schedules", page)
    assert int(told) == FULL.simulation.schedules * FULL.simulation.repeats


def test_options_of_the_swarm_that_are_named_exist() -> None:
    others = {
        "--cheer-interval-s",
        "--set-proc-title",
        "--presence-grace-s",
        "--auth-rate-per-min",
        "--port",
        "--count",
        "--from",
        "--help",
        "--clients",
        "--players",
        "--smoke",
        "--full",
    }
    named = set(re.findall(r"(?<![\w-])(--[a-z][a-z-]+)", SWARM))
    assert named - others <= locust_flags()[0]
    assert len(named & locust_flags()[1]) > 20


def test_series_and_numbers_are_those_that_thresholds_know() -> None:
    shown = [name for row in table("swarm.md", "Results") for name in re.findall(r"`([a-z_.]+)`", row[0])]
    files = {"run.json", "run.html", "junit.xml"}
    assert sorted(set(shown) - files) == sorted([*METRICS, *METRICS.count_names])


def test_metrics_of_the_page_are_those_that_are_served() -> None:
    shown = {name for row in table("swarm.md", "While it runs") for name in re.findall(r"`(lobby_swarm_\w+)`", row[0])}
    served = exposition(families_of(concluded("reach == 1"))).decode()
    assert shown == {_as_shown(name, kind) for name, kind in re.findall(r"^# TYPE (\w+) (\w+)", served, re.MULTILINE)}


def _as_shown(name: str, kind: str) -> str:
    return f"{name.removesuffix('_total')}_total" if kind == "counter" else name


def test_plan_and_profile_of_the_page_are_read_as_they_stand(tmp_path: Path) -> None:
    plan, lively, profile, colyseus = examples("toml", pages=[DOCS / "swarm.md"])
    for name, example in (("plan", plan), ("lively", lively), ("profile", profile)):
        (tmp_path / f"{name}.toml").write_text(example.text)
    found = apply_plan(argparse.ArgumentParser(), ["--plan", str(tmp_path / "plan.toml")])
    assert found is not None
    assert found.values["network"] == "lte"
    parser = argparse.ArgumentParser()
    add_options(parser)
    apply_plan(parser, ["--plan", str(tmp_path / "lively.toml")])
    assert read_options(vars(parser.parse_args([])))[RoomLife.life] == 0.3
    read = read_profile(str(tmp_path / "profile.toml"))
    assert read is not None
    assert read.offers == {"rooms"}
    assert tomllib.loads(colyseus.text) == {
        **tomllib.loads((FOLDER / "colyseus.toml").read_text()), "about": "Colyseus, by hand"
    }, "the one that is run against the real thing"  # fmt: skip


def test_options_of_the_life_in_rooms_are_off_by_default() -> None:
    shown = {code(row[0]) for row in table("swarm.md", "Life in rooms, quarrels")}
    assert shown == {RoomLife.life.flag, Socializer.quarrel_share.flag, Socializer.whereabouts_share.flag}
    defaults = {option.flag: option.default for option in ROLES.options}
    assert {defaults[flag] for flag in shown} == {0.0}


def test_profiles_are_those_that_ship() -> None:
    assert {code(row[0]) for row in table("swarm.md", "Servers of other protocols")} == set(shipped())


def test_scenarios_are_those_that_the_lab_lists() -> None:
    shown = [code(row[0]) for row in table("lab.md", "Scenarios")]
    listed = CliRunner().invoke(main, ["list"]).output
    in_report, engine = (re.findall(r"^([a-z-]+) {2,}\S", part, re.MULTILINE) for part in listed.split("Benches of"))
    assert shown == in_report + engine
    assert all(row[1].endswith("?") for row in table("lab.md", "Scenarios"))
    assert len(engine) == 11
    assert "The last eleven are benches" in LAB


def test_glossary_is_in_order_and_explains_each_term_once() -> None:
    terms = [row[0] for row in table("lab.md", "Glossary")]
    assert terms == sorted(set(terms), key=str.lower)
    assert {"A/A", "floor", "reach", "staleness"} <= set(terms)


def test_exit_codes_are_explained() -> None:
    """The lab has no code of its own for what is suspect."""
    for text, codes in ((section(SWARM, "Results"), "012345"), (section(LAB, "Run it"), "01234")):
        assert re.findall(r"^\| (\d) \|", text, re.MULTILINE) == list(codes)

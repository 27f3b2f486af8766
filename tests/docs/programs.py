"""What the command lines of this repository take, asked of the programs themselves."""

from __future__ import annotations

import configparser
import json
import re
import subprocess
import sys
from functools import cache

import click

from bench.cli import main as bench_main
from lobby_server.cli import main as server_main
from tests.docs.markdown import ROOT

_PARSER = """
import json
import loadtest.locustfile
from locust.argument_parser import get_parser
actions = get_parser()._actions
own = [action for action in actions if action.container.title == "lobby swarm"]
print(json.dumps([[name for action in some for name in action.option_strings] for some in (actions, own)]))
"""


@cache
def locust_flags() -> tuple[frozenset[str], frozenset[str]]:
    """All flags of ``locust -f loadtest/locustfile.py``, and those of the swarm among them. In a process of its own:
    Locust patches the standard library."""
    found = subprocess.run(
        [sys.executable, "-c", _PARSER], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    everything, own = json.loads(found.stdout)
    return frozenset(everything), frozenset(own)


def flags_of(command: click.Command) -> frozenset[str]:
    with click.Context(command) as context:
        return frozenset(name for parameter in command.get_params(context) for name in parameter.opts)


def wrong_with(line: str) -> str | None:
    """What is wrong with a command line, also with one of several that it has; None: nothing, or it is of no program of
    ours."""
    quoted = re.sub(r"'[^']*'", "quoted", line.partition(" #")[0])
    parts = re.split(r"&&|;(?: do\b)?|\||&$", quoted.strip())
    return next((wrong for part in parts if (wrong := _wrong_with_one(_without_variables(part.split()), line))), None)


def _without_variables(words: list[str]) -> list[str]:
    return words[1:] if words and re.match(r"[A-Z_]+=", words[0]) else words


def _wrong_with_one(words: list[str], line: str) -> str | None:
    given = [word.partition("=")[0] for word in words if word.startswith("-")]
    program = words[0].rpartition("/")[2] if words else ""
    if program == "lobby-server":
        return _wrong_with_group(server_main, words[1:], given, needs_command=False)
    if program == "lobby-bench":
        return _wrong_with_group(bench_main, words[1:], given, needs_command=True)
    if program == "locust" or (program == "lobby-swarm" and "-f" not in words):  # one's own may have flags of its own
        unknown = [flag for flag in given if flag not in locust_flags()[0]]
        return f"{program} has no {unknown}" if unknown else None
    if program == "pip" and words[1:2] == ["install"]:
        return _wrong_with_extras(line)
    if program == "tox":
        return _wrong_with_tox(words)
    return None


def _wrong_with_group(group: click.Command, words: list[str], given: list[str], *, needs_command: bool) -> str | None:
    assert isinstance(group, click.Group)
    named = [word for word in words if word in group.commands]
    if needs_command and not named:
        return f"no command of {group.name}: {words}"
    known = flags_of(group).union(*(flags_of(group.commands[name]) for name in named[:1]))
    if any(group.commands[name].context_settings.get("ignore_unknown_options") for name in named[:1]):
        known |= locust_flags()[0]  # it takes those of the swarm too
    unknown = [flag for flag in given if flag not in known]
    return f"no such flags: {unknown}" if unknown else None


def _wrong_with_extras(line: str) -> str | None:
    settings = configparser.ConfigParser()
    settings.read(ROOT / "setup.cfg")
    asked = re.search(r"(?:\.|lobby-server)\[([^\]]+)\]", line)
    missing = [
        name for name in (asked[1].split(",") if asked else []) if name not in settings["options.extras_require"]
    ]
    return f"no such extras: {missing}" if missing else None


def _wrong_with_tox(words: list[str]) -> str | None:
    if "-e" not in words:
        return None
    settings = configparser.ConfigParser(interpolation=None)
    settings.read(ROOT / "tox.ini")
    name = words[words.index("-e") + 1]
    return None if f"testenv:{name}" in settings or name == "py" else f"no environment {name}"

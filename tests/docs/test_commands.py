"""Command lines on the pages: our programs have the flags, and the README's calls do what it says."""

from __future__ import annotations

import json
import re
import subprocess

import pytest

from tests.docs.markdown import PAGES, ROOT, Example, examples, without_fences
from tests.docs.programs import wrong_with
from tests.docs.server import Target
from tests.patience import PATIENCE_S


def lines_of(example: Example) -> list[str]:
    return [line for line in example.text.replace("\\\n", " ").splitlines() if line.strip()]


@pytest.mark.parametrize("example", examples("sh"), ids=str)
def test_commands_take_what_they_are_given(example: Example) -> None:
    assert [(line, wrong) for line in lines_of(example) if (wrong := wrong_with(line))] == []


def test_no_command_stands_where_none_is_checked() -> None:
    ours = re.compile(r"(pip install|lobby-server|lobby-bench|lobby-swarm|locust|tox|python -m) ")
    unchecked = [(str(example), line) for example in examples("") for line in lines_of(example) if ours.match(line)]
    assert unchecked == []


def test_commands_inside_sentences_take_what_they_are_given() -> None:
    wrong = []
    for page in PAGES:
        for command in re.findall(
            r"`((?:lobby-server|lobby-bench|lobby-swarm|locust|tox|pip) [^`…]+)`", without_fences(page.read_text())
        ):
            if (fault := wrong_with(command)) is not None:
                wrong.append((page.name, command, fault))
    assert wrong == []


@pytest.mark.parametrize(
    "line",
    [
        "lobby-server --prot 5", "lobby-server mint-tokens --number 5", "lobby-bench reports", "lobby-bench run --qick",
        "locust -f loadtest/locustfile.py --mixture x", "pip install '.[nothing]'",
        "pip install 'lobby-server[nothing]'", "tox -e nowhere", "lobby-swarm --mixture x",
        "A='b c' lobby-server --prot 5",
        "for n in 1 2; do lobby-bench gate --putout runs/$n; done", "python3 -m venv .venv && .venv/bin/tox -e nowhere",
    ],
)  # fmt: skip
def test_slip_in_a_command_is_found(line: str) -> None:
    assert wrong_with(line)


def test_calls_of_the_readme_answer_as_it_says(target: Target) -> None:
    (block,) = [example for example in examples("sh", pages=[ROOT / "README.md"]) if "curl" in example.text]
    token, ran, has_token = "", 0, False
    for line in lines_of(block):
        command, _, comment = line.partition("  # ")
        if command.startswith("TOKEN="):  # what a reader copies out of the answer before
            assert token.startswith(command.strip().removeprefix("TOKEN=").removesuffix("…"))
            has_token = True
            continue
        assert has_token or "$TOKEN" not in command
        command = command.replace("localhost:30820", f"127.0.0.1:{target.port}").replace("$TOKEN", token)
        printed = subprocess.run(
            ["bash", "-euc", command], capture_output=True, text=True, timeout=PATIENCE_S, check=True
        ).stdout
        answer = json.loads(printed)
        shown = json.loads(re.sub(r"\{…\}|\[…\]", "null", comment))
        assert list(answer) == list(shown)
        assert all(answer[name] == value for name, value in shown.items() if value not in (None, "…"))
        token = answer.get("token", token)
        ran += 1
    assert ran == 3

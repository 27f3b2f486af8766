"""The description of the HTTP API is what the server does, both ways: what fits it is taken, what does not is refused,
and every answer is one that it names. By schemathesis, against a server process.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench.processes.target import Target
from tests.process.clients import call, register, token_of

CHECKS = [
    "not_a_server_error", "status_code_conformance", "content_type_conformance", "response_schema_conformance",
    "negative_data_rejection", "unsupported_method", "described_data_is_taken",
]  # fmt: skip
ENDS_THE_TOKEN = "/api/auth/logout"
NO_LIMITS = ["--auth-rate-per-min", "0", "--social-rate-per-min", "0"]


def run_schemathesis(target: Target, token: str, folder: Path, *, examples: int) -> subprocess.CompletedProcess[str]:
    pytest.importorskip("schemathesis")
    command = [
        sys.executable, "-c", "import schemathesis.cli; schemathesis.cli.schemathesis()", "run",
        f"{target.http_url}/api/openapi.json", "--header", f"Authorization: Bearer {token}",
        "--checks", ",".join(CHECKS), "--max-examples", str(examples), "--seed", "1", "--no-color",
        "--exclude-path", ENDS_THE_TOKEN, "--generation-database", "none", "--phases", "examples,coverage,fuzzing",
    ]  # fmt: skip
    environment = {**os.environ, "SCHEMATHESIS_HOOKS": "tests.web.openapi.schemathesis_checks"}
    environment["PYTHONPATH"] = str(Path(__file__).parents[3])
    return subprocess.run(command, capture_output=True, text=True, timeout=900, cwd=folder, env=environment)


@pytest.mark.slow
@pytest.mark.parametrize("role", [None, "admin"])
def test_description_is_what_the_server_does(tmp_path: Path, role: str | None) -> None:
    target = Target(data_dir=tmp_path / "data", flags=NO_LIMITS)
    with target.running():
        account = register(target, "fuzzer").body["user"]
        token = token_of(target, account["id"], "fuzzer", **({"role": role} if role else {}))
        done = run_schemathesis(target, token, tmp_path, examples=40)
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    assert "ERROR" not in target.log_path.read_text()


def test_description_says_null_for_what_may_be_left_out_and_one_of_what_names_a_user() -> None:
    target = Target()
    with target:
        schemas = call(target, "GET", "/api/openapi.json").body["components"]["schemas"]
    wish, whom = schemas["RoomWish"]["properties"], schemas["Whom"]
    assert {"type": "null"} in wish["isPublic"]["anyOf"]
    assert {"type": "null"} in wish["maxPlayers"]["anyOf"]
    assert json.dumps(wish["gamemode"]).count("null") == 0
    assert [each["required"] for each in whom["anyOf"]] == [["to_user_id"], ["to_username"]]
    assert {"minLength", "maxLength", "pattern"} <= set(schemas["Registration"]["properties"]["password"])


def test_calls_have_summaries_that_tell_them_apart() -> None:
    with Target() as target:
        paths = call(target, "GET", "/api/openapi.json").body["paths"]
    summaries = [told["summary"] for methods in paths.values() for told in methods.values() if "summary" in told]
    assert len(summaries) > 30
    assert {each for each in summaries if summaries.count(each) > 1} == set()
    assert "as its sender or the leader" in paths["/api/parties/{party_id}/invites/{user_id}"]["delete"]["summary"]
    assert "or all of them as the host" in paths["/api/rooms/{room_id}/invites/{user_id}"]["delete"]["summary"]

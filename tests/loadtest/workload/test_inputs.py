"""The parts of the swarm that need no Locust: options, pacing, identities, marks, figures."""

from pathlib import Path

import pytest

from loadtest.results.exit_codes import UsageError
from loadtest.workload.inputs import check_host, read_tokens
from tests.loadtest.fakes import JWT


@pytest.mark.parametrize(
    "host",
    [
        None,
        "",
        "localhost:30820",
        "ftp://x",
        "http://",
        "http://x:0",
        "http://x:99999999",
        "http://x?a=b",
        "http://x/#a",
    ],
)
def test_hosts_that_are_none(host: str | None):
    with pytest.raises(UsageError, match="http://localhost:30820"):
        check_host(host)


def test_host_loses_its_last_slash():
    assert check_host("https://lobby.example:8443/") == "https://lobby.example:8443"
    assert check_host("https://play.example/lobby/") == "https://play.example/lobby"


def test_tokens_come_one_a_line(tmp_path: Path):
    path = tmp_path / "tokens"
    path.write_text(f"{JWT}\n\n  a.b.c\r\n")
    assert read_tokens(path) == (JWT, "a.b.c")


@pytest.mark.parametrize(
    ("content", "says"),
    [("", "holds no token"), ("\n \n", "holds no token"), (f"{JWT}\nnope\n", "line 2 .* is no JWT"), ("\0", "line 1")],
)
def test_token_files_that_are_none(tmp_path: Path, content: str, says: str):
    path = tmp_path / "tokens"
    path.write_text(content)
    with pytest.raises(UsageError, match=says):
        read_tokens(path)


def test_a_token_file_that_is_missing():
    with pytest.raises(UsageError, match="No such file"):
        read_tokens(Path("/nowhere/tokens"))


def test_a_token_that_is_there_twice_is_one_user_for_two_players(tmp_path: Path):
    path = tmp_path / "tokens"
    path.write_text(f"a.b.c\n{JWT}\n\na.b.c\n")
    with pytest.raises(UsageError, match=r"lines 1 and 4 .* are the same token"):
        read_tokens(path)

"""``--host`` for several nodes: on the command line, and checked."""

from __future__ import annotations

import argparse

import pytest

from loadtest.results.exit_codes import UsageError
from loadtest.workload.inputs import check_hosts, take_several_hosts

A, B, C = "http://127.0.0.1:1", "http://127.0.0.1:2", "http://127.0.0.1:3"


def parse(*arguments: str) -> str | None:
    parser = argparse.ArgumentParser()
    parser.add_argument("-H", "--host")
    take_several_hosts(parser)
    host: str | None = parser.parse_args(arguments).host
    return host


def test_host_may_be_given_several_times_with_commas_or_not_at_all() -> None:
    assert parse("--host", A) == A
    assert parse("--host", A, "-H", B, "--host", C) == f"{A},{B},{C}"
    assert parse("--host", f"{A},{B}", "--host", C) == f"{A},{B},{C}"
    assert parse() is None


def test_hosts_are_checked_one_by_one() -> None:
    assert check_hosts(f"{A}/, {B}") == (A, B)
    assert check_hosts(A) == (A,)


@pytest.mark.parametrize(
    ("hosts", "sentence"),
    [
        (None, "Name the server to load"),
        (" , ", "Name the server to load"),
        (f"{A},localhost:2", "--host localhost:2 is no address of a server"),
        (f"{A},{B},{A}/", f"--host names {A} twice: give each node once."),
    ],
)
def test_hosts_that_cannot_be_used_get_a_sentence(hosts: str | None, sentence: str) -> None:
    with pytest.raises(UsageError) as refused:
        check_hosts(hosts)
    assert sentence in str(refused.value)

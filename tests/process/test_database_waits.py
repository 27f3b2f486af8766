"""A start whose database is not up: it waits, says so, and ends with a code that a supervisor retries."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bench.processes.target import Target, TargetFailed
from tests.process.clients import call, wait_until
from tests.store.stoppable import StoppablePostgres, stoppable_postgres

pytestmark = pytest.mark.system

SHORT = ["--database-wait-s", "0.3"]


@pytest.fixture(scope="module")
def server() -> Iterator[StoppablePostgres]:
    with stoppable_postgres() as started:
        yield started


@pytest.fixture
def url(server: StoppablePostgres) -> str:
    server.start()
    return server.url(asyncio.run(server.empty_database()))


def refusal(target: Target, *, code: int) -> str:
    """The sentence with which a start ends."""
    with pytest.raises(TargetFailed) as failed:
        target.start()
    target.stop()
    assert f"exit code {code})" in str(failed.value)
    log = target.log_path.read_text()
    assert "Traceback" not in log
    said = [line for line in log.splitlines() if line.startswith("lobby-server: ")]
    assert len(said) == 1
    return said[0]


def test_start_waits_for_a_database_that_comes_up_meanwhile(
    server: StoppablePostgres, url: str, tmp_path: Path
) -> None:
    server.stop()
    target = Target(data_dir=tmp_path, flags=["--database-url", url, "--database-wait-s", "600"])
    with ThreadPoolExecutor(1) as pool:
        starting = pool.submit(target.start)
        wait_until(lambda: target.log_path.exists() and "waiting up to 600 s" in target.log_path.read_text())
        server.start()
        starting.result()
    assert call(target, "GET", "/readyz").status == 200
    assert target.stop() == 0
    assert target.log_path.read_text().count("waiting up to") == 1


def test_database_that_stays_away_is_exit_code_75(server: StoppablePostgres, url: str, tmp_path: Path) -> None:
    server.stop()
    sentence = refusal(Target(data_dir=tmp_path, flags=["--database-url", url, *SHORT]), code=75)
    assert "Nothing answers as PostgreSQL" in sentence


def test_database_that_is_frozen_is_exit_code_75(server: StoppablePostgres, url: str, tmp_path: Path) -> None:
    server.freeze()
    try:
        flags = ["--database-url", f"{url}&connect_timeout=1", *SHORT]
        sentence = refusal(Target(data_dir=tmp_path, flags=flags), code=75)
    finally:
        server.thaw()
    assert "did not answer within 1 s" in sentence


def test_database_that_takes_no_writes_is_exit_code_75(server: StoppablePostgres, url: str, tmp_path: Path) -> None:
    target = Target(data_dir=tmp_path, flags=["--database-url", url, *SHORT])
    with target.running():
        assert call(target, "GET", "/readyz").status == 200
    asyncio.run(server.run("ALTER DATABASE empty SET default_transaction_read_only = on"))
    try:
        sentence = refusal(target, code=75)
    finally:
        asyncio.run(server.run("ALTER DATABASE empty RESET default_transaction_read_only"))
    assert "takes no writes" in sentence


def test_role_that_may_only_read_is_exit_code_2(server: StoppablePostgres, url: str, tmp_path: Path) -> None:
    with Target(data_dir=tmp_path, flags=["--database-url", url, *SHORT]):
        pass
    if not asyncio.run(server.run("SELECT count(*) FROM pg_roles WHERE rolname = 'only_reads'")):
        asyncio.run(server.run("CREATE ROLE only_reads LOGIN"))
    for grant in ("USAGE ON SCHEMA public", "SELECT ON ALL TABLES IN SCHEMA public"):
        asyncio.run(server.run(f"GRANT {grant} TO only_reads", database="empty"))
    target = Target(data_dir=tmp_path, flags=["--database-url", server.url("empty", user="only_reads"), *SHORT])
    assert "may not write the table" in refusal(target, code=2)


def test_signal_ends_a_start_that_waits(server: StoppablePostgres, url: str, tmp_path: Path) -> None:
    server.stop()
    target = Target(data_dir=tmp_path, flags=["--database-url", url, "--database-wait-s", "600"])
    with ThreadPoolExecutor(1) as pool:
        starting = pool.submit(target.start)
        wait_until(lambda: target.log_path.exists() and "waiting up to 600 s" in target.log_path.read_text())
        assert target.process is not None
        target.process.send_signal(signal.SIGTERM)
        with pytest.raises(TargetFailed, match="exit code 0"):
            starting.result()
    target.stop()


def test_other_signals_do_not_end_a_start_that_waits(server: StoppablePostgres, url: str, tmp_path: Path) -> None:
    server.stop()
    target = Target(data_dir=tmp_path, flags=["--database-url", url, "--database-wait-s", "600"])
    with ThreadPoolExecutor(1) as pool:
        starting = pool.submit(target.start)
        wait_until(lambda: target.log_path.exists() and "waiting up to 600 s" in target.log_path.read_text())
        assert target.process is not None
        for number in (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2):
            target.process.send_signal(number)
        server.start()
        starting.result()
    assert call(target, "GET", "/readyz").status == 200
    assert target.stop() == 0
    assert "Traceback" not in target.log_path.read_text()


# -- TLS --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("parameter", ["sslrootcert", "sslcert"])
def test_certificate_file_that_is_missing_is_named(url: str, tmp_path: Path, parameter: str) -> None:
    missing = tmp_path / "missing.pem"
    bad = f"postgresql://u@127.0.0.1:1/lobby?sslmode=verify-full&sslrootcert={__file__}&{parameter}={missing}"
    sentence = refusal(Target(data_dir=tmp_path, flags=["--database-url", bad, *SHORT]), code=2)
    assert f"{parameter} of --database-url names {missing}" in sentence


def test_url_parameter_that_nobody_knows_is_named(tmp_path: Path) -> None:
    bad = "postgresql://u:hunter2@127.0.0.1:1/lobby?colour=blue"
    sentence = refusal(Target(data_dir=tmp_path, flags=["--database-url", bad, *SHORT]), code=2)
    assert "the parameter colour" in sentence

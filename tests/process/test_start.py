"""The start of a real process: what it prints, and what it says when it cannot start."""

from __future__ import annotations

import os
import re
import select
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import jwt
import pytest

from bench.processes.cluster.ports import free_port
from bench.processes.target import Target
from lobby_server import __version__
from tests.patience import PATIENCE_S
from tests.process.clients import call, connect, register, shake_hands, token_of, wait_until

pytestmark = pytest.mark.system

COMMAND = [sys.executable, "-m", "lobby_server"]


def environment(**changes: str) -> dict[str, str]:
    """Ours, without what sets a lobby server."""
    return {name: value for name, value in os.environ.items() if not name.startswith("LOBBY_")} | changes


# -- what it says when it cannot start ----------------------------------------------------------------------------

FAULTS = {  # arguments, environment, and what the sentence must name; {…} are filled in by the fixture
    "port taken": (["--port", "{taken}"], {}, "--port"),
    "address of another machine": (["--address", "192.0.2.1"], {}, "--address"),
    "data folder is a file": (["--data-dir", "{file}"], {}, "--data-dir"),
    "data folder below a file": (["--data-dir", "{file}/data"], {}, "--data-dir"),
    "made secret is empty": (["--data-dir", "{emptied}"], {}, "jwt-secret"),
    "database is none": (["--data-dir", "{spoilt}"], {}, ""),
    "database of another kind": (["--database-url", "mysql://root@localhost/lobby"], {}, "--database-url"),
    "database url unreadable": ([], {"LOBBY_DATABASE_URL": "postgresql://a:b@c:port/d"}, "--database-url"),
    "postgres away": (
        ["--database-wait-s", "0", "--database-url", "postgresql+asyncpg://u:hunter2@127.0.0.1:{free}/lobby"],
        {},
        "{free}",
    ),
    "setting by flag": (["--heartbeat-timeout-s", "0"], {}, "--heartbeat-timeout-s"),
    "setting by environment": ([], {"LOBBY_MAX_CONNECTIONS": "many"}, "LOBBY_MAX_CONNECTIONS"),
    "log file in no folder": (["--log-file", "{file}/lobby.log"], {}, "--log-file"),
    "file of secrets missing": (["--jwt-secret-file", "{file}.none"], {}, "--jwt-secret-file"),
    "file of secrets empty": (["--jwt-secret-file", "{file}"], {}, "holds no secret"),
    "secret of another kind": ([], {"LOBBY_JWT_SECRET": "ssh-ed25519 " + "A" * 60}, "another kind"),
    "origin that no browser sends": (["--allowed-origins", "game.example"], {}, "--allowed-origins"),
    "the same, of workers": (["--allowed-origins", "game.example", "--workers", "2"], {}, "--allowed-origins"),
    "the same, with a log file": (["--allowed-origins", "game.example", "--log-file", "{own}/log"], {}, "--allowed-"),
    "mail server of no scheme": (
        ["--smtp-url", "mail.example", "--mail-from", "a@b.example", "--public-url", "https://b.example"],
        {},
        "--smtp-url",
    ),
    "database in no folder": (["--database-url", "sqlite:///{file}.none/lobby.sqlite3"], {}, "--database-url"),
    "port of workers taken": (["--port", "{taken}", "--workers", "2"], {}, "--port"),
    "certificate missing": (["--tls-cert", "{file}", "--tls-key", "{file}"], {}, "--tls-cert"),
}


AT_ONCE = 4
"""Programs that start at the same time."""
TRY_AGAIN = {"postgres away"}
"""Those that a supervisor should try again: exit code 75, not 2."""


@pytest.fixture(scope="module")
def faults(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[int, str, str, list[str]]]:
    """Exit code, output and complaint of each, some tried at the same time, and what it has made."""
    folder = tmp_path_factory.mktemp("faults")
    for name in ("emptied", "spoilt"):
        (folder / name).mkdir()
    (folder / "emptied" / "jwt-secret").write_text("")
    (folder / "spoilt" / "lobby.sqlite3").write_bytes(b"this is no database\n" * 500)
    (folder / "file").write_text("")
    with socket.create_server(("127.0.0.1", 0)) as taken, socket.socket() as free:
        free.bind(("127.0.0.1", 0))  # nobody listens there
        places = {
            "taken": taken.getsockname()[1],
            "free": free.getsockname()[1],
            **{name: folder / name for name in ("file", "emptied", "spoilt")},
        }

        def ended(number: int, name: str) -> tuple[int, str, str, list[str]]:
            arguments, variables, _ = FAULTS[name]
            own = folder / f"{number}"
            own.mkdir()
            given = [argument.format(**places, own=own) for argument in arguments]
            defaults = ["--port", "0", "--data-dir", str(own / "data")]
            done = subprocess.run(
                [*COMMAND, *defaults, *given],
                env=environment(**variables),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=PATIENCE_S,
            )
            return done.returncode, done.stdout, done.stderr, sorted(path.name for path in own.rglob("*"))

        with ThreadPoolExecutor(AT_ONCE) as pool:
            found = pool.map(ended, range(len(FAULTS)), FAULTS)
            return dict(zip(FAULTS, found, strict=True))


@pytest.mark.parametrize("fault", FAULTS)
def test_what_keeps_it_from_starting_is_said_in_one_sentence_with_its_exit_code(
    faults: dict[str, tuple[int, str, str, list[str]]], fault: str
) -> None:
    code, output, complaint, made = faults[fault]
    assert (code, output) == (75 if fault in TRY_AGAIN else 2, "")
    # A warning of the log may come before it: the secret that was made.
    said = [line for line in complaint.splitlines() if " WARNING " not in line]
    assert len(said) == 1, complaint
    assert said[0].startswith("lobby-server: ")
    assert said[0].endswith(".")
    assert "Traceback" not in complaint
    assert "hunter2" not in complaint
    expected = FAULTS[fault][2]
    assert expected in said[0] or "{" in expected
    assert made == [], "nothing is made before every setting is checked"


# -- what it prints when it can -----------------------------------------------------------------------------------


def test_first_line_says_address_data_folder_and_version_without_uvloop_too(tmp_path: Path) -> None:
    data_dir = tmp_path / "new folder" / "d\u00e4ta"
    without_uvloop = "import sys; sys.modules['uvloop'] = None; from lobby_server.cli import main; main()"
    process = subprocess.Popen(
        [sys.executable, "-c", without_uvloop, "--port", "0", "--data-dir", str(data_dir)],
        # A locale that has not every character, and a variable that the flag wins over.
        env=environment(PYTHONIOENCODING="ascii", LOBBY_PORT="1", LOBBY_DATA_DIR="/dev/null/x"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        found = re.match(r"listening on http://127\.0\.0\.1:(\d+) .*", line)
        assert found is not None, line
        assert str(data_dir.parent) in line
        assert line.rstrip("\n").endswith(f"lobby-server {__version__}")
        secret = {"LOBBY_JWT_SECRET": (data_dir / "jwt-secret").read_text()}
        target = Target(data_dir=data_dir, port=int(found.group(1)), environment=secret)
        connect(target, token_of(target, 1, "ann")).close()  # it accepts by then
    finally:
        process.terminate()
        rest, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0
    assert rest == ""


@pytest.mark.parametrize("has_log_elsewhere", [False, True])
def test_terminal_is_told_once_that_the_server_listens_and_a_log_elsewhere_too(
    has_log_elsewhere: bool, tmp_path: Path
) -> None:
    ours, its = os.openpty()
    log = tmp_path / "log"
    with log.open("wb") as file:
        process = subprocess.Popen(
            [*COMMAND, "--port", "0", "--data-dir", str(tmp_path / "data")],
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=its,
            stderr=file if has_log_elsewhere else its,
        )
        os.close(its)
    try:
        shown = b""
        while b"lobby-server " not in shown or not shown.endswith(b"\n"):
            assert select.select([ours], [], [], PATIENCE_S)[0], shown
            shown += os.read(ours, 65536)
    finally:
        process.terminate()
        process.wait(timeout=PATIENCE_S)
    try:
        while more := os.read(ours, 65536):
            shown += more
    except OSError:  # nobody has the other end any more
        pass
    os.close(ours)
    assert shown.count(b"listening on") == 1, shown
    assert ("[event=started]" in log.read_text()) == has_log_elsewhere
    assert has_log_elsewhere or b"[event=drained]" in shown, "the rest of the log stays there"


def test_command_of_that_name_is_installed() -> None:
    script = Path(sys.executable).with_name("lobby-server")
    command = [str(script)] if script.exists() else COMMAND
    printed = subprocess.run([*command, "--version"], capture_output=True, text=True, check=True, timeout=PATIENCE_S)
    assert printed.stdout == f"lobby-server, version {__version__}\n"
    assert printed.stderr == ""


# -- the secret that it makes -------------------------------------------------------------------------------------


def test_made_secret_is_told_of_is_nobody_elses_and_outlives_the_process(tmp_path: Path) -> None:
    target = Target(data_dir=tmp_path, environment={"LOBBY_JWT_SECRET": ""})
    with target.running():
        token = register(target, "ann").body["token"]
        assert call(target, "GET", "/api/auth/verify", token=token).status == 200
    secret_file = tmp_path / "jwt-secret"
    assert secret_file.stat().st_mode & 0o777 == 0o600
    assert str(secret_file) in target.log_path.read_text()
    for readable in tmp_path.iterdir():
        if readable != target.log_path:
            assert readable.stat().st_mode & 0o077 == 0, readable
    target.port = 0
    with target.running():
        assert call(target, "GET", "/api/auth/verify", token=token).status == 200
        minted = subprocess.run(
            [*COMMAND, "--data-dir", str(tmp_path), "mint-tokens", "--count", "3", "--role", "admin"],
            env=environment(), capture_output=True, text=True, check=True, timeout=PATIENCE_S,
        )  # fmt: skip
        for number, minted_token in enumerate(minted.stdout.split(), 1):
            assert jwt.decode(minted_token, options={"verify_signature": False})["role"] == "admin"
            client = connect(target)
            assert shake_hands(client, minted_token)["data"]["username"] == f"player{number}"
            client.close()
    assert target.log_path.read_text().count(str(secret_file)) == 1


@pytest.mark.parametrize("output", ["closed pipe", "full disk"])
def test_server_whose_standard_output_takes_nothing_serves_and_ends_in_an_orderly_way(
    tmp_path: Path, output: str
) -> None:
    port = free_port()
    if output == "closed pipe":
        reader, writer = os.pipe()
        os.close(reader)
    else:
        writer = os.open("/dev/full", os.O_WRONLY)
    process = subprocess.Popen(
        [*COMMAND, "--port", str(port), "--data-dir", str(tmp_path / "data")],
        env=environment(), stdin=subprocess.DEVNULL, stdout=writer, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    os.close(writer)
    try:
        wait_until(lambda: process.poll() is not None or is_ready(Target(data_dir=tmp_path, port=port)))
        process.terminate()
        _, log = process.communicate(timeout=PATIENCE_S)
    finally:
        process.kill()
    assert (process.returncode, "Traceback" in log, "Exception ignored" in log) == (0, False, False), log
    assert "standard output takes nothing" in log
    assert "drained" in log


@pytest.mark.parametrize(("workers", "starts"), [("1", 1), ("2", 3)])
def test_server_that_is_given_no_standard_output_serves_and_ends_in_an_orderly_way(
    tmp_path: Path, workers: str, starts: int
) -> None:
    """`starts`: how many processes say so, the supervisor last."""
    log = tmp_path / "log"
    flags = ["--port", "0", "--workers", workers, "--data-dir", str(tmp_path / "data")]
    with log.open("wb") as file:
        process = subprocess.Popen(
            ["sh", "-c", 'exec "$@" >&-', "sh", *COMMAND, *flags],
            env=environment(), stdin=subprocess.DEVNULL, stderr=file,
        )  # fmt: skip
    try:
        wait_until(lambda: process.poll() is not None or log.read_text().count("[event=started") == starts)
        process.terminate()
        code = process.wait(timeout=PATIENCE_S)
    finally:
        process.kill()
    told = log.read_text()
    assert (code, "Traceback" in told) == (0, False), told
    assert told.count("[event=started") == starts
    assert "[event=drained]" in told


def is_ready(target: Target) -> bool:
    try:
        return call(target, "GET", "/readyz").status == 200
    except OSError:
        return False


def test_tokens_for_a_full_disk_end_with_one_sentence(tmp_path: Path) -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [*COMMAND, "--data-dir", str(tmp_path), "mint-tokens", "--count", "100"],
            env=environment(LOBBY_JWT_SECRET="s" * 32), stdout=full, stderr=subprocess.PIPE, text=True,
            timeout=PATIENCE_S,
        )  # fmt: skip
    assert (done.returncode, done.stderr) == (
        1, "lobby-server: standard output takes nothing: No space left on device.\n",
    )  # fmt: skip

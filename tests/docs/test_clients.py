"""The clients of docs/clients.md, run against a real server that is killed and started again in the middle."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from tests import installed
from tests.docs.markdown import DOCS, section
from tests.docs.server import Target, call, token_of, wait_until
from tests.patience import PATIENCE_S

pytestmark = pytest.mark.system

ROOT = DOCS.parent
PAGE = (DOCS / "clients.md").read_text(encoding="utf-8")


def blocks(heading: str, language: str) -> list[str]:
    text = section(PAGE, heading)
    return [part.partition("```")[0] for part in text.split(f"```{language}\n")[1:]]


@pytest.fixture
def own_target() -> Iterator[Target]:
    """A server that a test may restart, however long that takes: an empty room outlives it."""
    with Target(flags=["--auth-rate-per-min", "0", "--empty-room-ttl-s", "3600"]) as running:
        yield running


class Program:
    """A running example and what it has printed."""

    def __init__(self, command: Sequence[str], *, folder: Path, environment: dict[str, str] | None = None) -> None:
        self.lines: list[str] = []
        self._process = subprocess.Popen(
            command, cwd=folder, env={**os.environ, **(environment or {})},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def __enter__(self) -> Program:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        self._reader.join()
        assert self._process.stdin is not None
        self._process.stdin.close()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def wait_for(self, line: str, times: int = 1) -> None:
        try:
            wait_until(lambda: self.lines.count(line) >= times, PATIENCE_S)
        except AssertionError:
            raise AssertionError(f"{line!r} was not printed {times} times: {self.lines}") from None

    def press_enter(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()

    def exit_code(self) -> int:
        return self._process.wait(PATIENCE_S)

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.lines.append(line.rstrip("\n"))


def at(target: Target, code: str, token: str = "") -> str:
    """An example with the address of the server and a token in it."""
    return code.replace("localhost:30820", f"127.0.0.1:{target.port}").replace("<token>", token)


def lives_through_a_restart(program: Program, target: Target, *, user_id: int, token: str) -> None:
    """What every one of them does: connects, hears of itself and of rooms, comes back, gives up when signed out."""
    program.wait_for("connection_established")
    program.wait_for(f"{user_id} true")
    program.wait_for("0 rooms")
    maker = token_of(target, 900, "maker")
    assert call(target, "POST", "/api/rooms", {"gamemode": "duel"}, token=maker).status == 201
    program.wait_for("1 rooms")

    target.kill()
    program.wait_for("connection_lost")
    target.start()
    program.wait_for("connection_established", times=2)
    program.wait_for("1 rooms", times=2)

    call(target, "POST", "/api/auth/logout", token=token)
    program.wait_for("connection_refused")


# -- Godot --------------------------------------------------------------------------------------------------------

GODOT_PROJECT = """config_version=4
[application]
config/name="Documentation"
run/main_scene="res://main.tscn"
[autoload]
WSManager="*res://ws_manager.gd"
RoomList="*res://room_list.gd"
"""
GODOT_SCENE = """[gd_scene load_steps=2 format=2]
[ext_resource path="res://main.gd" type="Script" id=1]
[node name="Main" type="Node"]
script = ExtResource( 1 )
"""
GODOT_GAME = """extends Node

func _ready():
	for name in ["connection_established", "connection_lost"]:
		WSManager.connect(name, self, "_tell", [name])
	WSManager.connect("connection_refused", self, "_refused")
	WSManager.connect("user_status_changed", self, "_status")
	RoomList.connect("list_updated", self, "_rooms")
	WSManager.first_retry_s = 0.5
	WSManager.connect_to_server("<token>")

func _tell(name):
	print(name)

func _refused(reason):
	print("connection_refused")
	print("refused because of ", reason)

func _status(user_id, is_online):
	print(user_id, " ", "true" if is_online else "false")

func _rooms(rooms):
	print(rooms.size(), " rooms")
"""


def test_godot_3_client_lives_through_a_restart(own_target: Target, tmp_path: Path) -> None:
    godot = installed.program("godot3-server", package="godot3-server")
    manager, room_list = blocks("Godot 3", "gdscript")
    token = token_of(own_target, 41, "ada")
    for name, text in {
        "project.godot": GODOT_PROJECT, "main.tscn": GODOT_SCENE, "main.gd": GODOT_GAME,
        "ws_manager.gd": manager, "room_list.gd": room_list,
    }.items():  # fmt: skip
        (tmp_path / name).write_text(at(own_target, text, token), encoding="utf-8")
    with Program([godot, "--path", "."], folder=tmp_path, environment={"HOME": str(tmp_path)}) as program:
        lives_through_a_restart(program, own_target, user_id=41, token=token)
        program.wait_for("refused because of 4502")
        assert not [line for line in program.lines if "SCRIPT ERROR" in line]


GODOT_SECOND_LOGIN = """extends Node

func _ready():
	WSManager.connect("connection_established", self, "_established")
	WSManager.first_retry_s = 1000
	WSManager.server_url = "ws://127.0.0.1:1"
	WSManager.connect_to_server("<token>")

func _process(_delta):
	if WSManager.server_url.ends_with(":1") and not WSManager._retry.is_stopped():
		print("about to retry")
		WSManager.server_url = "ws://localhost:30820"
		WSManager.connect_to_server("<token>")

func _established():
	print("established, retry is stopped: ", WSManager._retry.is_stopped())
"""


def test_godot_3_client_that_connects_while_it_waits_drops_the_retry(own_target: Target, tmp_path: Path) -> None:
    godot = installed.program("godot3-server", package="godot3-server")
    manager, room_list = blocks("Godot 3", "gdscript")
    token = token_of(own_target, 41, "ada")
    for name, text in {
        "project.godot": GODOT_PROJECT, "main.tscn": GODOT_SCENE, "main.gd": GODOT_SECOND_LOGIN,
        "ws_manager.gd": manager, "room_list.gd": room_list,
    }.items():  # fmt: skip
        (tmp_path / name).write_text(at(own_target, text, token), encoding="utf-8")
    with Program([godot, "--path", "."], folder=tmp_path, environment={"HOME": str(tmp_path)}) as program:
        program.wait_for("about to retry")
        program.wait_for("established, retry is stopped: True")


GODOT_IN_THE_BACKGROUND = """extends Node

func _ready():
	Engine.target_fps = 2
	WSManager.connect("connection_lost", self, "_lost")
	WSManager.connect_to_server("<token>")

func _lost():
	print("connection_lost")
"""


def test_godot_3_client_sends_its_heartbeats_in_time_at_two_pictures_per_second(
    own_target: Target, tmp_path: Path
) -> None:
    """A Timer counts 0.133 s for a picture of 0.5 s: its second heartbeat would come after the client has given up, and
    so each time. One that gives up on a busy machine has another chance."""
    godot = installed.program("godot3-server", package="godot3-server")
    manager, room_list = blocks("Godot 3", "gdscript")
    for constant, quick in {"HEARTBEAT_S = 30.0": "HEARTBEAT_S = 1.0", "SILENCE_S = 75.0": "SILENCE_S = 3.5"}.items():
        assert constant in manager
        manager = manager.replace(constant, quick)
    for name, text in {
        "project.godot": GODOT_PROJECT, "main.tscn": GODOT_SCENE, "main.gd": GODOT_IN_THE_BACKGROUND,
        "ws_manager.gd": manager, "room_list.gd": room_list,
    }.items():  # fmt: skip
        (tmp_path / name).write_text(at(own_target, text, token_of(own_target, 41, "ada")), encoding="utf-8")
    for _ in range(3):
        wanted = messages_in(own_target) + 5  # the handshake and four heartbeats
        with Program([godot, "--path", "."], folder=tmp_path, environment={"HOME": str(tmp_path)}) as program:
            wait_until(
                lambda wanted=wanted, lines=program.lines: "connection_lost" in lines
                or messages_in(own_target) >= wanted,
                PATIENCE_S,
            )  # fmt: skip
            if "connection_lost" not in program.lines:
                return
    pytest.fail("it gave up three times, before four heartbeats were out")


@pytest.mark.parametrize("heading", ["Godot 4", "Godot 3"])
def test_gdscript_parses(heading: str) -> None:
    """There is no Godot 4 in Debian: its client is at least held against the grammar of the language."""
    parser = pytest.importorskip("gdtoolkit.parser", reason="gdtoolkit comes with the test extra")
    for block in blocks(heading, "gdscript"):
        assert parser.parser.parse(block).children


# -- JavaScript ---------------------------------------------------------------------------------------------------


def test_javascript_client_lives_through_a_restart(own_target: Target, tmp_path: Path) -> None:
    token = token_of(own_target, 42, "ada")
    with javascript(own_target, tmp_path, token=token) as program:
        lives_through_a_restart(program, own_target, user_id=42, token=token)
        assert program.exit_code() == 0  # no timer is left behind


def test_javascript_client_closes_a_socket_that_it_gives_up(own_target: Target, tmp_path: Path) -> None:
    quick = {"SILENCE_MS = 75_000": "SILENCE_MS = 2_000", "HEARTBEAT_MS = 30_000": "HEARTBEAT_MS = 500"}
    with javascript(own_target, tmp_path, token=token_of(own_target, 42, "ada"), changes=quick) as program:
        program.wait_for("42 true")
        os.kill(own_target.pid, signal.SIGSTOP)
        try:
            program.wait_for("connection_lost")
        finally:
            os.kill(own_target.pid, signal.SIGCONT)
        program.wait_for("connection_established", times=2)
        wait_until(lambda: sessions(own_target) == 1)


def test_javascript_client_that_logs_in_anew_leaves_nothing_of_the_first_login(
    own_target: Target, tmp_path: Path
) -> None:
    ada, grace = token_of(own_target, 42, "ada"), token_of(own_target, 43, "grace")
    again = f"""
        const logins = ["{grace}"];
        connection.addEventListener("connection_established", () => {{
          const token = logins.pop();
          if (token === undefined) return;
          connection.disconnect();
          connection.connect(token);
        }});
        connection.addEventListener("user_status_changed", ({{ detail }}) => {{
          if (detail.userId === 43 && detail.isOnline) setTimeout(() => connection.disconnect(), 200);
        }});
    """
    often = {"HEARTBEAT_MS = 30_000": "HEARTBEAT_MS = 20"}
    with javascript(own_target, tmp_path, token=ada, changes=often, more=again) as program:
        program.wait_for("43 true")
        assert program.exit_code() == 0, program.lines  # heartbeats of the first one would go to no socket


def javascript(
    target: Target, folder: Path, *, token: str, changes: Mapping[str, str] | None = None, more: str = ""
) -> Program:
    """The example, with its library's constants changed."""
    node = installed.program("node", package="nodejs")
    library, usage = blocks("JavaScript", "js")
    for constant, changed in (changes or {}).items():
        assert constant in library
        library = library.replace(constant, changed)
    usage = usage.replace('("ws://localhost:30820")', '("ws://localhost:30820", { firstRetryMs: 500 })')
    (folder / "client.js").write_text(at(target, library + usage + more, token), encoding="utf-8")
    version = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=PATIENCE_S, check=True).stdout
    flags = ["--experimental-websocket"] if int(version[1:].partition(".")[0]) < 22 else []
    return Program([node, *flags, "client.js"], folder=folder)


def sessions(target: Target) -> int:
    """Sockets with an accepted handshake, as the server counts them."""
    return metric(target, "lobby_sessions")


def messages_in(target: Target) -> int:
    return metric(target, "lobby_messages_in_total")


def metric(target: Target, name: str) -> int:
    with urllib.request.urlopen(f"{target.http_url}/metrics", timeout=PATIENCE_S) as answer:
        found = re.search(rf"^{name} (\d+)", answer.read().decode(), re.MULTILINE)
    assert found is not None
    return int(found[1])


# -- Python -------------------------------------------------------------------------------------------------------


WHOLE_LINES = """import sys
def print(*parts): sys.stdout.write(' '.join(map(str, parts)) + '\\n'); sys.stdout.flush()
"""
"""Before a client that prints on several threads: a pipe would get their lines mixed."""


def test_python_library_lives_through_a_restart(own_target: Target, tmp_path: Path) -> None:
    library, _ = blocks("Python", "python")
    quick = WHOLE_LINES + "from loadtest.client import JitterReconnect\n"
    library = library.replace('name="Ada")', 'name="Ada", reconnect=JitterReconnect(first_s=0.5))')
    waiting = "input("
    assert waiting in library
    told = 'connection.connection_refused.connect(lambda reason: print("connection_refused"))\nprint(accounts.token)\n'
    shown = library.replace("print(user_id, is_online)", "print(user_id, str(is_online).lower())")
    shown = shown.replace(waiting, told + waiting)
    (tmp_path / "client.py").write_text(at(own_target, quick + shown), encoding="utf-8")
    with Program([sys.executable, "client.py"], folder=tmp_path, environment={"PYTHONPATH": str(ROOT)}) as program:
        wait_until(lambda: any(line.startswith("ey") for line in program.lines), PATIENCE_S)
        token = next(line for line in program.lines if line.startswith("ey"))
        lives_through_a_restart(program, own_target, user_id=1, token=token)


def test_python_library_runs_as_a_script_and_runs_again(own_target: Target, tmp_path: Path) -> None:
    """As it stands on the page: it stays until Enter, also when its user was registered by an earlier start."""
    library, _ = blocks("Python", "python")
    (tmp_path / "client.py").write_text(at(own_target, WHOLE_LINES + library), encoding="utf-8")
    for _ in range(2):
        with Program([sys.executable, "client.py"], folder=tmp_path, environment={"PYTHONPATH": str(ROOT)}) as program:
            program.wait_for("connection_established")
            program.wait_for("0 rooms")
            program.press_enter()
            assert program.exit_code() == 0


def test_bare_python_client_hears_of_its_room(own_target: Target, tmp_path: Path) -> None:
    _, bare = blocks("Python", "python")
    (tmp_path / "client.py").write_text(at(own_target, bare), encoding="utf-8")
    with Program([sys.executable, "client.py"], folder=tmp_path) as program:
        assert program.exit_code() == 0
        program.wait_for("1 rooms")
        assert [line.partition(" ")[0] for line in program.lines[:-1]] == [
            "handshake_accepted", "user_online", "rooms_changed",
        ]  # fmt: skip


def test_every_client_of_the_page_is_run() -> None:
    ran = {"Godot 4": 1, "Godot 3": 2, "JavaScript": 2, "Python": 2}
    assert {heading: sum(len(blocks(heading, kind)) for kind in ("gdscript", "js", "python")) for heading in ran} == ran
    assert PAGE.count("```") == 2 * sum(ran.values())

"""``lobby-server``: flags, environment, exit codes. 0 an orderly end; 1 the server could not go on, or a command got no
answer or was refused; 2 a setting or the database has to be corrected first; 75 a database that is not up: the same
start may succeed later, so a supervisor tries again."""

from __future__ import annotations

import asyncio
import gc
import io
import logging
import os
import sys
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import click

from lobby_server import __version__
from lobby_server.announce import announce
from lobby_server.backplane.errors import BackplaneAway, BackplaneError
from lobby_server.backplane.opening import list_nodes
from lobby_server.clock import LoopClock
from lobby_server.core.presence import User
from lobby_server.core.refusal import TokenRefused
from lobby_server.environment import read_settings, unknown_variables
from lobby_server.flags import EPILOG, USAGE, ServerCommand, settings_options
from lobby_server.local_calls import LocalCallError, post, server_url
from lobby_server.logs import LogFile, set_up_logging
from lobby_server.process import signals
from lobby_server.process.checking import check_settings
from lobby_server.process.service_manager import ServiceManager
from lobby_server.process.standard_output import fail_untold, give_up
from lobby_server.secret import new_token_id, secret_path, secrets_of
from lobby_server.server import LobbyServer
from lobby_server.service.auth import ADMIN_ROLE, Tokens
from lobby_server.service.ports import StoreError, StoreUnavailable
from lobby_server.service.watch.events import LogEvent
from lobby_server.settings import Settings, SettingsError
from lobby_server.store import StoreNotReady
from lobby_server.workers.crew import WorkerFailed
from lobby_server.workers.hand_over import HandOver, take_hand_over
from lobby_server.workers.leash import hold
from lobby_server.workers.line import Line
from lobby_server.workers.supervisor import Supervisor

log = logging.getLogger("lobby.server")

FAILED = 1
TRY_AGAIN = 75
"""EX_TEMPFAIL of sysexits.h."""
_STANDARD_ERROR = 2
"""The last of the three descriptors that every process is given."""
_ANY_SECRET = "of tokens that are tried and given to nobody"
COLLECTOR_THRESHOLDS = (50_000, 20, 50)
"""Objects made before a young collection, young ones before a middle one, middle ones before a full one. A full one
over the objects of thousands of connections stops the loop for a tenth of a second, while sessions leave few cycles."""


def _read(flags: dict[str, Any]) -> Settings:
    if flags.get("data_dir") is not None:
        if not flags["data_dir"]:
            _stop_with("--data-dir is empty: give it a folder, or leave it out.")
        flags["data_dir"] = Path(flags["data_dir"])
    try:
        return read_settings(flags, os.environ)
    except SettingsError as fault:
        _stop_with(str(fault))


def _stop_with(sentence: str, *, code: int = USAGE) -> NoReturn:
    click.echo(f"lobby-server: {sentence}", err=True)
    sys.exit(code)


def _tell(line: str) -> None:
    """What a command found, on standard output. Where that is closed it ends with a sentence here; on a full disk, in
    `told_or_failed`."""
    if sys.stdout is None:
        fail_untold("it is closed")
    click.echo(line)


@click.group(
    cls=ServerCommand,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog=EPILOG,
)
@click.version_option(__version__, prog_name="lobby-server")
@settings_options
@click.pass_context
def main(ctx: click.Context, /, **flags: Any) -> None:
    """A real-time game-lobby server: accounts and rooms over HTTP, events over one WebSocket per client."""
    _hold_standard_descriptors()
    settings = _read(flags)
    ctx.obj = settings
    if ctx.invoked_subcommand is not None:
        return
    signals.ignore_until_handled()
    worker = take_hand_over(os.environ)
    if worker is not None:
        hold(worker.supervisor)
        settings = worker.share_of(settings)
    try:
        check_settings(settings)
        log_file = set_up_logging(level=settings.log_level, log_format=settings.log_format, log_file=settings.log_file)
        for sentence in unknown_variables(os.environ) if worker is None else ():
            log.warning("%s", sentence, extra={"event": LogEvent.UNKNOWN_VARIABLE.value})
        if settings.workers > 1 and worker is None:
            asyncio.run(_supervise(settings, log_file))
        else:
            _run(_serve(settings, log_file, worker))
    except (StoreNotReady, StoreUnavailable, BackplaneAway) as fault:
        _stop_with(str(fault), code=TRY_AGAIN)
    except (SettingsError, StoreError, BackplaneError) as fault:
        _stop_with(str(fault))
    except WorkerFailed as fault:
        if fault.code is None:
            _stop_with(f"{fault}.", code=FAILED)
        sys.exit(fault.code)  # the worker has said why


@main.command("mint-tokens")
@click.option("--count", type=click.IntRange(1, 1_000_000), default=1, show_default=True, help="how many tokens")
@click.option(
    "--first-user-id", type=click.IntRange(0, 2**52), default=1_000_000_000, show_default=True,
    help="id of the first user; the others count up. Far from the accounts that this server makes",
)  # fmt: skip
@click.option("--prefix", default="player", show_default=True, help="usernames are this and a number")
@click.option("--role", type=click.Choice([ADMIN_ROLE]), default=None, help="admin: for operators, see /ops")
@click.pass_obj
def mint_tokens(settings: Settings, count: int, first_user_id: int, prefix: str, role: str | None) -> None:
    """Print tokens of made-up players, one per line, signed with this server's secret.

    For load tests: no player has to register, and no password is hashed. With --role admin the token opens the
    operations page. Give the same --data-dir or LOBBY_JWT_SECRET as the server has, before the command:

    \b
      lobby-server --data-dir D mint-tokens --count 1000
    """
    loop = asyncio.new_event_loop()
    tokens = Tokens(_ANY_SECRET, ttl_s=settings.token_ttl_s, clock=LoopClock(loop), new_token_id=new_token_id)
    loop.close()
    try:
        tokens.verify(tokens.issue(User(first_user_id, f"{prefix}{count}")))
        secrets, is_new = secrets_of(settings)
    except TokenRefused:
        _stop_with(f"--prefix {prefix!r} makes usernames that no token may carry: give a shorter one.")
    except SettingsError as fault:
        _stop_with(str(fault))
    tokens.use(*secrets)
    if is_new:  # a slip in --data-dir, or the server was never started: the tokens are for one with this folder
        click.echo(f"lobby-server: a secret was made and is kept in {secret_path(settings.data_dir)}.", err=True)
    for number in range(count):
        _tell(tokens.issue(User(first_user_id + number, f"{prefix}{number + 1}"), role=role))


@main.command("announce")
@click.argument("text")
@click.option("--title", default="Announcement", show_default=True, help="headline")
@click.pass_obj
def announce_command(settings: Settings, text: str, title: str) -> None:
    """Send TEXT to all clients of the server that runs on this machine.

    Give the settings that the server was started with, before the command:

    \b
      lobby-server --port 30821 --data-dir D announce "Back in ten minutes."
    """
    if not text.strip():  # a variable of a script that is not set, most likely
        _stop_with("There is nothing to announce: give a text that is not blank.")
    try:
        announce(settings, title=title, body=text)
    except SettingsError as fault:
        _stop_with(str(fault))
    except LocalCallError as fault:
        click.echo(f"lobby-server: {fault}", err=True)
        sys.exit(FAILED)
    _tell("announced")


@main.command("make-admin")
@click.argument("name")
@click.option("--undo", is_flag=True, help="take the role away again; the user is signed out")
@click.pass_obj
def make_admin(settings: Settings, name: str, undo: bool) -> None:
    """Make the account NAME an administrator of the server that runs on this machine, from its next login on.

    Give the settings that the server was started with, before the command: lobby-server --data-dir D make-admin ada
    """
    made = _post(settings, "/api/admin/roles", {"username": name, "role": None if undo else ADMIN_ROLE})
    what = "is no administrator any more" if undo else "is an administrator from the next login on"
    _tell(f"{made['username']} {what}")


@main.command("reset-link")
@click.argument("name")
@click.option("--url", default="", help="address of the lobby page as its players know it; by default the local one")
@click.pass_obj
def reset_link(settings: Settings, name: str, url: str) -> None:
    """Print a link by which the user NAME chooses another password, once and within a day.

    Give the settings that the server was started with, before the command: lobby-server --data-dir D reset-link ada
    """
    made = _post(settings, "/api/admin/reset-links", {"username": name})
    _tell(f"{(url or server_url(settings)).rstrip('/')}/#reset={made['token']}")


def _post(settings: Settings, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """What the running server answers; or the end, with a sentence."""
    try:
        return post(settings, path, body)
    except SettingsError as fault:
        _stop_with(str(fault))
    except LocalCallError as fault:
        click.echo(f"lobby-server: {fault}", err=True)
        sys.exit(FAILED)


@main.command("nodes")
@click.pass_obj
def nodes_command(settings: Settings) -> None:
    """List the nodes of the lobby, one per line: name, version, accepted sessions, which one leads, addresses.

    Ends with 1 when a node has not been heard of in time. Give the settings that the nodes have, before the command:

    \b
      lobby-server --backplane-url redis://valkey \\
                   --database-url postgresql://db/lobby nodes
    """
    if not settings.backplane_url:
        _stop_with("nodes needs --backplane-url: without it a server is a lobby of its own.")
    try:
        nodes = asyncio.run(list_nodes(settings.backplane_url, cluster=settings.cluster))
    except ValueError as fault:
        _stop_with(f"--backplane-url cannot be used: {fault}.")
    except BackplaneError as fault:
        click.echo(f"lobby-server: {fault}", err=True)
        sys.exit(FAILED)
    for node in nodes:
        role = "leads" if node.leads else "follows"
        state = role if node.is_heard else "not heard of"
        _tell(f"{node.name}\t{node.version}\t{node.sessions} sessions\t{state}\t{node.address}")
    if not nodes:
        _tell("no node runs")
    if not all(node.is_heard for node in nodes):
        sys.exit(FAILED)


async def _supervise(settings: Settings, log_file: LogFile | None) -> None:
    """Have several processes serve, and end in an orderly way."""
    supervisor = Supervisor(settings, log_file, environment=os.environ, tell=partial(_tell_start, settings))
    is_orderly = await supervisor.run()
    if supervisor.ends_because:
        _stop_with(supervisor.ends_because, code=FAILED)
    if not is_orderly:
        sys.exit(FAILED)


async def _serve(settings: Settings, log_file: LogFile | None, worker: HandOver | None) -> None:
    """Start, serve until a signal or until the server cannot go on, and end in an orderly way. A `worker` has its
    supervisor for a service manager."""
    stopping = asyncio.Event()
    server = LobbyServer(settings, worker=worker, on_end=stopping.set)
    loop = asyncio.get_running_loop()
    manager: ServiceManager | Line = (
        ServiceManager(os.environ) if worker is None else Line(worker.line, beat_s=worker.beat_s, loop=loop)
    )

    def reopen_log() -> None:
        if log_file is not None:
            try:
                log_file.reopen()
            except OSError as fault:  # it goes on in the old one
                log.error("%s", fault, extra={"event": LogEvent.RELOAD_FAILED.value})

    def reload() -> None:
        if not server.is_running:  # it starts or ends: there is nothing to tell the service manager, nor to read again
            reopen_log()
            return
        manager.reloading()
        reopen_log()
        server.reload()
        manager.ready(server.start_line)

    signals.handle(loop, stop=stopping.set, reload=reload, reopen_log=reopen_log, tell_figures=server.tell_figures)
    gc.set_threshold(*COLLECTOR_THRESHOLDS)  # a start takes up all that the last life left, and none of it is a cycle
    if not await _started(server, stopping):
        manager.close()
        return
    _tame_collector()
    if worker is None:
        _tell_start(settings, server.start_line)
    else:
        _log_start(server.start_line)
    manager.ready(server.start_line)
    manager.start_watchdog(LoopClock(loop))
    await stopping.wait()
    manager.stopping("draining")
    await server.drain()
    manager.close()
    if server.ends_because:
        click.echo(f"lobby-server: {server.ends_because}", err=True)
        sys.exit(FAILED)


def _tell_start(settings: Settings, line: str) -> None:
    """In the log and on standard output; where both are one terminal, whoever looks at it is told once. One that was
    closed before the start is None."""
    is_terminal = all(each is not None and each.isatty() for each in (sys.stdout, sys.stderr))
    if not is_terminal or settings.log_file or settings.log_format == "json":
        _log_start(line)
    _print_line(line)


def _log_start(line: str) -> None:
    log.info("%s", line, extra={"event": LogEvent.STARTED.value})


def _print_line(line: str) -> None:
    """On standard output; where that takes nothing, a closed pipe or a full disk, the server goes on without."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # the data folder may have a name that the locale has not
    try:
        print(line, flush=True)
    except OSError as fault:
        log.warning("standard output takes nothing: %s", fault.strerror, extra={"event": LogEvent.CAUTION.value})
        give_up()


def _hold_standard_descriptors() -> None:
    """Open those that were closed before the start: the next socket would have the number of one of them, and with it
    what anybody prints there; and libuv ends a process that closes such a one (`uv__close`)."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= _STANDARD_ERROR:
        os.set_inheritable(descriptor, True)  # as such ones are, for workers
    os.close(descriptor)


async def _started(server: LobbyServer, stopping: asyncio.Event) -> bool:
    """Whether it was started, not asked to end before: a start may wait for its database."""
    starting, told = asyncio.ensure_future(server.start()), asyncio.ensure_future(stopping.wait())
    await asyncio.wait((starting, told), return_when=asyncio.FIRST_COMPLETED)
    told.cancel()
    if starting.done():
        starting.result()
        return True
    starting.cancel()
    await asyncio.gather(starting, return_exceptions=True)
    return False


def _run(main_coroutine: Any) -> None:
    """On uvloop where it is installed: the fan-out does not need it, timers and HTTP gain."""
    try:
        import uvloop
    except ImportError:
        asyncio.run(main_coroutine)
    else:
        uvloop.run(main_coroutine)


def _tame_collector() -> None:
    """What is alive now stays, so it is not looked through again."""
    gc.collect()
    gc.freeze()

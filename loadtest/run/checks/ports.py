"""Whether the ports that a swarm is to listen at are free: where they are not, Locust says so in traces, and workers of
one swarm come to the master of another.
"""

from __future__ import annotations

import argparse
import os
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from loadtest.output.listening import EVERYWHERE, listen
from loadtest.results.exit_codes import UsageError

DEFAULT_PORT = 5557
"""Of a master, with Locust."""
_PORT_VARIABLES = ("LOCUST_MASTER_BIND_PORT", "LOCUST_MASTER_NODE_PORT")
_FALSE = ("", "0", "false", "no")


def check_listenable(flag: str, host: str, port: int) -> None:
    """Raises `UsageError`."""
    try:
        listen(host, port, new_socket=socket.socket).close()
    except OSError as error:
        shown = f"{'*' if host in EVERYWHERE else host}:{port}"
        raise UsageError(
            f"{flag}: {shown} cannot be listened at: {error.strerror or error}. Give another one: another swarm may "
            "run there."
        ) from None


@dataclass(frozen=True)
class Leading:
    """What a command line says of workers, read before Locust reads it."""

    forks: bool
    """It is a master that forks its workers, and nobody else has to know its port."""
    leads: bool
    """It is a master for workers that are started elsewhere."""
    host: str
    port: int
    is_given: bool

    @classmethod
    def read(cls, arguments: Sequence[str], environment: Mapping[str, str] = os.environ) -> Leading | None:
        """None: not to be read; Locust says why."""
        parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
        parser.add_argument("--processes", type=int, default=environment.get("LOCUST_PROCESSES") or 0)
        parser.add_argument("--master", action="store_true", default=_is_set(environment, "LOCUST_MODE_MASTER"))
        parser.add_argument("--worker", action="store_true", default=_is_set(environment, "LOCUST_MODE_WORKER"))
        parser.add_argument("--master-bind-host", default=environment.get("LOCUST_MASTER_BIND_HOST", "*"))
        parser.add_argument("--master-bind-port", type=int, default=None)
        parser.add_argument("--master-port", type=int, default=None)
        try:
            given = parser.parse_known_args(arguments)[0]
        except (argparse.ArgumentError, SystemExit):
            return None
        named = [environment[name] for name in _PORT_VARIABLES if name in environment]
        port = given.master_bind_port or environment.get("LOCUST_MASTER_BIND_PORT") or DEFAULT_PORT
        return cls(
            forks=bool(given.processes) and not given.worker,
            leads=given.master and not given.worker,
            host=given.master_bind_host,
            port=int(port) if str(port).isdecimal() else DEFAULT_PORT,
            is_given=bool(named or given.master_bind_port or given.master_port),
        )

    @property
    def is_free(self) -> bool:
        try:
            listen(self.host, self.port, new_socket=socket.socket).close()
        except OSError:
            return False
        return True


def move_if_taken(parser: argparse.ArgumentParser, arguments: Sequence[str]) -> None:
    """A master and the workers that it forks meet at a free port where Locust's usual one is taken."""
    leading = Leading.read(arguments)
    if leading is not None and leading.forks and not leading.is_given and not leading.is_free:
        with listen(leading.host, 0, new_socket=socket.socket) as listener:
            port = listener.getsockname()[1]
        parser.set_defaults(master_bind_port=port, master_port=port)


def check_master(arguments: Sequence[str]) -> None:
    """A port that workers have to know is another matter. Raises `UsageError`."""
    leading = Leading.read(arguments)
    if leading is not None and (leading.leads or (leading.forks and leading.is_given)):
        check_listenable("--master-bind-port", leading.host, leading.port)


def _is_set(environment: Mapping[str, str], name: str) -> bool:
    return environment.get(name, "").lower() not in _FALSE

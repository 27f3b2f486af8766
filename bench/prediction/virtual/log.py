"""The log between processes, as `lobby_server.backplane.log` works it: a process sends one batch at a time, with all
that has come in meanwhile; Valkey appends it as one entry and hands it to all who wait; each reads on where it stood.

Valkey is a process with one core, so entries queue there as they queue anywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum, auto
from typing import NamedTuple, Protocol

from bench.prediction.model import Model
from bench.prediction.virtual.core import Process
from bench.prediction.virtual.setup import chill, seconds

IDLE_EVERY_S = 0.25


class Kind(Enum):
    """What a command changes."""

    CHANGE = auto()
    """The list of rooms."""
    ONLINE = auto()
    OFFLINE = auto()
    OTHER = auto()


class Command(NamedTuple):
    """So many commands of one kind that came together."""

    kind: Kind
    number: int = 1
    due_s: float | None = None
    """When a change was due whose time to fresh counts."""


Batch = Sequence[Command]


def commands_in(batch: Batch) -> int:
    return sum(command.number for command in batch)


class Reader(Protocol):
    """A process that takes part, as Valkey sees it."""

    process: Process
    cursor: int
    """Entries that it has been handed."""

    def read(self, batches: Sequence[Batch]) -> None:
        """In the process's own time: the answer to its question."""


class Engine:
    """Valkey."""

    def __init__(self, process: Process, model: Model, *, readers_in_all: int, readers_run: int) -> None:
        self.process = process
        self.entries = 0
        """That were written."""
        self.commands = 0
        self.hop_s = seconds(model.waits.log) / 2
        """From a process to Valkey, or back."""
        costs = model.costs
        self._entry_s, self._command_s = seconds(costs.engine_entry), seconds(costs.engine_command)
        self._cold_entry, self._written_s = chill(model, "engine_entry"), 0.0
        self._read_s = seconds(costs.engine_read) * readers_in_all / max(1, readers_run)
        idle = costs.engine_idle
        self._idle_s = 0.0 if idle is None else seconds(idle) * readers_in_all
        self._stream: list[Batch] = []
        self._waiting: dict[Reader, None] = {}

    def start(self) -> None:
        """What processes ask for whatever happens: that they are there, who else is, how far the log is."""
        self.process.spend(self._idle_s * IDLE_EVERY_S)
        self.process.call_later(IDLE_EVERY_S, self.start)

    def append(self, writer: Writer, batch: Batch) -> None:
        began_s = self.process.monotonic_s()
        cold_s = self._cold_entry.more_s(began_s - self._written_s)
        self._written_s = began_s
        self.process.spend(self._entry_s + cold_s + self._command_s * commands_in(batch))
        self.entries += 1
        self.commands += commands_in(batch)
        self._stream.append(batch)
        writer.answered(self.process.monotonic_s() + self.hop_s)
        waiting, self._waiting = self._waiting, {}
        for reader in waiting:
            self._hand(reader)

    def ask(self, reader: Reader) -> None:
        """What comes after that which it has; when there is nothing, as soon as there is."""
        if reader.cursor < len(self._stream):
            self._hand(reader)
        else:
            self._waiting[reader] = None

    def _hand(self, reader: Reader) -> None:
        self.process.spend(self._read_s)
        batches = self._stream[reader.cursor :]
        reader.cursor = len(self._stream)
        reader.process.call_at(self.process.monotonic_s() + self.hop_s, reader.read, batches)


class Writer:
    """The outbox of one process. Encoding is in the cost of what was appended."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._world = engine.process.core.world
        self._waiting: list[Command] = []
        self._is_under_way = False

    @property
    def is_idle(self) -> bool:
        """Whether Valkey has everything."""
        return not self._is_under_way

    def append(self, command: Command, at_s: float) -> None:
        self._waiting.append(command)
        if not self._is_under_way:
            self._send(at_s)

    def answered(self, at_s: float) -> None:
        """Valkey has the batch; what came in meanwhile is the next one."""
        self._world.call_at(at_s, self._go_on)

    def _go_on(self) -> None:
        self._is_under_way = False
        if self._waiting:
            self._send(self._world.now_s)

    def _send(self, at_s: float) -> None:
        self._is_under_way = True
        batch, self._waiting = self._waiting, []
        self._engine.process.call_at(at_s + self._engine.hop_s, self._engine.append, self, batch)

"""The model: what a piece of work costs on the machine that it was measured on, and how far the measurements went.

It is a file of its own (JSON), so that a plan can be tried without measuring. Costs hold for the machine and the commit
that the file names.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import msgspec

from bench.record.run import Machine

SCHEMA = 3
READ = (1, 2, SCHEMA)
"""Schemas that are read. One of schema 1 is of a lab that measured nothing cold: it has neither `Coldness` nor
`Clients`, and its `poll`, `unchanged` and `heartbeat` have in them what a turn of the loop cost at the rate of then.
That of schema 2 counted no turns, and knew of its clients neither `asked_byte` nor `come`."""
MODEL_FILE = Path("reports") / "model.json"
"""The model that comes with the repository."""


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """What one piece of work costs."""

    value: float
    unit: str
    low: float
    high: float
    """Least and most of the repeats."""
    n: int
    """Measurements."""
    source: str
    """From which measurement it is."""


class Costs(msgspec.Struct, frozen=True, kw_only=True):
    """Of one process, unless said otherwise. In µs of CPU where the unit does not say another."""

    # A broadcast
    send_base: Cost
    """One write to a session without features."""
    send_features: Cost
    """One write to a session with features."""
    sent_byte: Cost
    """ns per byte of a write."""
    change: Cost
    """A room made or deleted over HTTP, in a lobby of one process."""
    announcement: Cost
    """Of a changed list, beside its writes."""
    told_room: Cost
    """Per room of the list and announcement, while a client follows deltas."""
    event: Cost
    """A user who comes online or goes offline, told."""
    # A session
    upgrade: Cost
    handshake: Cost
    """The token checked, the session accepted, what it is a part of."""
    departure: Cost
    heartbeat: Cost
    """A client's ping and its answer."""
    idle: Cost
    """Per second, whatever happens."""
    # The list over HTTP
    fetch: Cost
    """One of a herd of fetches, on a connection that is there."""
    poll: Cost
    """One that comes alone."""
    fetched_byte: Cost
    """ns per byte of the body."""
    fetch_packed: Cost
    """Compressed."""
    unchanged: Cost
    """A poll that is answered with 304."""
    connection: Cost
    """A connection that a fetch opens for itself."""
    built_room: Cost
    """Per room of the list and revision: the body, built once."""
    # The log of several processes
    shared_change: Cost
    """A room made or deleted over HTTP, at the process where it came in, without its entry."""
    entry: Cost
    """An entry of the log read, per process."""
    command: Cost
    """A command of an entry applied, per process."""
    engine_entry: Cost
    """An entry written, of Valkey."""
    engine_read: Cost
    """An entry handed to one process, of Valkey."""
    engine_command: Cost
    """A command of an entry, of Valkey."""
    log_idle: Cost
    """Per second and process, for taking part."""
    database_write: Cost
    """A room made or deleted, of PostgreSQL."""
    engine_idle: Cost | None = None
    """Per second and process that takes part, of Valkey; ``None``: of a model that was made without it."""


class Cold(msgspec.Struct, frozen=True, kw_only=True):
    """What work costs more the longer ago it was done last; see `bench.prediction.cold`."""

    warm_ms: float
    """Done so soon again, it costs nothing more."""
    after_ms: list[float]
    more: list[Cost]
    """After each of the times, beside the cost when warm; in µs of CPU."""


class Coldness(msgspec.Struct, frozen=True, kw_only=True):
    """By how long ago work of the kind began last, of a turn by how long the core was idle before."""

    turn: Cold
    """A turn of the loop for one request or ping."""
    change: Cold
    """A room made or deleted, and its announcement, in a lobby of one process."""
    send: Cold
    """A write, by how long ago its session was written to."""
    shared_change: Cold
    entry: Cold
    engine_entry: Cold


class Clients(msgspec.Struct, frozen=True, kw_only=True):
    """What the lab's own clients cost that share one core: of CPU of the generator. Players have cores of their own; a
    forecast that is held against the lab has these."""

    hear: Cost
    """A message heard and understood, after a while of silence."""
    sink: Cost
    """A message heard by one that only counts."""
    ask: Cost
    """A request for the list, and its answer read, without its bytes."""
    asked_byte: Cost | None = None
    """ns per byte of the body read. None: of schema 2, whose `ask` has those of ten rooms in it."""
    come: Cost | None = None
    """One that comes back: two connections, the upgrade, the handshake, the list. None: of schema 2."""


class Sizes(msgspec.Struct, frozen=True, kw_only=True):
    """What is not CPU."""

    process_mib: Cost
    session_kib: Cost
    """Per session, of the process that holds it."""
    user_kib: Cost
    """Per user online, of every other process."""
    room_kib: Cost
    """Per room, of every process."""
    answer_head_bytes: Cost
    """Head of an answer with the list."""
    request_bytes: Cost
    """A fetch of the list, as a client asks."""


class Waits(msgspec.Struct, frozen=True, kw_only=True):
    """Times in which no core works, in ms."""

    change: Cost
    """Of a change, until it is committed: the database's."""
    shared_change: Cost
    """The same with several processes."""
    log: Cost
    """From one process to another by way of Valkey."""
    start: Cost
    """From the start of a process until it takes clients."""


class Spread(msgspec.Struct, frozen=True, kw_only=True):
    """How far single changes are from the median of `Waits`, in ms: means of equal parts of them, from those that
    waited least to those that waited longest."""

    change: list[float]
    shared_change: list[float]
    """With what the log takes."""


class Extent(msgspec.Struct, frozen=True, kw_only=True):
    """How far measurements went."""

    sessions: int
    """Of a process, and of a lobby: several processes together had no more."""
    processes: int
    changes_per_s: float
    rooms: int


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """What came of forecasts that were measured afterwards (scenario ``prediction``)."""

    n: int
    median_error: float
    """Of all quantities, as a part of what was measured; without sign."""
    worst_error: float
    extent: Extent
    started_at: str
    commit: str


class Model(msgspec.Struct, frozen=True, kw_only=True):
    """All of it."""

    schema: int = SCHEMA
    made_at: str
    """ISO 8601, UTC."""
    commit: str
    dirty: bool
    machine: Machine
    took_s: float
    costs: Costs
    sizes: Sizes
    waits: Waits
    measured: Extent
    coldness: Coldness | None = None
    """None: of schema 1."""
    clients: Clients | None = None
    """None: of schema 1."""
    spread: Spread | None = None
    """None: of a model that was made without it; each change waits as long as all others."""
    held: Held | None = None
    """None: no forecast of this model has been measured."""
    notes: list[str] = msgspec.field(default_factory=list)
    disturbed: dict[str, float] = msgspec.field(default_factory=dict)
    """By the parts of the measurement beside which other work had more of the cores than is harmless: its share."""

    @property
    def extent(self) -> Extent:
        """Beyond it a forecast is extrapolated."""
        if self.held is None:
            return self.measured
        one, two = self.measured, self.held.extent
        return Extent(
            sessions=max(one.sessions, two.sessions),
            processes=max(one.processes, two.processes),
            changes_per_s=max(one.changes_per_s, two.changes_per_s),
            rooms=max(one.rooms, two.rooms),
        )


class ModelUnreadable(ValueError):
    """A file that is no model of this schema. The text is one sentence."""


def write_model(model: Model, path: Path) -> None:
    """All of it or none: the file that was there before is whole until the new one is. Raises `OSError`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f"{path.name}.new")
    try:
        new.write_bytes(msgspec.json.format(msgspec.json.encode(model), indent=2) + b"\n")
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)


def read_model(path: Path) -> Model:
    """Raises `ModelUnreadable`."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ModelUnreadable(
            f"there is no model at {path}: make one with lobby-bench calibrate-model --output {path} "
            f"({error.strerror or error})"
        ) from error
    no_model = f"the file {path} is not a model"
    try:
        schema = msgspec.json.decode(data, type=_OfSchema).schema
        if schema not in READ:
            raise ModelUnreadable(
                f"the model {path} has schema {schema}, this lab reads {READ[0]} to {SCHEMA}: make it again"
            )
        model = msgspec.json.decode(data, type=Model)
    except msgspec.MsgspecError as error:
        raise ModelUnreadable(f"{no_model}: {error}") from error
    if schema > 1 and (model.coldness is None or model.clients is None):
        raise ModelUnreadable(f"{no_model}: one of schema {schema} has what cold work and its clients cost")
    if schema > 2 and model.clients is not None and None in (model.clients.asked_byte, model.clients.come):
        raise ModelUnreadable(f"{no_model}: one of schema {schema} has what clients cost that come and read")
    for name in model.coldness.__struct_fields__ if model.coldness is not None else ():
        cold: Cold = getattr(model.coldness, name)
        if not _is_curve(cold):
            raise ModelUnreadable(f"{no_model}: coldness of {name} has not one cost per time, in order")
    for name in model.spread.__struct_fields__ if model.spread is not None else ():
        parts: list[float] = getattr(model.spread, name)
        if not parts or parts != sorted(parts):
            raise ModelUnreadable(f"{no_model}: spread of {name} has not one time per part, in order")
    return model


def _is_curve(cold: Cold) -> bool:
    """A cost per time, times longer and longer, and no cost below the one before."""
    times, costs = [cold.warm_ms, *cold.after_ms], [0.0, *(cost.value for cost in cold.more)]
    return (
        len(times) == len(costs)
        and cold.warm_ms > 0
        and all(one < two for one, two in pairwise(times))
        and all(one <= two for one, two in pairwise(costs))
        and all(cost.unit == "µs" for cost in cold.more)
    )


class _OfSchema(msgspec.Struct):
    schema: int = 0

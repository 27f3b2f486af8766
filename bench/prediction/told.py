"""Models, forecasts and comparisons as text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from bench.prediction.comparison import Wall
from bench.prediction.forecast import Forecast, StormForecast
from bench.prediction.model import SCHEMA, Cold, Cost, Model
from bench.prediction.plan import Plan
from bench.words import changes_of_the_list, count, in_bytes, in_digits, in_memory, in_ms, in_percent, in_s, plural

NOT_IN_TIME = "not within"
GIB = 2**30


def tell_model(model: Model) -> Iterator[str]:
    """A line per cost, with its spread."""
    yield f"{model.machine.cpu}, commit {_commit(model)}, made {model.made_at} in {model.took_s:.0f} s"
    groups = (("costs", model.costs), ("sizes", model.sizes), ("waits", model.waits), ("clients", model.clients))
    for title, group in groups:
        if group is None:
            continue
        yield title
        for name in group.__struct_fields__:
            cost = getattr(group, name)
            if cost is not None:
                yield f"  {name.replace('_', ' '):<18} {_cost(cost)}"
    if model.coldness is not None:
        yield "more, the longer ago it was done last"
        for name in model.coldness.__struct_fields__:
            cold: Cold = getattr(model.coldness, name)
            for at_ms, more in zip(cold.after_ms, cold.more, strict=True):
                yield f"  {name.replace('_', ' '):<18} after {in_ms(at_ms)}: {_cost(more)}"
    if model.spread is not None:
        yield "single changes, from the median time that they wait"
        for name in model.spread.__struct_fields__:
            parts: list[float] = getattr(model.spread, name)
            yield f"  {name.replace('_', ' '):<18} {' '.join(f'{each:+.2f}' for each in parts)} ms"
    for note in model.notes:
        yield f"note: {note}"
    yield from tell_disturbed(model.disturbed)


def tell_forecast(found: Forecast, plan: Plan, model: Model, *, given: str) -> Iterator[str]:
    """`given`: where the model is from."""
    per_node = f", {plan.cores_per_node} cores each" if plan.cores_per_node > 1 else ""
    yield (
        f"{plural(found.players, 'player')}, {found.way}, presence {found.presence}: "
        f"{plural(found.nodes, 'node')}{per_node}"
    )
    yield f"  {_holds(found, plan)}"
    yield ""
    yield from _rows(
        [
            ("cores", f"{count(found.cores)}, each used for {in_percent(found.core_share)}"),
            ("sessions per process", count(found.sessions_per_process)),
            ("memory", f"{in_memory(found.gib * GIB)}, {in_memory(found.gib_per_node * GIB)} per node"),
            (
                "bytes per second, with TCP/IP",
                f"{in_bytes(found.wire_bytes)}, {in_bytes(found.wire_bytes_per_node)} per node",
            ),
            ("changes of the list per second", in_digits(found.changes)),
            ("log-ins per second", in_digits(found.logins)),
            ("log per second", f"{in_digits(found.log_entries)} entries, {in_digits(found.log_commands)} commands"),
            ("Valkey", f"{in_percent(found.shares['log'])} of a core"),
            ("time to fresh", _times(found)),
            *((("an answer, p99", in_ms(found.answer_p99_ms)),) if found.answer_p99_ms is not None else ()),
        ]
    )
    for name, storm in (("log-in storm", found.log_in_storm), ("restart of a node", found.restart_storm)):
        if storm is not None:
            yield f"  {name:<32} {_storm(storm)}"
    if found.bill is not None:
        money = found.bill.currency
        yield ""
        yield from _rows(
            [
                ("cores", f"{_in_money(found.bill.cores)} {money} per hour"),
                ("memory", f"{_in_money(found.bill.memory)} {money} per hour"),
                ("traffic to clients", f"{_in_money(found.bill.traffic)} {money} per hour"),
                (
                    "in all",
                    f"{_in_money(found.bill.whole)} {money} per hour, "
                    f"{_in_money(found.bill.month, 0)} {money} per month, "
                    f"{_in_money(found.bill.month / found.players * 1000)} {money} per month and 1,000 players",
                ),
            ]
        )
    yield ""
    yield from tell_basis(found.extrapolated, model, given, fetches=found.way in ("push", "rev"))
    if found.processes_run < found.processes:
        run = f"{found.processes_run} of {count(found.processes)} processes"
        yield f"run in virtual time: {run}; the others are like them"


def tell_walls(walls: Sequence[Wall], plan: Plan, model: Model, *, nodes: int, given: str) -> Iterator[str]:
    per_node = f" of {plan.cores_per_node} cores" if plan.cores_per_node > 1 else ""
    yield f"on {plural(nodes, 'node')}{per_node}; {assumptions(plan)}"
    yield ""
    yield f"  {'way':<28} {'holds up to':>12}  {'fails at':>12}  {'breaks first':<12}  {'p99':>9}  per player"
    for wall in walls:
        fails = count(wall.fails) if wall.fails is not None else "–"
        delay = in_ms(wall.delay_ms) if wall.delay_ms is not None else "–"
        yield (
            f"  {wall.name:<28} {count(wall.holds):>12}  {fails:>12}  {wall.breaks or '–':<12}  {delay:>9}  "
            f"{in_bytes(wall.wire_bytes_per_player)}/s"
        )
    yield f"  who polls holds a list that is up to {plan.poll_s:g} s old; its p99 is of the answer"
    yield ""
    extent = model.extent
    yield from tell_basis(
        [
            f"measured were up to {count(extent.sessions)} sessions per process and {extent.processes} processes; "
            "what is above is extrapolated"
        ],
        model,
        given,
        fetches=True,
    )


def assumptions(plan: Plan) -> str:
    """What a comparison holds for."""
    changes = (
        changes_of_the_list(plan.changes) if plan.changes_per_s is not None or plan.mix is None else "a mix of roles"
    )
    limits, level = plan.limits, plan.level
    return (
        f"{count(plan.rooms)} rooms, {changes}, players stay for {plan.visit_s / 60:,g} min, polls every "
        f"{plan.poll_s:g} s, {plan.friends_online:g} friends online; no resource above {level.ceiling:.0%}, "
        f"p99 at most {in_ms(level.slo_ms)}; a node has {limits.node_gbit:g} Gbit/s and {limits.node_gib:g} GiB, the "
        f"balancer {limits.balancer_gbit:g} Gbit/s, the database {limits.database_cores:g} cores, Valkey one"
    )


def tell_basis(extrapolated: Iterable[str], model: Model, given: str, *, fetches: bool) -> Iterator[str]:
    """`fetches`: whether the forecast has clients that fetch after an announcement."""
    yield f"by {given}: {model.machine.cpu}, commit {_commit(model)}, {model.made_at}"
    if model.coldness is None:
        yield (
            "an older model, which knows work only as it is when done again at once: what comes seldom, a lone change "
            "for instance, costs several times as much; make a newer one with lobby-bench calibrate-model"
        )
    elif model.schema < SCHEMA and fetches:
        yield (
            "an older model, which counted no turns of the loop: push then fetch costs more than it says; make a newer "
            "one with lobby-bench calibrate-model"
        )
    yield from tell_disturbed(model.disturbed)
    if model.held is None:
        yield "no forecast by this model has been held against a measurement: run lobby-bench run prediction"
    else:
        yield (
            f"held out: {model.held.n} quantities, median error {model.held.median_error * 100:.0f} %, worst "
            f"{model.held.worst_error * 100:.0f} %"
        )
    yield from extrapolated


def tell_disturbed(disturbed: Mapping[str, float]) -> Iterator[str]:
    """What a model's costs are in doubt for."""
    for part, share in disturbed.items():
        yield f"in doubt: other work took {share:.0%} of the cores while “{part}” was measured for the model"


def _holds(found: Forecast, plan: Plan) -> str:
    level = f"no resource above {plan.level.ceiling:.0%}, p99 at most {in_ms(plan.level.slo_ms)}"
    if not found.breaks:
        return f"holds: {level}"
    share = found.shares.get(found.breaks)
    used = f", which is used for {in_percent(share)}" if share is not None else ""
    return f"does not hold ({level}): {found.breaks}{used}"


def _times(found: Forecast) -> str:
    if found.fresh_p50_ms is None or found.fresh_p99_ms is None:
        return "nobody came to a change in the time that was looked at"
    return f"p50 {in_ms(found.fresh_p50_ms)}, p99 {in_ms(found.fresh_p99_ms)}"


def _storm(storm: StormForecast) -> str:
    in_time = f"{NOT_IN_TIME} {storm.looked_at_s:.0f} s"
    half = in_s(storm.fresh_p50_s) if storm.fresh_p50_s is not None else in_time
    most = in_s(storm.fresh_p99_s) if storm.fresh_p99_s is not None else in_time
    over = f"after {in_s(storm.over_s)}" if storm.over_s is not None else in_time
    return (
        f"{count(storm.sessions)} come: half of them fresh after {half}, 99 % {most}, all told {over}; "
        f"{in_s(storm.cpu_s)} of CPU, {in_bytes(storm.gb_out * 1e9)}"
    )


def _cost(cost: Cost) -> str:
    spread = f"{in_digits(cost.low)}–{in_digits(cost.high)}"
    return f"{in_digits(cost.value)} {cost.unit} ({spread}, n = {cost.n}; {cost.source})"


def _in_money(value: float, decimals: int = 2) -> str:
    """With so many decimals, and more where that would tell next to nothing."""
    return f"{value:,.{decimals}f}" if value == 0 or value >= 10 ** (1 - decimals) else in_digits(value, 2)


def _commit(model: Model) -> str:
    return model.commit + (" with changes" if model.dirty else "")


def _rows(rows: Sequence[tuple[str, str]]) -> Iterator[str]:
    for name, text in rows:
        yield f"  {name:<32} {text}"

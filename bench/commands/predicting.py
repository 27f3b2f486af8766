"""``lobby-bench calibrate-model`` and ``predict``: what pieces of work cost, and what a plan comes to by that."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from bench.commands.errors import Failed, Misused
from bench.commands.measuring import SEED_BITS
from bench.commands.runs import read
from bench.commands.trial import try_to_write_in
from bench.commands.ways_out import IN_NO_COMPARISON, way_out
from loadtest.results.exit_codes import ExitCode

if TYPE_CHECKING:
    from bench.prediction.comparison import Wall
    from bench.prediction.model import Model
    from bench.prediction.plan import Plan

WAYS = ("polling", "polling_etag", "polling_gzip", "push", "rev", "delta")
PRESENCE = ("all", "batched", "friends")
MODEL = Path("reports") / "model.json"
MOST_NODES = 10_000
COMPARED_ON = 10
"""Nodes, where none are named."""


@click.command("calibrate-model")
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), default=MODEL, show_default=True)
@click.option("--smoke", "profile", flag_value="smoke", help="very small sizes: does it all run?")
@click.option("--quick", "profile", flag_value="quick", default="quick", help="at most 5 minutes (default)")
@click.option("--seed", type=click.IntRange(0, 2**SEED_BITS - 1), help="of all that is random; default: drawn")
@click.option(
    "--from", "source", type=click.Path(path_type=Path, exists=True),
    help="measure nothing: take the model of this run of the scenario prediction, with what came of its forecasts",
)  # fmt: skip
def calibrate_model(output: Path, profile: str, seed: int | None, source: Path | None) -> None:
    """Measure what pieces of work cost on this machine: the model that `predict` uses.

    Servers, Valkey and PostgreSQL are real, and are started for it.
    """
    from bench.prediction.model import write_model
    from bench.prediction.told import tell_model

    try_to_write_in(output.parent.absolute())
    model = _kept(source) if source is not None else _calibrated(profile, seed)
    try:
        write_model(model, output)
    except OSError as error:
        raise Misused(f"The model cannot be written: {error}.") from error
    for line in tell_model(model):
        click.echo(line)
    click.echo(f"model: {output}")


def _calibrated(profile: str, seed: int | None) -> Model:
    from bench.commands.measuring import with_lab
    from bench.prediction.fitting import NotDetermined
    from bench.record.profiles.standard import PROFILES
    from bench.scenarios.prediction.calibration import calibrate
    from bench.scenarios.prediction.shared import NotHere

    try:
        return with_lab(calibrate, profile=PROFILES[profile], seed=seed)
    except NotHere as error:
        raise Failed(f"{error}.") from error
    except NotDetermined as error:
        raise Failed(f"No model: {error}.") from error
    except KeyboardInterrupt:
        raise Failed("Interrupted: there is no model, and the servers are stopped.") from None


def _kept(source: Path) -> Model:
    from bench.scenarios.prediction.kept import model_of

    try:
        found = model_of(read(source))
    except KeyError as error:
        raise Misused(f"{source} has other costs than this lab: calibrate again ({error}).") from error
    if found is None:
        raise Misused(f"{source} has no scenario prediction: make one with lobby-bench run prediction.")
    return found


def _read_model(path: Path) -> Model:
    from bench.prediction.model import ModelUnreadable, read_model

    try:
        return read_model(path)
    except ModelUnreadable as error:
        text = str(error)
        raise Misused(f"{text[0].upper()}{text[1:]}.") from error


def _nodes(context: click.Context, parameter: click.Parameter, value: str) -> int | None:
    """None: auto."""
    if value == "auto":
        return None
    if not value.isdecimal() or not 1 <= int(value) <= MOST_NODES:
        raise click.BadParameter(f"a number of nodes from 1 to {MOST_NODES:,}, or auto")
    return int(value)


@click.command()
@click.option("--players", type=click.IntRange(1, 100_000_000), help="online at the same time")
@click.option(
    "--nodes",
    metavar="N|auto",
    callback=_nodes,
    default="auto",
    show_default=True,
    help="auto: as few as hold; with --compare and auto: 10",
)
@click.option("--cores-per-node", type=click.IntRange(1, 256), default=1, show_default=True, help="a process each")
@click.option(
    "--model", "model_file", type=click.Path(path_type=Path, dir_okay=False), help="default: reports/model.json"
)
@click.option("--prices", "prices_file", type=click.Path(path_type=Path, dir_okay=False), help="TOML; see the docs")
@click.option("--way", type=click.Choice(WAYS), default="delta", show_default=True, help="to the list of rooms")
@click.option("--presence", type=click.Choice(PRESENCE), default="batched", show_default=True)
@click.option("--mix", "mix_text", help="roles as the swarm has them, browser=6,host=2; their rates beside the visits")
@click.option(
    "--changes-per-s", type=click.FloatRange(0, 1e6), help="of the list, of all players; default: the mix's, or 1"
)
@click.option("--rooms", type=click.IntRange(1, 100_000), default=50, show_default=True, help="in the list")
@click.option("--visit-min", type=click.FloatRange(0.1), default=60.0, show_default=True, help="mean length of a visit")
@click.option("--poll-s", type=click.FloatRange(0.1), default=3.0, show_default=True, help="between two polls")
@click.option("--network-ms", type=click.FloatRange(0, 10_000), default=0.0, show_default=True, help="one way")
@click.option("--friends", type=click.FloatRange(0, 10_000), default=5.0, show_default=True, help="online, of a player")
@click.option(
    "--ceiling",
    type=click.FloatRange(0, 1, min_open=True),
    default=0.6,
    show_default=True,
    help="no resource is used above this part of it",
)
@click.option(
    "--slo-ms",
    type=click.FloatRange(0, min_open=True),
    default=500.0,
    show_default=True,
    help="p99 of the time to fresh; of polls, of the answer",
)
@click.option("--node-gbit", type=click.FloatRange(0, min_open=True), default=10.0, show_default=True)
@click.option("--node-gib", type=click.FloatRange(0, min_open=True), default=16.0, show_default=True, help="memory")
@click.option("--balancer-gbit", type=click.FloatRange(0, min_open=True), default=25.0, show_default=True)
@click.option("--database-cores", type=click.FloatRange(0, min_open=True), default=4.0, show_default=True)
@click.option("--compare", is_flag=True, help="all ways on these nodes: how far each goes, and what breaks first")
@click.option(
    "--chart", type=click.Path(path_type=Path, file_okay=False), help="with --compare: a chart into this folder"
)
@click.option("--run-all", is_flag=True, help="every process in virtual time, not 16 that stand for all")
@click.option("--seed", type=click.IntRange(0, 2**SEED_BITS - 1), default=0, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="for programs")
def predict(
    players: int | None, nodes: int | None, cores_per_node: int, model_file: Path | None, prices_file: Path | None,
    way: str, presence: str, mix_text: str | None, changes_per_s: float | None, rooms: int, visit_min: float,
    poll_s: float, network_ms: float, friends: float, ceiling: float, slo_ms: float, node_gbit: float, node_gib: float,
    balancer_gbit: float, database_cores: float, compare: bool, chart: Path | None, run_all: bool, seed: int,
    as_json: bool,
) -> None:  # fmt: skip
    """What a lobby of so many players needs, by a model of what work costs: nodes, memory, bytes, log, latency, storms.

    Exit codes: 0 it holds; 2 usage; 3 it does not hold on these nodes.
    """
    import msgspec

    from bench.prediction.forecast import NoNumber, beyond, forecast
    from bench.prediction.mix import MixUnreadable, read_mix
    from bench.prediction.plan import Level, Limits, Plan
    from bench.prediction.prices import PricesUnreadable, read_prices
    from bench.prediction.told import tell_basis, tell_forecast
    from bench.processes.progress import reporter

    if players is None and not compare:
        raise Misused("Say for how many: --players 100000, or --compare.")
    if chart is not None and not compare:
        raise Misused("A chart is made of a comparison: --chart goes with --compare.")
    if compare:
        _check_comparison(chart)
    model = _read_model(model_file or MODEL)
    given = f"the model {model_file}" if model_file is not None else f"the model that comes with the lab ({MODEL})"
    try:
        prices = read_prices(prices_file) if prices_file is not None else None
        mix = read_mix(mix_text) if mix_text is not None else None
    except (PricesUnreadable, MixUnreadable) as error:
        text = str(error)
        raise Misused(f"{text[0].upper()}{text[1:]}.") from error
    plan = Plan(
        players=players or 1,
        way=way,
        presence=presence,
        rooms=rooms,
        changes_per_s=changes_per_s,
        mix=mix,
        visit_s=visit_min * 60,
        poll_s=poll_s,
        network_ms=network_ms,
        friends_online=friends,
        cores_per_node=cores_per_node,
        limits=Limits(
            node_gbit=node_gbit, node_gib=node_gib, balancer_gbit=balancer_gbit, database_cores=database_cores
        ),
        level=Level(ceiling=ceiling, slo_ms=slo_ms),
        runs_all=run_all,
        seed=seed,
    )
    if compare:
        _compare(plan, model, nodes=nodes or COMPARED_ON, given=given, chart=chart, as_json=as_json)
        return
    try:
        with reporter() as told, told.stage("predict", 1.0) as stage:
            found = forecast(plan, model, nodes=nodes, prices=prices, say=stage.say)
    except NoNumber as error:
        basis = tell_basis(beyond(model.extent, plan, error.nodes), model, given, fetches=way in ("push", "rev"))
        raise Failed("\n".join([str(error), *way_out(error, plan), *basis])) from error
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(found), indent=2))
    else:
        for line in tell_forecast(found, plan, model, given=given):
            click.echo(line)
    if found.breaks:
        sys.exit(ExitCode.THRESHOLD_MISSED)


def _check_comparison(chart: Path | None) -> None:
    """Before it is made. Raises `Misused`."""
    given = click.get_current_context().get_parameter_source
    for name, flag in IN_NO_COMPARISON.items():
        if given(name) is ParameterSource.COMMANDLINE:
            raise Misused(
                f"--compare tries every way with more and more players, and makes no bill: leave {flag} out."
            )  # fmt: skip
    if chart is not None:
        try_to_write_in(chart.absolute(), flag="--chart")


def _compare(plan: Plan, model: Model, *, nodes: int, given: str, chart: Path | None, as_json: bool) -> None:
    import msgspec

    from bench.prediction.comparison import compare
    from bench.prediction.told import tell_walls
    from bench.processes.progress import reporter

    with reporter() as told, told.stage("predict", 1.0) as stage:
        walls = compare(plan, model, nodes=nodes, say=stage.say)
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(walls), indent=2))
    else:
        for line in tell_walls(walls, plan, model, nodes=nodes, given=given):
            click.echo(line)
    if chart is not None:
        click.echo(f"chart: {_draw(walls, plan, model, nodes=nodes, folder=chart)}", err=as_json)


def _draw(walls: list[Wall], plan: Plan, model: Model, *, nodes: int, folder: Path) -> Path:
    from bench.prediction.told import assumptions
    from bench.prediction.virtual.setup import PUSH
    from bench.report.charts.scale import Reach, scale_chart

    made = scale_chart(
        [
            Reach(
                name=each.name,
                way=each.way,
                holds=each.holds,
                breaks=each.breaks,
                is_pushed=each.way in PUSH,
                fails=each.fails,
            )
            for each in walls
        ],
        nodes=nodes,
        slo_ms=plan.level.slo_ms,
        poll_s=plan.poll_s,
        assumptions=assumptions(plan),
        measured=model.extent.sessions,
        basis=f"{model.machine.cpu} · commit {model.commit} · {model.made_at}",
    )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{made.name}.svg"
        path.write_text(made.svg, encoding="utf-8")
        (folder / f"{made.name}.png").write_bytes(made.png)
    except OSError as error:
        raise Misused(f"The chart cannot be written: {error}.") from error
    return path

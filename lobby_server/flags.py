"""The flags of ``lobby-server``, made from the settings, and its help: in groups, with choices, units and defaults."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import Field, fields
from typing import IO, Any

import click

from lobby_server.options import ENVIRONMENT_ONLY, Group, environment_name_of, flag_of
from lobby_server.settings import Settings

USAGE = 2
"""Exit code of what the operator has to put right."""

EPILOG = f"""\b
Examples:
  lobby-server
                 SQLite in ./lobby-data, for this machine only
  lobby-server --address :: --tls-cert c.pem --tls-key k.pem
                 on every interface, IPv6 and IPv4, with TLS
  lobby-server --trusted-proxies 127.0.0.1 --path-prefix /lobby
                 behind nginx on this machine, at https://host/lobby/
  LOBBY_DATABASE_URL=postgresql://lobby@db/lobby lobby-server
                 PostgreSQL, by a variable: flags are in the list of processes

Every flag is also an environment variable: LOBBY_ and the name in capitals, as in LOBBY_PORT=30821. A flag wins over
the environment. The secret that signs tokens is only there: {environment_name_of("jwt_secret")}, or in
--jwt-secret-file.

\b
Signals:
  SIGTERM, SIGINT   orderly stop
  SIGHUP            read secrets and certificate again, reopen the log file
  SIGUSR1           reopen the log file
  SIGUSR2           write the figures of the moment into the log

\b
Exit codes:
  0    orderly stop
  1    the server could not go on: another one took the database, or a worker
       ended again and again; a command got no answer or was refused; nodes
       lists one that has not been heard of
  2    a setting or the database has to be corrected first
  75   the database or the backplane is not up: the same start may succeed
       later
"""


def settings_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """A flag for every setting. Defaults stay with `Settings`: a flag that is left out is None."""
    for option in reversed(fields(Settings)):
        if not option.metadata[ENVIRONMENT_ONLY]:
            command = click.option(
                flag_of(option.name),
                option.name,
                cls=_Setting,
                group=option.metadata["group"],
                is_list=option.metadata["is_list"],
                type=_type_of(option),
                is_flag=type(option.default) is bool,
                default=None,
                metavar=_metavar_of(option),
                help=_help_of(option),
            )(command)
    return command


class OneSentence(click.ClickException):
    """A slip on the command line, said as every other fault of a setting is: without the usage around it."""

    exit_code = USAGE

    def __init__(self, message: str, *, advice: str) -> None:
        super().__init__(message)
        self._advice = advice

    def show(self, file: IO[Any] | None = None) -> None:
        what = self.message.rstrip(".?").replace(". Did you", ", did you")
        click.echo(f"lobby-server: {what}: {self._advice}.", err=True, file=file)


class Copyable(click.HelpFormatter):
    """Breaks no line at a hyphen: a flag, a path or an example is copied as it stands."""

    def write_dl(self, rows: Iterable[tuple[str, str]], *args: Any, **named: Any) -> None:
        super().write_dl([(name, text.replace("-", _WHOLE_HYPHEN)) for name, text in rows], *args, **named)

    def write_text(self, text: str) -> None:
        super().write_text(text.replace("-", _WHOLE_HYPHEN))

    def getvalue(self) -> str:
        return super().getvalue().replace(_WHOLE_HYPHEN, "-")


_WHOLE_HYPHEN = "\N{NON-BREAKING HYPHEN}"


class _Context(click.Context):
    formatter_class = Copyable


class _Command(click.Command):
    context_class = _Context


class ServerCommand(click.Group):
    """Says slips in one sentence, and shows the settings in groups."""

    context_class = _Context
    command_class = _Command

    def make_context(self, *args: Any, **named: Any) -> click.Context:
        with _in_one_sentence():
            return super().make_context(*args, **named)

    def invoke(self, ctx: click.Context) -> Any:
        with _in_one_sentence():
            return super().invoke(ctx)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for group in Group:
            with formatter.section(group.value):
                formatter.write_dl(_records(self, ctx, group))
        with formatter.section("Other options"):
            formatter.write_dl(_records(self, ctx, None))
        self.format_commands(ctx, formatter)


# -- private ------------------------------------------------------------------------------------------------------


class _Setting(click.Option):
    def __init__(self, *args: Any, group: Group, is_list: bool, **named: Any) -> None:
        if is_list:
            named |= {"multiple": True, "callback": _given_once}
        super().__init__(*args, **named)
        self.group = group


def _given_once(ctx: click.Context, option: click.Parameter, given: tuple[str, ...] | None) -> str | None:
    """Of a list that is given twice the first half would count for nothing, without a word."""
    if given and len(given) > 1:
        raise click.UsageError(f"{option.opts[0]} is given {len(given)} times; give it once, with commas between")
    return given[0] if given else None


def _records(command: click.Command, ctx: click.Context, group: Group | None) -> list[tuple[str, str]]:
    wanted = [each for each in command.get_params(ctx) if getattr(each, "group", None) is group]
    return [record for each in wanted if (record := each.get_help_record(ctx)) is not None]


def _type_of(option: Field[Any]) -> Any:
    if option.metadata["choices"]:
        return click.Choice(option.metadata["choices"])
    return {int: int, float: float}.get(type(option.default), str)


def _metavar_of(option: Field[Any]) -> str | None:
    kind = type(option.default)
    if kind is bool or option.metadata["choices"]:
        return None  # Click shows the choices
    return {int: "N", float: "N", str: "TEXT"}.get(kind, "FOLDER")


def _help_of(option: Field[Any]) -> str:
    text, unit, default = option.metadata["help"], option.metadata["unit"], option.default
    if option.metadata["example"]:
        text += f"; for example {option.metadata['example']}"
    if type(default) is bool:
        text += " [default: off]"
    elif default != "":
        text += f" [default: {default:g}" if isinstance(default, float) else f" [default: {default}"
        text += f" {unit}]" if unit else "]"
    return str(text)


@contextmanager
def _in_one_sentence() -> Iterator[None]:
    try:
        yield
    except click.UsageError as fault:
        raise OneSentence(fault.format_message(), advice=_advice_on(fault)) from None


def _advice_on(fault: click.UsageError) -> str:
    """Where to look; or, for a setting behind a command, where it goes."""
    command = fault.ctx.info_name if fault.ctx is not None and fault.ctx.parent is not None else None
    if command is None:
        return "see lobby-server --help"
    flags = {flag_of(option.name) for option in fields(Settings) if not option.metadata[ENVIRONMENT_ONLY]}
    if isinstance(fault, click.NoSuchOption) and fault.option_name in flags:
        return f"settings of the server go before the command, as in lobby-server {fault.option_name} … {command}"
    return f"see lobby-server {command} --help"

"""Settings from the command line and the environment. Precedence: flag, then ``LOBBY_…`` variable, then default."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields
from typing import Any

from lobby_server.options import ENVIRONMENT_PREFIX, environment_name_of, flag_of
from lobby_server.settings import Settings, SettingsError


def read_settings(flags: Mapping[str, Any], environment: Mapping[str, str]) -> Settings:
    """Settings from what the command line gave (``None`` where a flag was left out) and the environment.

    Raises `SettingsError` for a value that cannot be read or does not hold; it names the variable, where the value came
    from one.
    """
    values: dict[str, Any] = {}
    variables: dict[str, str] = {}  # by the flags of the same settings
    for option in fields(Settings):
        given = flags.get(option.name)
        if given is not None:
            values[option.name] = given
        elif (text := environment.get(environment_name_of(option.name))) not in (None, ""):
            variable = environment_name_of(option.name)
            values[option.name] = _parse(variable, str(text), type(option.default))
            variables[flag_of(option.name)] = variable
    try:
        return Settings(**values)
    except SettingsError as fault:
        raise SettingsError(_FLAG.sub(lambda flag: variables.get(flag[0], flag[0]), str(fault))) from None


_FLAG = re.compile(r"(?<![\w-])--[a-z0-9-]+(?![\w-])")


_OF_OTHERS = re.compile(r"LOBBY_(TEST_\w*|(\w+_)?(SERVICE_HOST|SERVICE_PORT\w*)|(\w+_)?PORT_\d+_(TCP|UDP)\w*)")
"""Names of our own tests, and what Kubernetes sets for a service that is called lobby."""


def unknown_variables(environment: Mapping[str, str]) -> Iterator[str]:
    """A sentence for each ``LOBBY_…`` variable that sets nothing: most likely a typing error."""
    known = {environment_name_of(option.name) for option in fields(Settings)}
    for name in sorted(environment):
        if not name.startswith(ENVIRONMENT_PREFIX) or name in known or _OF_OTHERS.fullmatch(name):
            continue
        nearest = difflib.get_close_matches(name, known, n=1, cutoff=0.75)
        advice = f"did you mean {nearest[0]}?" if nearest else "lobby-server --help lists the settings."
        yield f"{name} is no setting and does nothing: {advice}"


def _parse(name: str, text: str, kind: type) -> Any:
    if kind is bool:
        try:
            return {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False,
                    "off": False}[text.strip().lower()]  # fmt: skip
        except KeyError:
            raise SettingsError(f"{name} is {text!r}: give 1 or 0.") from None
    convert: Callable[[str], Any] = {int: int, float: float}.get(kind, kind)
    try:
        return convert(text)
    except ValueError:
        if name == environment_name_of("port") and text.startswith("tcp://"):
            raise SettingsError(
                f"{name} is {text!r}, which Kubernetes sets for a service called lobby: give --port, or "
                "enableServiceLinks: false to the pod."
            ) from None
        kind_of_number = "whole number" if kind is int else "number"
        raise SettingsError(f"{name} is {text!r}: give a {kind_of_number}.") from None

"""What an option is: a field with its default, its unit and its help text, and its names.

`lobby_server.option_table` has the options themselves. From their fields the flags, the ``LOBBY_*`` environment names,
the headings of ``--help`` and the table of settings are made.
"""

from __future__ import annotations

from dataclasses import field
from enum import Enum
from typing import Any

ENVIRONMENT_PREFIX = "LOBBY_"
ENVIRONMENT_ONLY = "environment_only"


class Group(str, Enum):
    """What an operator looks for together: the headings of ``--help`` and of the table of settings, in this order."""

    NETWORK = "Network"
    PROXIES = "Proxies and TLS"
    DATA = "Data"
    TOKENS = "Tokens"
    MAIL = "Mail"
    SESSIONS = "Sessions and rooms"
    LIMITS = "Limits"
    FANOUT = "Fan-out"
    OPERATION = "Operation"
    CLUSTER = "Several nodes"


def option(
    default: Any,
    help: str,
    *,
    group: Group,
    unit: str = "",
    choices: tuple[str, ...] = (),
    example: str = "",
    is_list: bool = False,
    environment_only: bool = False,
) -> Any:
    """A field of the settings. `is_list`: several values with commas between. `environment_only`: there is no flag,
    because a command line can be read by others."""
    return field(
        default=default,
        metadata={
            "help": help,
            "group": group,
            "unit": unit,
            "choices": choices,
            "example": example,
            "is_list": is_list,
            ENVIRONMENT_ONLY: environment_only,
        },
    )


def flag_of(name: str) -> str:
    """``presence_grace_s`` → ``--presence-grace-s``."""
    return "--" + name.replace("_", "-")


def environment_name_of(name: str) -> str:
    """``presence_grace_s`` → ``LOBBY_PRESENCE_GRACE_S``."""
    return ENVIRONMENT_PREFIX + name.upper()

"""Whether the parts of a profile fit together: what is filled in is known there, and a message means one thing.

Each fault is one sentence about one key; without this, a misspelt ``{room-id}`` would go out as it stands, and the
server would be blamed for its answer.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

OF_A_PLAYER = ("name", "token", "version")
"""What stands for a player in everything that goes out."""
ASKS_WITH = ("call", "body", "headers")
"""Of every HTTP call; its other keys are names of what is in the answer."""
OF_CALLS = {"create": ("mark", "gamemode"), "delete": ("id",)}
OF_MESSAGES = {"join_room": ("room_id",), "chat": ("text",)}

_LOOKS_FILLED_IN = re.compile(r"\{([A-Za-z][\w-]*)\}")
"""More than `loadtest.wire.profiles.paths` fills in: ``{roomId}`` and ``{room-id}`` are meant to be."""

Wrong = Callable[[str, Any, str], Exception]
"""Makes an error of a key, its value and what was expected there."""


def check_places(document: Mapping[str, Any], wrong: Wrong) -> None:
    """`document`: a profile whose keys and kinds are right. Raises what `wrong` makes."""
    calls: Mapping[str, Mapping[str, Any]] = document.get("http", {})
    socket, entered = document.get("socket", {}), calls.get("enter", {})
    found_by_entering = tuple(key for key in entered if key not in ASKS_WITH)
    templates: list[tuple[str, Any, Iterable[str]]] = [
        ("socket.path", socket.get("path"), (*OF_A_PLAYER, *found_by_entering)),
        ("socket.auth", socket.get("auth"), OF_A_PLAYER),
    ]
    for section in ("handshake", "ping"):
        templates.append((f"{section}.data", document.get(section, {}).get("data"), OF_A_PLAYER))
    for name, says in document.get("says", {}).items():
        templates.append((f"says.{name}.data", says.get("data"), (*OF_A_PLAYER, *OF_MESSAGES.get(name, ()))))
    for name, call in calls.items():
        templates += [
            (f"http.{name}.{key}", call.get(key), (*OF_A_PLAYER, *OF_CALLS.get(name, ()))) for key in ASKS_WITH
        ]
    for place, template, known in templates:
        unknown = sorted(_meant_in(template) - set(known))
        if unknown:
            shown = ", ".join(f"{{{each}}}" for each in known)
            raise wrong(place, template, f"what is filled in there, {shown}: {{{unknown[0]}}} is none of them")


def _meant_in(template: Any) -> set[str]:
    if isinstance(template, dict):
        return set().union(*(_meant_in(item) for item in template.values()))
    if isinstance(template, list):
        return set().union(*(_meant_in(item) for item in template))
    return set(_LOOKS_FILLED_IN.findall(template)) if isinstance(template, str) else set()


def check_types(document: Mapping[str, Any], wrong: Wrong) -> None:
    """That no type of message has two meanings. The answer to the handshake may be the player's own coming, as in an
    echo. Raises as above."""
    meanings: dict[str, str] = {}
    handshake, ping = document.get("handshake", {}), document.get("ping", {})
    for place, kind in (("handshake.refused", handshake.get("refused")), ("ping.answer", ping.get("answer"))):
        _enter(meanings, place, [kind] if kind is not None else [], wrong)
    for name, hears in document.get("hears", {}).items():
        _enter(meanings, f"hears.{name}.types", hears.get("types", ()), wrong)
    _enter(meanings, "ignores", document.get("ignores", ()), wrong)


def _enter(meanings: dict[str, str], place: str, kinds: Iterable[str], wrong: Wrong) -> None:
    for kind in kinds:
        other = meanings.setdefault(kind, place)
        if other != place:
            raise wrong(place, kind, f"each message one meaning: {kind} stands under {other}, too")

"""Where something is in a JSON document: ``user.id``, ``0.name``; nothing for the whole of it; ``id | user.id`` for the
first that is there, since versions of a server differ."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping
from typing import Any

_PLACE = re.compile(r"\{([a-z_]+)\}")


class NotThere(LookupError):
    """Its text says what was looked for."""


def find(document: Any, path: str) -> Any:
    """Raises `NotThere`."""
    if "|" in path:
        for way in _ways(path):
            with contextlib.suppress(NotThere):
                return find(document, way)
        raise NotThere(f"there is no {' and no '.join(_ways(path))}")
    found = document
    for part in path.split(".") if path else ():
        try:
            found = found[int(part)] if isinstance(found, list) else found[part]
        except (LookupError, TypeError, ValueError):
            raise NotThere(f"there is no {path}") from None
    return found


def put(path: str, value: Any, into: dict[str, Any]) -> None:
    """Of names only, no indexes. Of several ways, the first."""
    *way, last = _ways(path)[0].split(".")
    for part in way:
        into = into.setdefault(part, {})
    into[last] = value


def _ways(path: str) -> list[str]:
    return [way.strip() for way in path.split("|")]


def filled(template: Any, values: Mapping[str, Any]) -> Any:
    """``"{token}"`` becomes the value, whatever it is; ``"Bearer {token}"`` a text with it. What has no value stays."""
    if isinstance(template, dict):
        return {key: filled(item, values) for key, item in template.items()}
    if isinstance(template, list):
        return [filled(item, values) for item in template]
    if not isinstance(template, str):
        return template
    whole = _PLACE.fullmatch(template)
    if whole is not None and whole[1] in values:
        return values[whole[1]]
    return _PLACE.sub(lambda place: str(values.get(place[1], place[0])), template)


def places_in(template: Any) -> set[str]:
    """The names of what is to be filled in."""
    if isinstance(template, dict):
        return set().union(*(places_in(item) for item in template.values()))
    if isinstance(template, list):
        return set().union(*(places_in(item) for item in template))
    return set(_PLACE.findall(template)) if isinstance(template, str) else set()

"""Profiles from TOML files: those that ship, by name, and anybody's. Each error is one sentence with file and key."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from loadtest.results.exit_codes import UsageError
from loadtest.wire.profiles.coherence import ASKS_WITH, check_places, check_types
from loadtest.wire.profiles.framings import FRAMINGS, new_framing
from loadtest.wire.profiles.profile import HEARD, SAID, Call, Hears, Profile, Says

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FOLDER = Path(__file__).parents[2] / "profiles"
LOBBY = "lobby"
LIST = "list"
_CALLS = {"rooms": ("list", "id", "mark", "full"), "create": ("id",), "delete": (), "enter": None}
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_PARTS = {"user_online": ("user_id",), "user_offline": ("user_id",), "room_joined": ("room_id",), "chat": ("text",)}
"""What is looked for in the data of a message."""
_SECTIONS = ("about", "ignores", "socket", "envelope", "handshake", "ping", "hears", "says", "http")


def read_profile(name: str) -> Profile | None:
    """`name`: a file, or one of those that ship; None for ``lobby``, whose protocol needs none. Raises `UsageError`."""
    if name in ("", LOBBY):
        return None
    path = Path(name)
    if path.suffix != ".toml" and (FOLDER / f"{name}.toml").is_file():
        path = FOLDER / f"{name}.toml"
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is no UTF-8"
        raise UsageError(
            f"--protocol: {name} cannot be read ({why}): give a TOML file, or one of {', '.join(shipped())}."
        ) from None
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise UsageError(f"{path.name} is no TOML: {error}.") from None
    return _Reader(path.name).read(path.stem, document)


def shipped() -> tuple[str, ...]:
    return (LOBBY, *sorted(path.stem for path in FOLDER.glob("*.toml")))


def listing() -> str:
    """For a terminal."""
    lines = [f"{LOBBY:<14}The lobby server, and any that speaks docs/protocol.md."]
    for name in shipped()[1:]:
        profile = read_profile(name)
        lines.append(f"{name:<14}{profile.about if profile is not None else ''}")
    return "\n".join(lines) + f"\nThey are in {FOLDER}.\n"


class _Reader:
    def __init__(self, file: str) -> None:
        self._file = file

    def read(self, name: str, document: Mapping[str, Any]) -> Profile:
        self._check_keys("", document, _SECTIONS)
        socket = self._table(document, "socket", ("path", "framing", "auth"))
        envelope = self._table(document, "envelope", ("type", "data"))
        handshake = self._table(document, "handshake", ("type", "data", "accepted", "user_id", "refused", "reason"))
        ping = self._table(document, "ping", ("type", "data", "answer"))
        framing = self._text(socket, "socket.framing", "json")
        if framing not in FRAMINGS:
            raise self._wrong("socket.framing", framing, f"one of {', '.join(FRAMINGS)}")
        path = self._text(socket, "socket.path", "/")
        if not path.startswith("/"):
            raise self._wrong("socket.path", path, "a path that starts with /")
        if framing != "json" and envelope:
            raise UsageError(
                f"{self._file}: [envelope] is of the framing json: {framing} says itself where type and data are."
            )
        if framing != "socketio" and "auth" in socket:
            raise self._wrong("socket.auth", socket["auth"], "it to socketio alone, which has a CONNECT packet")
        if "data" in handshake and "type" not in handshake:
            raise UsageError(f"{self._file}: handshake.type is missing: say how the server calls that message.")
        if ping and ("type" not in ping or "answer" not in ping):
            raise UsageError(f"{self._file}: ping needs type and answer: leave [ping] out for pings of the WebSocket.")
        profile = Profile(
            name=name,
            about=self._text(document, "about", ""),
            socket_path=path,
            framing=new_framing(
                framing,
                type_path=self._text(envelope, "envelope.type", "type"),
                data_path=self._text(envelope, "envelope.data", "data"),
            ),
            handshake=self._says(handshake, "handshake") if "type" in handshake else None,
            accepted=self._text(handshake, "handshake.accepted", None),
            user_path=self._text(handshake, "handshake.user_id", None),
            refused=self._text(handshake, "handshake.refused", None),
            reason_path=self._text(handshake, "handshake.reason", "reason"),
            auth=socket.get("auth"),
            ping=self._says(ping, "ping") if ping else None,
            pong=self._text(ping, "ping.answer", None),
            hears=self._hears(document),
            says=self._all_says(document),
            ignores=self._texts(document.get("ignores", []), "ignores"),
            calls=self._calls(document),
        )
        check_places(document, self._wrong)  # now that all keys and kinds are right
        check_types(document, self._wrong)
        return profile

    def _hears(self, document: Mapping[str, Any]) -> dict[str, Hears]:
        found = {}
        for ours, section in self._table(document, "hears", HEARD).items():
            place = f"hears.{ours}"
            self._check_table(section, place, ("types", *_PARTS.get(ours, ())))
            types = self._texts(section.get("types", []), f"{place}.types")
            if not types:
                raise UsageError(f"{self._file}: {place}.types is missing: say which messages of the server mean that.")
            paths = {key: self._text(section, f"{place}.{key}", "") for key in section if key != "types"}
            found[ours] = Hears(types=types, paths=paths)
        return found

    def _all_says(self, document: Mapping[str, Any]) -> dict[str, Says]:
        section = self._table(document, "says", SAID)
        for ours, said in section.items():
            self._check_table(said, f"says.{ours}", ("type", "data"))
        return {ours: self._says(said, f"says.{ours}") for ours, said in section.items()}

    def _says(self, section: Mapping[str, Any], place: str) -> Says:
        name = self._text(section, f"{place}.type", None)
        if name is None:
            raise UsageError(f"{self._file}: {place}.type is missing: say how the server calls that message.")
        return Says(type=name, data=section.get("data", {}))

    def _calls(self, document: Mapping[str, Any]) -> dict[str, Call]:
        found = {}
        for name, section in self._table(document, "http", tuple(_CALLS)).items():
            place, parts = f"http.{name}", _CALLS[name]
            self._check_table(section, place, None if parts is None else (*ASKS_WITH, *parts))
            method, _, path = self._text(section, f"{place}.call", "").partition(" ")
            if not path.startswith("/") or method not in _METHODS:
                raise self._wrong(f"{place}.call", section.get("call"), 'a method and a path, as in "GET /rooms"')
            paths = {key: self._text(section, f"{place}.{key}", "") for key in section if key not in ASKS_WITH}
            headers = section.get("headers", {})
            self._check_table(headers, f"{place}.headers", None)
            for header in headers:
                self._text(headers, f"{place}.headers.{header}", "")
            found[name] = Call(method=method, path=path, body=section.get("body"), paths=paths, headers=headers)
        return found

    # -- what is shared -------------------------------------------------------------------------------------------

    def _table(self, document: Mapping[str, Any], name: str, keys: Iterable[str]) -> Mapping[str, Any]:
        section: Mapping[str, Any] = document.get(name, {})
        self._check_table(section, name, keys)
        return section

    def _check_table(self, section: Any, place: str, keys: Iterable[str] | None) -> None:
        if not isinstance(section, dict):
            raise self._wrong(place, section, f"a table, as in [{place}]")
        if keys is not None:
            self._check_keys(place, section, keys)

    def _check_keys(self, place: str, section: Mapping[str, Any], keys: Iterable[str]) -> None:
        for key in section:
            if key not in keys:
                where = f"{place}.{key}" if place else key
                raise UsageError(f"{self._file}: {where} is no key: there is {', '.join(keys)}.")

    def _text(self, section: Mapping[str, Any], place: str, otherwise: Any) -> Any:
        value = section.get(place.rpartition(".")[2], otherwise)
        if value is not otherwise and not isinstance(value, str):
            raise self._wrong(place, value, "a text")
        return value

    def _texts(self, value: Any, place: str) -> tuple[str, ...]:
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self._wrong(place, value, "a list of texts")
        return tuple(value)

    def _wrong(self, place: str, value: Any, expected: str) -> UsageError:
        return UsageError(f"{self._file}: {place} is {value!r}: give {expected}.")

"""A protocol profile: how another server says what the lobby says, as data.

The swarm goes on thinking in the lobby's messages. A profile reads what comes into those, and writes what is said; what
it does not describe is told as not understood, with what to add. `loadtest.wire.profiles.profile_file` reads one from
TOML; a class of one's own may override any method.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from loadtest.wire.messages.leniency import id_number
from loadtest.wire.messages.own import OwnMessage
from loadtest.wire.profiles.framings import Framing, Packed, PlainJson, Said, Step, Unreadable
from loadtest.wire.profiles.paths import NotThere, filled, find, places_in
from lobby_server.protocol import messages
from lobby_server.protocol.messages import ClientMessage, ServerMessage
from lobby_server.protocol.resources import Room

HEARD = ("user_online", "user_offline", "rooms_changed", "room_joined", "chat", "error")
SAID = ("join_room", "leave_room", "chat")


@dataclass(frozen=True, kw_only=True)
class Who:
    """The player on whose connection something is said."""

    name: str
    token: str
    version: str = ""

    def values(self) -> dict[str, Any]:
        return {"name": self.name, "token": self.token, "version": self.version}


@dataclass(frozen=True, kw_only=True)
class Hears:
    """A message of the server that means one of the lobby's."""

    types: tuple[str, ...]
    paths: Mapping[str, str] = field(default_factory=dict)
    """Where its parts are in the data."""


@dataclass(frozen=True, kw_only=True)
class Says:
    """A message of the lobby in the server's words; ``{room_id}``, ``{text}`` and the like are filled in."""

    type: str
    data: Any = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Call:
    """An HTTP call of the server."""

    method: str
    path: str
    body: Any = None
    paths: Mapping[str, str] = field(default_factory=dict)
    """Where the parts of the answer are."""
    headers: Mapping[str, str] = field(default_factory=dict)

    def path_for(self, values: Mapping[str, Any]) -> str:
        return str(filled(self.path, {key: quote(str(value), safe="") for key, value in values.items()}))

    def headers_for(self, values: Mapping[str, Any]) -> dict[str, str]:
        """Names in lower case."""
        return {name.lower(): str(text) for name, text in filled(dict(self.headers), values).items()}


class Profile:
    """Of one server; shared by all connections of a process."""

    def __init__(
        self,
        *,
        name: str,
        about: str = "",
        socket_path: str = "/",
        framing: Framing | None = None,
        handshake: Says | None = None,
        accepted: str | None = None,
        user_path: str | None = None,
        refused: str | None = None,
        reason_path: str = "reason",
        auth: Any = None,
        ping: Says | None = None,
        pong: str | None = None,
        hears: Mapping[str, Hears] | None = None,
        says: Mapping[str, Says] | None = None,
        ignores: tuple[str, ...] = (),
        calls: Mapping[str, Call] | None = None,
    ) -> None:
        """`accepted`: the message that answers the handshake; None: being ready is enough. `user_path`: where in it the
        user's id is; None: a player is known by its name. `ping`: None for pings of the WebSocket itself. `calls`:
        ``rooms``, ``create``, ``delete``, ``enter`` (before the socket is opened)."""
        self.name, self.about = name, about
        self.socket_path = socket_path
        self.framing: Framing = framing or PlainJson()
        self.says = dict(says or {})
        self.hears = dict(hears or {})
        self.calls = dict(calls or {})
        self.ping, self.pong = ping, pong
        self._handshake, self._accepted, self._user_path = handshake, accepted, user_path
        self._refused, self._reason_path = refused, reason_path
        self._auth = auth
        self._ignores = frozenset(ignores)
        self._meaning = {kind: ours for ours, heard in self.hears.items() for kind in heard.types}
        self.own_types: frozenset[str] = frozenset()
        """Messages that roles of one's own want as they are."""

    @property
    def needs_tokens(self) -> bool:
        """Something that is sent holds the player's token."""
        sent = [self._auth, self.socket_path, *(call.path for call in self.calls.values())]
        sent += [part for call in self.calls.values() for part in (call.body, call.headers)]
        sent += [says.data for says in (*self.says.values(), *([self.ping] if self.ping is not None else []))]
        sent += [self._handshake.data] if self._handshake is not None else []
        return any("token" in places_in(template) for template in sent)

    @property
    def common_path(self) -> str:
        """Of the WebSocket, where all players have the same."""
        return "/" if self.has_own_paths else self.socket_path

    @property
    def has_own_paths(self) -> bool:
        """Each player's WebSocket has a path of its own."""
        return bool(places_in(self.socket_path))

    @property
    def offers(self) -> frozenset[str]:
        """What roles may need: ``rooms``, ``create``, ``join`` and ``chat``."""
        found = set(self.calls) & {"rooms", "create"}
        if "join_room" in self.says and "room_joined" in self.hears:
            found.add("join")
        if "chat" in self.says and "chat" in self.hears:
            found.add("chat")
        return frozenset(found)

    @property
    def tells(self) -> frozenset[str]:
        """Of what the server tells everybody: ``user_online``, ``user_offline``, ``rooms_changed``."""
        return frozenset(self.hears) & {"user_online", "user_offline", "rooms_changed"}

    # -- what is said ---------------------------------------------------------------------------------------------

    def path_for(self, who: Who, entered: Any = None) -> str:
        """Of the WebSocket. `entered`: the answer of the call ``enter``, whose parts may be in the path."""
        values = who.values()
        if "enter" in self.calls:
            values |= {name: find(entered, path) for name, path in self.calls["enter"].paths.items()}
        return str(filled(self.socket_path, {key: quote(str(value), safe="") for key, value in values.items()}))

    def greet(self, who: Who) -> Packed | None:
        """The handshake, once the framing is ready; None: there is none."""
        if self._handshake is None:
            return None
        return self.framing.write(self._handshake.type, filled(self._handshake.data, who.values()))

    def authenticate(self, who: Who) -> Packed:
        return self.framing.authenticate(filled(self._auth, who.values()))

    def write(self, message: ClientMessage, who: Who) -> Packed | None:
        """None: this server has no such message."""
        if isinstance(message, messages.Ping):
            return (
                None if self.ping is None else self.framing.write(self.ping.type, filled(self.ping.data, who.values()))
            )
        says = self.says.get(message.TYPE)
        if says is None:
            return None
        parts = {"room_id": getattr(message, "roomId", ""), "text": getattr(message, "text", "")}
        return self.framing.write(says.type, filled(says.data, {**who.values(), **parts}))

    # -- what is heard --------------------------------------------------------------------------------------------

    @property
    def accepts_when_ready(self) -> bool:
        return self._accepted is None

    def user_id_of(self, who: Who) -> int:
        """Of a player whom the server knows by its name."""
        return id_number(who.name)

    def read(self, payload: bytes) -> tuple[str, ServerMessage | Step | None]:
        """Its name, and what it means; None: nothing. Raises `Unreadable`."""
        said = self.framing.read(payload)
        if isinstance(said, Step):
            return "(framing)", said
        return said.type, self.meaning_of(said)

    def meaning_of(self, said: Said) -> ServerMessage | None:
        """Raises `Unreadable`."""
        ours = self._meaning.get(said.type)
        try:
            if said.type == self._accepted and (ours is None or self._user_path is None):
                return self._acceptance(said.data)
            if said.type == self.pong:
                return messages.Pong(ts=0)
            if said.type == self._refused:
                return OwnMessage("refused", _text(said.data, self._reason_path, "refused"))
            if said.type == self.framing.refusal and ours is None:
                return OwnMessage("refused", _text(said.data, "message", said.type))
            if ours is not None:
                return self._heard(ours, self.hears[ours].paths, said.data)
        except NotThere as missing:
            raise Unreadable(f"{missing} in the data of {said.type}: say where it is") from None
        if said.type in self.own_types:
            return OwnMessage(said.type, said.data)
        if said.type in self._ignores:
            return None
        raise Unreadable(f"{said.type} is not described: say what it means with [hears.…] types, or add it to ignores")

    def _acceptance(self, data: Any) -> ServerMessage:
        if self._user_path is None:
            return OwnMessage("accepted", data)
        return messages.HandshakeAccepted(peer_id=0, user_id=_id(find(data, self._user_path)), username="")

    def _heard(self, ours: str, paths: Mapping[str, str], data: Any) -> ServerMessage:
        if ours == "rooms_changed":
            return messages.RoomsChanged()
        if ours in ("user_online", "user_offline"):
            kind = messages.UserOnline if ours == "user_online" else messages.UserOffline
            found = find(data, paths.get("user_id", "user_id"))
            return kind(user_id=_id(found), username=str(found))
        if ours == "room_joined":
            room_id = str(find(data, paths.get("room_id", "room_id")))
            return messages.RoomJoined(roomId=room_id, peerId=0, members=[], gamemode="", mapName=None)
        if ours == "chat":
            text = str(find(data, paths.get("text", "text")))
            return messages.Chat(from_peer=0, from_name="", text=text)
        return OwnMessage("error", data)

    def rooms_in(self, document: Any) -> tuple[Room, ...]:
        """The list of the call ``rooms``. Raises `NotThere`."""
        paths = self.calls["rooms"].paths
        rows = find(document, paths.get("list", ""))
        if not isinstance(rows, list):
            raise NotThere(f"what is at {paths.get('list') or 'the top'} is no list")
        return tuple(
            Room(
                id=str(find(row, paths.get("id", "id"))),
                host_username="",
                gamemode="",
                map_name=_text(row, paths["mark"], None) if "mark" in paths else None,
                current_players=0,
                max_players=0,
                created_at="",
                is_full=bool(_text(row, paths["full"], None)) if "full" in paths else False,
            )
            for row in rows
        )


def _id(found: Any) -> int:
    return found if isinstance(found, int) and not isinstance(found, bool) else id_number(str(found))


def _text(document: Any, path: str, otherwise: Any) -> Any:
    try:
        return find(document, path)
    except NotThere:
        return otherwise

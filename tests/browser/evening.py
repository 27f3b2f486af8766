"""A lively evening in the lobby, for pictures: rooms with people in them, friends, a party, a conversation.

Two of them have a page, ada who is in a room and grace who hosts it; the others are sockets.
"""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass
from typing import Any

from bench.processes.target import Target
from tests.browser.conftest import Crowd
from tests.browser.people import Person
from tests.process.clients import call, connect, shake_hands, token_of

MODES = ("capture the flag", "deathmatch", "race", "siege")
ROOM = "Friday night"
"""Of grace, whose game is the first of `MODES`."""


@dataclass(frozen=True)
class Table:
    """One room of the others."""

    host: str
    mode: str
    map_name: str
    places: int
    guests: tuple[str, ...] = ()
    name: str = ""


TABLES = (
    Table("edsger", "capture the flag", "Old harbour", 8, ("tony", "robin", "dana")),
    Table("barbara", "deathmatch", "Foundry", 4, ("niklaus", "kristen", "leslie"), name="No mercy"),
    Table("donald", "race", "Ring road", 6, ("sophie",)),
    Table("frances", "siege", "", 12, ("jean", "adele"), name="Slow and loud"),
    Table("margaret", "race", "Coast by night", 6),
    Table("dennis", "deathmatch", "Rooftops", 16, ("ken", "brian", "bjarne", "guido")),
)
FRIENDS = ("grace", "linus", "sophie", "tony")
"""Of ada, besides her own page."""
SAID = (
    ("linus", "anyone for another round?"),
    ("grace", "we have two places left in Friday night"),
    ("linus", "give me five minutes"),
    ("sophie", "which map?"),
    ("ada", "Twin towers, as always"),
)


class Player:
    """Somebody without a page: a token of an outside account service, and a socket."""

    def __init__(self, server: Target, number: int, name: str, sockets: contextlib.ExitStack) -> None:
        self.name = name
        self.token = token_of(server, 300 + number, name)
        self._server = server
        self.socket = sockets.enter_context(contextlib.closing(connect(server)))
        assert shake_hands(self.socket, self.token)["type"] == "handshake_accepted"

    def sends(self, type_: str, **data: Any) -> None:
        self.socket.send(json.dumps({"type": type_, "data": data}))

    def enters(self, room_id: str) -> None:
        self.sends("join_room", roomId=room_id, version="13020", name=self.name)
        while json.loads(self.socket.recv())["type"] != "room_joined":
            pass

    def calls(self, path: str, body: Any = None) -> Any:
        answer = call(self._server, "POST", path, {} if body is None else body, token=self.token)
        assert answer.status < 300, (path, answer)
        return answer.body

    def hosts(self, table: Table) -> str:
        """The id of the new room, which its host has entered."""
        wish = {"gamemode": table.mode, "mapName": table.map_name or None, "maxPlayers": table.places}
        room = self.calls("/api/rooms", {**wish, "name": table.name or None})["room"]
        self.sends("create_room")
        while json.loads(self.socket.recv())["type"] != "room_created":
            pass
        return str(room["id"])


@dataclass(frozen=True)
class Evening:
    ada: Person
    grace: Person
    players: dict[str, Player]
    """By their names."""


def people_the_lobby(crowd: Crowd, sockets: contextlib.ExitStack, **look: Any) -> Evening:
    """`look` of ada's page."""
    names = {name: None for table in TABLES for name in (table.host, *table.guests)}
    players = {
        name: Player(crowd.server, number, name, sockets) for number, name in enumerate((*names, "linus", "anita"))
    }
    ada, grace = crowd.person("ada", **look), crowd.person("grace")
    for table in TABLES:
        room_id = players[table.host].hosts(table)
        for guest in table.guests:
            players[guest].enters(room_id)
    grace.create_room(MODES[0], map_name="Twin towers", players=6, name=ROOM)
    grace.is_in_room(ROOM)
    row = ada.room(ROOM)
    row.wait_for()
    room_id = row.get_attribute("data-id")
    for name in ("linus", "anita"):
        players[name].enters(room_id)
    ada.join(ROOM)
    ada.is_in_room(ROOM)
    for name in ("linus", "anita"):
        players[name].calls(f"/api/rooms/{room_id}/ready", {"ready": name == "linus"})
    _befriend(ada, grace, players)
    ada.page.locator("#party-form input").fill("grace")
    ada.page.locator("#party-form button").click()
    grace.answers("ada invites you", "Join")
    ada.page.locator("#party-size", has_text="2/8").wait_for()
    for name, line in SAID:
        if name in players:
            players[name].sends("chat_message", channel="lobby", text=line)
        else:
            {"ada": ada, "grace": grace}[name].says(line)
        ada.reads(line)
        grace.reads(line)
    for person, line in ((grace, "two more and we start"), (ada, "ready when you are")):
        person.page.locator("#my-room-say input").fill(line)
        person.page.locator("#my-room-say button").click()
        ada.page.locator("#my-room-log li", has_text=line).wait_for()
        grace.page.locator("#my-room-log li", has_text=line).wait_for()
    ada.page.get_by_role("button", name="I am ready").click()
    grace.page.locator("#my-room-stage", has_text="One player is not ready.").wait_for()
    for person in (ada, grace):
        person.page.locator(".toast").first.wait_for(state="detached")
        person.page.evaluate("document.activeElement.blur()")
    return Evening(ada, grace, players)


def _befriend(ada: Person, grace: Person, players: dict[str, Player]) -> None:
    """And one request that waits for her."""
    for name in (*FRIENDS[1:], "robin"):
        players[name].calls("/api/friends/requests", {"to_username": "ada"})
    grace.page.locator("#friend-form input").fill("ada")
    grace.page.locator("#friend-form button").click()
    for name in FRIENDS:
        ada.answers(f"{name} wants to be your friend", "Accept")
    ada.answers("robin wants to be your friend", "Decline")
    players["dana"].calls("/api/friends/requests", {"to_username": "grace"})
    grace.page.locator(".question", has_text="dana").wait_for()
    ada.page.locator("#friends-count", has_text=str(len(FRIENDS))).wait_for()

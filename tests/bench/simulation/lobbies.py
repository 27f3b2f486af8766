"""Small states of a lobby, made by its own commands, for checks to look at."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from lobby_server.core.machine import commands
from lobby_server.core.machine.books import new_books
from lobby_server.core.machine.commands import Command
from lobby_server.core.machine.effects import Effect
from lobby_server.core.machine.state import LobbyState
from lobby_server.core.presence import User
from lobby_server.core.rooms import Room

ANN, BOB, CLEO = User(1, "ann"), User(2, "bob"), User(3, "cleo")
AT = datetime(2026, 1, 1, tzinfo=timezone.utc)
NODE = "a"


class Lobby:
    """On one node."""

    def __init__(self, *, grace_s: float = 0.0, party_max_members: int = 3) -> None:
        self.state = LobbyState(
            new_books(
                grace_s=grace_s, empty_room_ttl_s=5.0, first_revision=1, party_max_members=party_max_members,
                party_invite_ttl_s=5.0, party_offline_ttl_s=5.0,
            )
        )  # fmt: skip
        self.books = self.state.books
        self.do(commands.NodeUp(NODE))

    def do(self, command: Command, *, at_s: float = 0.0) -> list[Effect]:
        return self.state.apply(command, at_s=at_s, node=NODE)

    def come(self, *users: User) -> None:
        """Each with a socket of the number of the user."""
        for user in users:
            self.do(commands.Arrive(user, user.id, "1"))

    def make_room(self, room_id: str, host: User, *guests: User, places: int = 4) -> Room:
        room = Room(
            id=room_id, host=host, gamemode="duel", map_name=None, max_players=places, is_public=True, version="1",
            created_at=AT,
        )  # fmt: skip
        self.do(commands.CreateRoom(room))
        for guest in guests:
            self.do(commands.JoinRoom(guest, room_id, "1"))
        found = self.books.rooms.get(room_id)
        assert found is not None
        return found

    def make_party(self, party_id: str, leader: User, *members: User) -> Any:
        self.do(commands.CreateParty(leader, party_id))
        for member in members:
            self.do(commands.InviteToParty(leader, member, party_id, f"{party_id}-{member.id}", AT))
            self.do(commands.JoinParty(member, party_id))
        return self.books.parties.get(party_id)

    def block(self, user: User, other: User) -> None:
        self.do(commands.Block(user, other, AT))

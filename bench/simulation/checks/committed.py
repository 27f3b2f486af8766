"""What the database has to have before anybody hears of it: empty, or what it has not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bench.simulation.outside.store import Database
from lobby_server.core.machine import commands
from lobby_server.core.machine.commands import Command


def _create_room(database: Database, command: commands.CreateRoom) -> str:
    return "" if command.room.id in database.rooms_made else f"room {command.room.id} is not in the database"


def _tell(database: Database, command: commands.Tell) -> str:
    missing = [line.id for line in command.lines if line.id not in database.lines_made]
    return f"lines {missing} are not in the database" if missing else ""


def _ask_friend(database: Database, command: commands.AskFriend) -> str:
    return "" if command.request.id in database.requests_made else f"friend request {command.request.id} is not there"


def _befriend(database: Database, command: commands.Befriend) -> str:
    pair = (command.request.sender.id, command.request.receiver.id)
    return "" if pair in database.ever_friends else f"the friendship of {pair} is not in the database"


def _block(database: Database, command: commands.Block) -> str:
    pair = (command.user.id, command.other.id)
    return "" if pair in database.ever_blocked else f"the block {pair} is not in the database"


def _sign_out(database: Database, command: commands.SignOut) -> str:
    return "" if database.is_revoked(command.token_id) else f"token {command.token_id} is not revoked in the database"


def _forget(database: Database, command: commands.ForgetUser) -> str:
    is_there = database.is_revoked(f"user {command.user_id} {command.mark}")
    return "" if is_there else f"user {command.user_id} is not deleted in the database"


def _announce(database: Database, command: commands.Announce) -> str:
    return "" if database.has_announcement(command.id) else f"announcement {command.id} is not in the database"


def _deliver(database: Database, command: commands.DeliverNotices) -> str:
    untold = [each.id for each in command.notices if not database.is_told(each.id)]
    return f"notifications {untold} do not count as told in the database" if untold else ""


def _ban(database: Database, command: commands.BanUser) -> str:
    return "" if command.user.id in database.ever_banned else f"no ban of {command.user.username} is in the database"


COMMITTED: dict[type[Command], Callable[[Database, Any], str]] = {
    commands.CreateRoom: _create_room,
    commands.Tell: _tell,
    commands.AskFriend: _ask_friend,
    commands.Befriend: _befriend,
    commands.Block: _block,
    commands.SignOut: _sign_out,
    commands.ForgetUser: _forget,
    commands.Announce: _announce,
    commands.DeliverNotices: _deliver,
    commands.BanUser: _ban,
}

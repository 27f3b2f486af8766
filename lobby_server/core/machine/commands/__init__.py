"""Everything that can happen to the lobby, as values: what goes through the log between nodes.

A command carries whatever is not determined by the state: identifiers, keys, moments of the wall clock. What is due at
a time is reckoned in the time of the log, which is no field of any command.
"""

from __future__ import annotations

from typing import Any

from lobby_server.core.machine.commands.administration import BanUser, CloseRoom, KickUser, UnbanUser
from lobby_server.core.machine.commands.base import FORMAT, Command
from lobby_server.core.machine.commands.chat import (
    Announce,
    DeliverNotices,
    KeepNotice,
    Notice,
    ReadNotices,
    RefuseLines,
    SaidLine,
    Say,
    TakePart,
    Tell,
)
from lobby_server.core.machine.commands.friends import (
    AskFriend,
    Befriend,
    Block,
    CloseFriendRequest,
    PartFriends,
    SetWhereabouts,
    Unblock,
)
from lobby_server.core.machine.commands.nodes import BeginEpoch, NodeDown, NodeLost, NodeUp, Nothing, RaiseRevision
from lobby_server.core.machine.commands.parties import (
    CreateParty,
    DeclineParty,
    EnterRoomWithParty,
    ExpireParties,
    HandOverParty,
    InviteToParty,
    JoinParty,
    KickFromParty,
    LeaveParty,
    WithdrawPartyInvite,
)
from lobby_server.core.machine.commands.presence import (
    Arrive,
    Depart,
    ExpirePresence,
    ForgetUser,
    RevokeTokens,
    SignOut,
)
from lobby_server.core.machine.commands.rooms import (
    ChangeRoom,
    CreateRoom,
    DeleteRoom,
    EndMatchInvites,
    ExpireRooms,
    HandOverRoom,
    InviteToRoom,
    JoinRoom,
    KickFromRoom,
    LeaveRoom,
    ReopenRoom,
    SayInRoom,
    SetReady,
    StartRoom,
    TakeHostPlace,
    UnbanFromRoom,
    UseRoomCode,
)

__all__ = [
    "FORMAT", "Announce", "AnyCommand", "Arrive", "AskFriend", "BanUser", "Befriend", "BeginEpoch", "Block",
    "ChangeRoom", "CloseFriendRequest", "CloseRoom", "Command", "CreateParty", "CreateRoom", "DeclineParty",
    "DeleteRoom", "DeliverNotices", "Depart", "EndMatchInvites", "EnterRoomWithParty", "ExpireParties",
    "ExpirePresence", "ExpireRooms", "ForgetUser", "HandOverParty", "HandOverRoom", "InviteToParty", "InviteToRoom",
    "JoinParty", "JoinRoom", "KeepNotice", "KickFromParty", "KickFromRoom", "KickUser", "LeaveParty", "LeaveRoom",
    "NodeDown", "NodeLost", "NodeUp", "Nothing", "Notice", "PartFriends", "RaiseRevision", "ReadNotices", "RefuseLines",
    "ReopenRoom", "RevokeTokens", "SaidLine", "Say", "SayInRoom", "SetReady", "SetWhereabouts", "SignOut", "StartRoom",
    "TakeHostPlace", "TakePart", "Tell", "UnbanFromRoom", "UnbanUser", "Unblock", "UseRoomCode", "WithdrawPartyInvite",
]  # fmt: skip


def _all_of(kind: type[Command]) -> Any:
    union: Any = None
    for command in kind.__subclasses__():
        union = command if union is None else union | command
    return union


AnyCommand = _all_of(Command)
"""The union of all commands: what a decoder is made for."""

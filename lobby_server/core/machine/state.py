"""The state of the lobby, and the one way to change it: `apply`.

Pure: no clock, no I/O, no randomness. Whatever a command needs is in the command, in the time of its entry, or in the
books. So nodes that apply the same entries in the same order have the same books, for ever.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from lobby_server.core.machine import (
    administration,
    commands,
    effects,
    forgetting,
    parties,
    presence,
    room_hosting,
    rooms,
    social,
)
from lobby_server.core.machine.books import Books
from lobby_server.core.machine.commands import Command
from lobby_server.core.machine.effects import Effect


class Node(msgspec.Struct, array_like=True):
    """A node that takes part. `sequence`: of the last of its batches that was applied."""

    name: str
    address: str = ""
    version: str = ""
    sequence: int = 0


_Change = Callable[[Books, Any, float], list[Effect]]
_ChangeByNode = Callable[[Books, Any, float, str], list[Effect]]

_CHANGES: dict[type[Command], _Change] = {
    commands.SignOut: presence.sign_out,
    commands.RevokeTokens: presence.revoke,
    commands.ForgetUser: forgetting.forget_user,
    commands.ExpirePresence: presence.expire,
    commands.CreateRoom: rooms.create,
    commands.TakeHostPlace: rooms.take_host_place,
    commands.JoinRoom: rooms.join,
    commands.LeaveRoom: rooms.leave,
    commands.SayInRoom: rooms.say,
    commands.KickFromRoom: rooms.kick,
    commands.DeleteRoom: rooms.delete,
    commands.ExpireRooms: rooms.expire,
    commands.ChangeRoom: room_hosting.change,
    commands.HandOverRoom: room_hosting.hand_over,
    commands.UnbanFromRoom: room_hosting.unban,
    commands.SetReady: room_hosting.set_ready,
    commands.StartRoom: room_hosting.start,
    commands.ReopenRoom: room_hosting.reopen,
    commands.UseRoomCode: room_hosting.use_code,
    commands.InviteToRoom: rooms.invite,
    commands.EndMatchInvites: rooms.end_invites,
    commands.CreateParty: parties.create,
    commands.InviteToParty: parties.invite,
    commands.JoinParty: parties.join,
    commands.DeclineParty: parties.decline,
    commands.WithdrawPartyInvite: parties.withdraw,
    commands.LeaveParty: parties.leave,
    commands.KickFromParty: parties.kick,
    commands.HandOverParty: parties.hand_over,
    commands.EnterRoomWithParty: parties.enter_room,
    commands.ExpireParties: parties.expire,
    commands.AskFriend: social.ask_friend,
    commands.Befriend: social.befriend,
    commands.CloseFriendRequest: social.close_request,
    commands.PartFriends: social.part,
    commands.Block: social.block,
    commands.Unblock: social.unblock,
    commands.SetWhereabouts: social.set_whereabouts,
    commands.TakePart: social.take_part,
    commands.Tell: social.tell,
    commands.RefuseLines: social.refuse_lines,
    commands.KeepNotice: social.keep_notice,
    commands.DeliverNotices: social.deliver,
    commands.ReadNotices: social.read_notices,
    commands.Announce: social.announce,
    commands.BanUser: administration.ban,
    commands.UnbanUser: administration.unban,
    commands.KickUser: administration.kick,
    commands.CloseRoom: administration.close_room,
    commands.BeginEpoch: rooms.begin_epoch,
    commands.RaiseRevision: rooms.raise_revision,
    commands.Nothing: lambda books, command, now_s: [],
}
_CHANGES_BY_NODE: dict[type[Command], _ChangeByNode] = {
    commands.Arrive: presence.arrive,
    commands.Depart: presence.depart,
    commands.Say: social.say,
}
"""Those for which it matters where they came in."""


class LobbyState:
    """The books and the nodes that keep them."""

    def __init__(self, books: Books) -> None:
        self.books = books
        self.now_s = 0.0
        """The time of the log: of the last command."""
        self.nodes: dict[str, Node] = {}
        """Those that take part, the one that has for longest first."""

    @property
    def leader(self) -> str | None:
        """The node that does what one node only is to do; None: nodes are not kept count of."""
        return next(iter(self.nodes), None)

    def is_new(self, node: str, sequence: int, first: Command) -> bool:
        """Whether a batch of a node is to be applied, which is noted. It is not when it has been before, or when its
        node does not take part: a node's first batch begins with its `NodeUp`. `first`: of its commands."""
        known = self.nodes.get(node)
        if known is None:
            return sequence == 1 and isinstance(first, commands.NodeUp) and first.node == node
        if sequence <= known.sequence:
            return False
        known.sequence = sequence
        return True

    def apply(self, command: Command, *, at_s: float, node: str = "") -> list[Effect]:
        """Let a command happen. `at_s`: the time of the log, which never goes back. `node`: where it came in.

        Raises `Refusal` when the rules do not allow it; then nothing has changed.
        """
        if at_s > self.now_s:
            self.now_s = at_s
        now_s = self.now_s
        kind = type(command)
        if self.books.deleted.marks:
            forgetting.check_names_nobody_deleted(self.books, command)
        by_node = _CHANGES_BY_NODE.get(kind)  # the most frequent ones are among them
        if by_node is not None:
            return by_node(self.books, command, now_s, node)
        change = _CHANGES.get(kind)
        if change is not None:
            return change(self.books, command, now_s)
        return self._apply_to_nodes(command, now_s)

    def _apply_to_nodes(self, command: Command, now_s: float) -> list[Effect]:
        if isinstance(command, commands.NodeUp):
            if command.node in self.nodes:
                return []
            self.nodes[command.node] = Node(command.node, command.address, command.version, sequence=1)
            return [effects.NodeJoined(command.node)]
        if isinstance(command, commands.NodeDown | commands.NodeLost):
            if self.nodes.pop(command.node, None) is None:
                return []
            grace_s = self.books.presence.grace_s
            if isinstance(command, commands.NodeDown):
                grace_s = max(grace_s, command.grace_s)
            return presence.lose_node(self.books, command.node, now_s, grace_s=grace_s)
        raise TypeError(f"nothing is known of {type(command).__name__}")

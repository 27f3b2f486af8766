"""Messages that are not promised one by one: replies, states that replace each other, and what goes to everybody. What
notices that one is missing, goes astray or holds old values is an invariant of another kind."""

from __future__ import annotations

from lobby_server.protocol import messages
from lobby_server.protocol.feature_messages import RoomsChangedRev
from lobby_server.protocol.message import ServerMessage

ELSEWHERE: dict[type[ServerMessage], str] = {
    messages.HandshakeAccepted: "players stay connected; its values are compared",
    messages.UserOnline: "all hear one order; who is online at the end",
    messages.UserOffline: "all hear one order; who is online at the end",
    messages.PresenceChanged: "every change is in a batch; who is online at the end",
    messages.RoomsChanged: "the list at the end",
    RoomsChangedRev: "the list at the end, which is not fetched where the revision is old",
    messages.RoomsSnapshot: "the list at the end; deltas follow one another",
    messages.RoomsDelta: "the list at the end; deltas follow one another",
    messages.PlayerCount: "how many users are online at the end",
    messages.ServerDraining: "it comes before the close of a drain, with a slot",
    messages.Pong: "players stay connected",
    messages.Error: "a reply; what was answered is so",
    messages.TokenExpiring: "what follows from the tokens that a client shows: `bench.simulation.checks.tokens`",
    messages.Refreshed: "the same",
}

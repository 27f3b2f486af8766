"""Wrong variants of the client library and the swarm, and of a page's rule."""

from __future__ import annotations

from tests.bench.simulation.planted.planting import CLIENT, Edit, Mutant, one

CLIENTS = (
    Mutant(
        "a dead connection is not noticed",
        (
            Edit(f"{CLIENT}.timing:HeartbeatTimer.is_dead", (("return now_s", "return False and now_s"),)),
            Edit(  # else it would wait for no time at all, again and again
                f"{CLIENT}.timing:HeartbeatTimer.wait_s",
                (("self.next_ping_s if self.next_ping_s < dead_s else dead_s", "self.next_ping_s"),),
            ),
        ),
        by=("every player is a user", "views equal the truth", "nobody offline with a session"),
    ),
    one(
        "the list is not fetched after a reconnect",
        f"{CLIENT}.lists.server_list:ServerList.__init__",
        "connection.connection_established.connect(self.refresh)",
        "pass",
        by=("views equal the truth",),
    ),
    one(
        "an announcement with a revision is passed over",
        f"{CLIENT}.lists.server_list:ServerList._is_fetch_needed",
        "self._announced_revision != self._held_revision",
        "False",
        by=("views equal the truth",),
    ),
    one(
        "a closed connection is not opened again",
        f"{CLIENT}.sockets.link:ended_by_close_frame",
        "None if may_reconnect(code) else",
        "",
        by=("players stay connected",),
    ),
    one(
        "a device that comes back pulls its user into its old room",
        "bench.simulation.clients.player:Player._established",
        "self.room = None",
        "self.room is not None and self.connection.join_room(self.room.room_id)\n    self.room = None",
        by=("nobody is moved unasked",),
    ),
    one(
        "a worker that joins late has users of others",
        "loadtest.workload.identities:Share.number",
        "self.late * FIRST_LATE_NUMBER + local if self.late else",
        "",
        by=("every player is a user",),
    ),
)

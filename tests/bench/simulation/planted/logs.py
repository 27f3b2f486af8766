"""Wrong variants of the log, and of what is done as a machine goes on that stood still, which only
`stand_still` finds.
"""

from __future__ import annotations

from tests.bench.simulation.planted.planting import BACKPLANE, EPOCHS, SERVICE, Edit, Mutant, one

HEARD, GIVEN_UP = "who is heard of is not closed as silent", "no node is given up for a standstill"
ONE_LEADS = "one node leads"
HOUSE = f"{BACKPLANE}.node.house:House"

LOGS = (
    one(
        "what was under way is not sent again",
        f"{BACKPLANE}.node.writing:Writer.run",
        "if self._resend:",
        "if False:",
        by=("queues empty themselves",),
    ),
    one(
        "sockets are not announced anew",
        f"{BACKPLANE}.log:ValkeyLog._reborn",
        ", *self._announce()]",
        "]",
        by=("nobody offline with a session",),
    ),
    one(
        "a batch stays in the outbox",
        "lobby_server.backplane.node.outbox:Outbox.applied",
        ".pop(sequence, None)",
        ".get(sequence)",
        by=("queues empty themselves",),
    ),
    one(
        "sockets are announced twice",
        f"{BACKPLANE}.log:ValkeyLog._reborn",
        "*self._announce()]",
        "*self._announce(), *self._announce()]",
        by=("the rules hold", "nobody online without a session"),
    ),
    Mutant(
        "a gap is passed over",
        (
            Edit(
                f"{BACKPLANE}.node.reading:Reader._read",
                (("if entry.number != standing.number + 1:", "if False:"),),
            ),
            Edit(f"{EPOCHS}.come_back", (("if first == standing.number + 1 or", "if True or"),)),
        ),
        by=("equal position, equal state",),
    ),
    one(
        "the cursor stands one entry back",
        f"{EPOCHS}._load",
        "standing.go_to(snapshot.epoch, snapshot.number,",
        "standing.go_to(snapshot.epoch, snapshot.number - 1,",
        by=("queues are bounded",),
    ),
    one(
        "the cursor stands one entry ahead",
        f"{EPOCHS}._load",
        "standing.go_to(snapshot.epoch, snapshot.number,",
        "standing.go_to(snapshot.epoch, snapshot.number + 1,",
        by=("equal position, equal state",),
    ),
    one(
        "sessions live on with what they have missed",
        f"{SERVICE}.nodes:Nodes._reset",
        "for session in list(self._sessions):",
        "for session in ():",
        by=("views equal the truth", "nothing is heard twice"),
    ),
    one(
        "a node that is silent is never given up",
        f"{BACKPLANE}.node.house:House._look_for_the_lost",
        "if hears or now_s - missed_since_s >= LONGEST_SILENCE * timeout_s:",
        "if False:",
        by=("nobody online without a session",),
    ),
    one(
        "a node with a new name goes on with its old numbers",
        f"{BACKPLANE}.node.outbox:Outbox.restart",
        "self.node, self._sequence = node, 0",
        "self.node = node",
        by=("nodes come back",),
    ),
    one(
        "the last entry that was missed is left out",
        f"{EPOCHS}._go_on_from",
        "for entry in missed:",
        "for entry in missed[:-1]:",
        by=("equal position, equal state",),
    ),
)

STANDING = (
    one(
        "a standstill of a server counts as silence of its clients",
        f"{SERVICE}.peers.heartbeat:Heartbeat._judge",
        "and now_s < self._spares_until_s",
        "and False",
        by=(HEARD,),
    ),
    one(
        "a node that stood still gives the others up",
        f"{HOUSE}._look_for_the_lost",
        "if hears or now_s - missed_since_s >= LONGEST_SILENCE * timeout_s:",
        "if True:",
        by=(GIVEN_UP,),
    ),
    one(
        "a node does not see by its own key that its machine was suspended",
        f"{HOUSE}._note_others",
        "not was_heard_of or ",
        "",
        by=(GIVEN_UP,),
    ),
    one(
        "a leader that stood still is sure that it leads",
        f"{HOUSE}._note",
        "self._sure_until_s = asked_s + SURE * self._timeout_s",
        "self._sure_until_s = math.inf",
        by=(ONE_LEADS,),
    ),
    one(
        "a node does not count the time for which its machine was suspended",
        f"{BACKPLANE}.log:ValkeyLog.__init__",
        "clock.elapsed_s",
        "clock.monotonic_s",
        by=(ONE_LEADS,),
    ),
)

"""Wrong variants of the log."""

from __future__ import annotations

from tests.bench.simulation.planted.planting import BACKPLANE, EPOCHS, SERVICE, Edit, Mutant, one

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

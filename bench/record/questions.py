"""What each scenario asks, in the order of the report. `lobby-bench list` and the report say it."""

from __future__ import annotations

QUESTIONS = {
    "broadcast": "How long until a change has reached every client, and until every client holds the fresh list?",
    "freshness": "How old is what a client believes, by each way to the list?",
    "bandwidth": "What does a client cost in bytes, idle and while the list changes?",
    "break-even": "From how many changes on is polling the cheaper way?",
    "storm": "What does it take to let all in at once, and tell all of all?",
    "reconnect": "How soon are all clients back and fresh after a restart, all at once and by policy?",
    "flap": "What do others hear of players whose network failed for a moment?",
    "capacity": "How many clients does one process hold within a service level?",
    "cost": "What does a player cost per hour, idle and active, and in memory?",
    "peers": "How does it stand beside other ways to build it?",
    "noise": "How far apart do two come out that are the same (A/A)?",
    "simulation": "Does everything hold that must, on three nodes in virtual time, whatever breaks?",
    "prediction": "How far are forecasts from what is measured afterwards, at sizes that the model has not seen?",
    "swarm": "What does ordinary life look like, with a Locust swarm?",
}
"""By scenario: those of the report."""

ENGINE_QUESTIONS = {
    "fanout": "What does a broadcast cost, against the floor and other servers?",
    "rooms-get": "What does GET /api/rooms cost, against a plain RequestHandler and Node.js?",
    "memory": "What does an idle connection hold of memory?",
    "swarm-cost": "What does the swarm itself cost, beside other load generators?",
    "swarm-truth": "Does the swarm report what was on the wire, also when it is held up itself?",
    "churn": "Does memory grow with clients that come and go?",
    "hostile": "How much later do good clients get their pongs, beside a hostile one?",
    "cluster": "What do several nodes as one lobby cost, and what is seen when one of them or Valkey dies?",
    "survival": "Does a swarm on three nodes behind a proxy come through every fault in one run?",
    "engine-freshness": "How soon does every client hold the current list, with deltas and by fetching?",
    "room-creation": "How many rooms per second are made, each kept before it is answered?",
}
"""The benches of the fan-out engine, which are run by name alone."""

PROMISES = "promises"
PROMISES_QUESTION = "Which claims of the specification hold?"
NEEDED_FOR_PROMISES = ("broadcast", "bandwidth", "reconnect")
"""Claims are judged from what others measure."""


def question_of(name: str) -> str:
    """The name itself for a scenario that is not known here."""
    return {**QUESTIONS, **ENGINE_QUESTIONS}.get(name, name)

"""What could not be understood: counted by kind, with one example of each kept for the reader of the results."""

from __future__ import annotations

from loadtest.measure.recorder import Recorder
from lobby_server.protocol.messages import type_of

LONGEST_EXAMPLE = 200
NOT_UNDERSTOOD = "messages and answers that were not understood"


def not_understood(recorder: Recorder, content: bytes, why: str, *, what: str | None = None) -> str:
    """Count it, keep it as an example if it is the first of its kind, and return its kind: what it should have been,
    and what is wrong. `what`: by default the type of the message."""
    name = what or type_of(content) or "a message"
    kind = f"{name} was not understood: {why}"
    recorder.count(NOT_UNDERSTOOD)
    recorder.example(kind, shortened(content))
    return kind


def shortened(content: bytes) -> str:
    """As text on one line, cut."""
    text = content.decode("utf-8", "backslashreplace")
    text = "".join(character if character.isprintable() else repr(character)[1:-1] for character in text)
    return text if len(text) <= LONGEST_EXAMPLE else text[: LONGEST_EXAMPLE - 1] + "…"

"""What can go wrong between the log and Valkey, as one tree. Each text is a sentence for the operator.

BackplaneError
├── BackplaneAway        it cannot be reached, or does not answer: the same start may succeed later
├── BackplaneRefused     it answers and will not do what is asked: a wrong password, too old a version
├── FormatRefused        other nodes write in a format that this version cannot read
├── DatabaseRefused      the log has become that of nodes with another database: this one must not go on
└── EpochGone            inside this package: the stream is not the one that was known
"""

from __future__ import annotations

from lobby_server.core.machine.commands import FORMAT


class BackplaneError(Exception):
    """Something that the backplane could not do."""


class BackplaneAway(BackplaneError):
    """Valkey cannot be reached, does not answer, or takes no writes at the moment."""


class BackplaneRefused(BackplaneError):
    """Waiting does not heal it."""


class FormatRefused(BackplaneError):
    """An entry or a snapshot of another format."""

    def __init__(self, its_format: object) -> None:
        super().__init__(
            f"Another node of this lobby writes format {its_format}, this version of lobby-server reads format "
            f"{FORMAT}: start the version that the other nodes run."
        )


class DatabaseRefused(BackplaneError):
    """The log is of a lobby with another database."""


class EpochGone(BackplaneError):
    """Valkey came back without its data, or another node opened a new stream."""

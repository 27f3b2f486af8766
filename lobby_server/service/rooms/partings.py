"""What ended a membership while a socket of the user may have been away: within the grace period of presence a client
that was lost comes back unseen, and would go on showing a room that its user is not in any more.
"""

from __future__ import annotations

from collections.abc import Iterable

from lobby_server.protocol.messages import ServerMessage
from lobby_server.service.ports import Clock


class Partings:
    """By user, for as long as the grace period lasts; without one nothing is kept."""

    def __init__(self, *, clock: Clock, grace_s: float) -> None:
        self._clock = clock
        self._grace_s = grace_s
        self._latest: dict[int, tuple[float, ServerMessage]] = {}

    def __len__(self) -> int:
        return len(self._latest)

    def note(self, user_ids: Iterable[int], message: ServerMessage) -> None:
        """Users are put out of their room, which `message` says. O(users that are kept)."""
        if not self._grace_s:
            return
        now_s = self._clock.monotonic_s()
        self._latest = {user_id: kept for user_id, kept in self._latest.items() if kept[0] > now_s}
        self._latest.update((user_id, (now_s + self._grace_s, message)) for user_id in user_ids)

    def forget(self, user_id: int) -> None:
        """The user has entered another room since, or is offline."""
        self._latest.pop(user_id, None)

    def latest(self, user_id: int) -> ServerMessage | None:
        """What a socket that comes back has to hear; None: nothing."""
        until_s, message = self._latest.get(user_id, (0.0, None))
        return message if until_s > self._clock.monotonic_s() else None

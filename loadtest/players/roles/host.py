"""Creates a room, keeps it for a while, deletes it."""

from __future__ import annotations

import contextlib
import time
from typing import ClassVar

import msgspec

from loadtest.client import ApiError, ClientError, NotConnected, ServerAway, UnexpectedAnswer
from loadtest.players.roles.browser import Browser
from loadtest.workload import mix
from loadtest.workload.plan import Act, Intent


class Host(Browser):
    NAME: ClassVar[str] = mix.HOST

    room_id: str | None = None
    _is_server_away = False

    def act(self, intent: Intent, at_s: float) -> None:
        if intent.act is Act.MAKE_ROOM:
            self._make_room(at_s)
        elif intent.act is Act.DELETE_ROOM:
            self._delete_room(at_s)

    def end(self) -> None:
        if not self._is_server_away:
            self._delete_room(time.perf_counter())
        super().end()

    def _make_room(self, at_s: float) -> None:
        token = self.identity.token
        if token is None:
            return
        api, sent_s = self.api.intended(at_s), time.perf_counter()
        try:
            room = api.create_room(token, gamemode="swarm", map_name=self.swarm.marks.write(at_s))
        except ApiError as error:
            self.room_id = error.existing_room_id  # left over from an earlier run: deleted next
            return
        except UnexpectedAnswer as error:
            self.room_id = _room_in(error.body)  # it was made all the same: deleted in its time
            return
        except ClientError as error:
            self._is_server_away = isinstance(error, ServerAway)
            return  # in Locust's table of failures already; the plan goes on
        self._is_server_away = False
        self.room_id = room.id
        self.swarm.ledger.change(intended_s=at_s, sent_s=sent_s, answered_s=time.perf_counter())
        self.count("rooms made")
        with contextlib.suppress(NotConnected):  # lost just now: the room stays, and so does the plan
            self.client.connection.create_room()

    def _delete_room(self, at_s: float) -> None:
        room_id, token = self.room_id, self.identity.token
        if room_id is None or token is None:
            return
        api, sent_s = self.api.intended(at_s), time.perf_counter()
        try:
            api.delete_room(token, room_id)
        except ClientError as error:  # as above
            self._is_server_away = isinstance(error, ServerAway)
        else:
            self.swarm.ledger.change(intended_s=at_s, sent_s=sent_s, answered_s=time.perf_counter())
            self.count("rooms deleted")
        self.room_id = None  # last, so that a player who is stopped on the way here tries once more


class _WithId(msgspec.Struct):
    id: str


class _Made(msgspec.Struct):
    room: _WithId


def _room_in(body: bytes) -> str | None:
    """The id in an answer that says no more of its room than that."""
    try:
        return msgspec.json.decode(body, type=_Made).room.id
    except (msgspec.MsgspecError, UnicodeError):
        return None

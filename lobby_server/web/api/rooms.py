"""The HTTP API of rooms. Source: the protocol contract, section 3."""

from __future__ import annotations

from lobby_server.protocol import requests, resources
from lobby_server.protocol.codes import ApiCode
from lobby_server.web.api import bodies
from lobby_server.web.api.operation import Caller, operation
from lobby_server.web.base import ApiFault, BaseHandler
from lobby_server.web.negotiation import accepts_gzip, etag_matches

NO_GAMEMODE = "A gamemode is needed, as text."
NOT_IN_ROOM = (404, ApiCode.NOT_IN_ROOM)
"""Of the caller's own room, 404; of a room that the caller wants to act in, 403."""


class RoomsHandler(BaseHandler):
    @operation(
        "The public rooms, newest first; with an ETag",
        answers={200: resources.RoomList, 304: None},
        caller=Caller.ANYBODY,
        query={"gamemode": "Only rooms of this game mode."},
    )
    async def get(self) -> None:
        gamemode = self._wanted_gamemode()
        await self.app.replica.caught_up_in_call()
        view, headers = self.app.room_list, self.request.headers
        etag = view.etag()
        self.set_header("ETag", etag)
        self.set_header("Cache-Control", "no-cache")
        self.add_header("Vary", "Accept-Encoding")
        if etag_matches(headers.get("If-None-Match"), etag):
            self.app.metrics.room_list_served["not_modified"] += 1
            self.clear_header("Content-Type")
            self.set_status(304)
            return
        self.app.metrics.room_list_served["full"] += 1
        self.app.fetch_meter.count()
        snapshot = view.snapshot(gamemode)
        if accepts_gzip(headers.get("Accept-Encoding")):
            self.set_header("Content-Encoding", "gzip")
            self.finish(snapshot.gzipped)
        else:
            self.finish(snapshot.plain)

    @operation(
        "Make a room, and be its host and first member",
        answers={201: resources.RoomMade},
        body=requests.RoomWish,
        refusals=(ApiCode.GAMEMODE_REQUIRED, ApiCode.ALREADY_HOSTING),
    )
    async def post(self) -> None:
        claims = self.claims()
        given = self.body_object()
        if not isinstance(given.get("gamemode"), str) or not given["gamemode"].strip():
            raise ApiFault(400, ApiCode.GAMEMODE_REQUIRED, NO_GAMEMODE)
        room = await self.app.rooms.create_room(claims.user, bodies.read(given, requests.RoomWish))
        self.answer(resources.RoomMade(success=True, room=room), 201)

    def _wanted_gamemode(self) -> str | None:
        """The filter to the letter: Tornado's own reading strips it and replaces control characters."""
        given = self.request.query_arguments.get("gamemode")
        return self.decode_argument(given[-1], "gamemode") or None if given else None


class MyRoomHandler(BaseHandler):
    @operation(
        "The room that the caller is in, with its members and the caller's own peer id",
        answers={200: resources.MyRoom},
        refusals=(NOT_IN_ROOM,),
    )
    async def get(self) -> None:
        self.answer(self.app.rooms.mine(self.claims().user))


class RoomHandler(BaseHandler):
    @operation("One room", answers={200: resources.Room}, caller=Caller.ANYBODY, refusals=(ApiCode.ROOM_NOT_FOUND,))
    async def get(self, room_id: str) -> None:
        await self.app.replica.caught_up_in_call()
        self.answer(self.app.rooms.room(room_id))

    @operation(
        "Other settings for a room, as its host; what is left out stays as it is",
        answers={200: resources.RoomState},
        body=requests.RoomSettings,
        refusals=(ApiCode.ROOM_NOT_FOUND, ApiCode.NOT_HOST, ApiCode.TOO_FEW_PLACES, ApiCode.RATE_LIMITED),
    )
    async def patch(self, room_id: str) -> None:
        user, wish = await self.caller(), bodies.read(self.body_object(), requests.RoomSettings)
        self.answer(await self.app.hosting.change(user, room_id, wish))

    @operation(
        "Delete a room, as its host", answers={200: resources.Done}, refusals=(ApiCode.ROOM_NOT_FOUND, ApiCode.NOT_HOST)
    )
    async def delete(self, room_id: str) -> None:
        claims = self.claims()
        await self.app.rooms.delete_room(claims.user, room_id)
        self.answer(resources.Done())

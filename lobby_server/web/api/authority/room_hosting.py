"""The HTTP API of what the host of a room decides, of readiness, and of codes to join by."""

from __future__ import annotations

from lobby_server.protocol import requests, resources
from lobby_server.protocol.codes import ApiCode
from lobby_server.web.api import bodies
from lobby_server.web.api.operation import operation
from lobby_server.web.base import BaseHandler

_HOST = (ApiCode.ROOM_NOT_FOUND, ApiCode.NOT_HOST, ApiCode.RATE_LIMITED)


class RoomStateHandler(BaseHandler):
    @operation(
        "A room as its members see it: settings, code, who is ready",
        answers={200: resources.RoomState},
        refusals=(ApiCode.ROOM_NOT_FOUND, ApiCode.NOT_IN_ROOM),
    )
    async def get(self, room_id: str) -> None:
        self.answer(self.app.hosting.state(self.claims().user, room_id))


class RoomHostHandler(BaseHandler):
    @operation(
        "Hand over the host's place, as the host",
        answers={200: resources.RoomState},
        body=requests.PeerChoice,
        refusals=(*_HOST, ApiCode.NOT_IN_ROOM, ApiCode.INVALID_TARGET),
    )
    async def post(self, room_id: str) -> None:
        user, choice = await self.caller(), bodies.read(self.body_object(), requests.PeerChoice)
        self.answer(await self.app.hosting.hand_over(user, room_id, choice.peerId))


class RoomReadyHandler(BaseHandler):
    @operation(
        "Be ready for the start, or not any more",
        answers={200: resources.RoomState},
        body=requests.Readiness,
        refusals=(ApiCode.ROOM_NOT_FOUND, ApiCode.NOT_IN_ROOM, ApiCode.ALREADY_STARTED, ApiCode.RATE_LIMITED),
    )
    async def post(self, room_id: str) -> None:
        user, wish = await self.caller(), bodies.read(self.body_object(), requests.Readiness)
        self.answer(await self.app.hosting.set_ready(user, room_id, is_ready=wish.ready))


class RoomStartHandler(BaseHandler):
    @operation(
        "Start the game, as the host: when all others are ready, or by force",
        answers={200: resources.RoomState},
        body=requests.StartWish,
        refusals=(*_HOST, ApiCode.NOT_IN_ROOM, ApiCode.ALREADY_STARTED, ApiCode.NOT_ALL_READY),
    )
    async def post(self, room_id: str) -> None:
        user, wish = await self.caller(), bodies.read(self.body_object(), requests.StartWish)
        self.answer(await self.app.hosting.start(user, room_id, is_forced=wish.force))

    @operation(
        "End the game, as the host: the room is open to newcomers again",
        answers={200: resources.RoomState},
        refusals=(*_HOST, ApiCode.NOT_STARTED),
    )
    async def delete(self, room_id: str) -> None:
        self.answer(await self.app.hosting.reopen(await self.caller(), room_id))


class RoomBansHandler(BaseHandler):
    @operation(
        "Who is banned from a room, for its host",
        answers={200: resources.BanList},
        refusals=(ApiCode.ROOM_NOT_FOUND, ApiCode.NOT_HOST),
    )
    async def get(self, room_id: str) -> None:
        self.answer(await self.app.hosting.bans(self.claims().user, room_id))


class RoomBanHandler(BaseHandler):
    @operation(
        "Lift a ban, as the host",
        answers={200: resources.Done},
        refusals=(ApiCode.ROOM_NOT_FOUND, ApiCode.NOT_HOST, ApiCode.NOT_BANNED),
    )
    async def delete(self, room_id: str, user_id: str) -> None:
        await self.app.hosting.unban(self.claims().user, room_id, int(user_id))
        self.answer(resources.Done())


class RoomCodeHandler(BaseHandler):
    @operation(
        "Use the code of a room: it counts as an invitation",
        answers={200: resources.Room},
        refusals=(ApiCode.ROOM_NOT_FOUND, ApiCode.BANNED, ApiCode.RATE_LIMITED),
    )
    async def post(self, code: str) -> None:
        self.answer(await self.app.hosting.use_code(await self.caller(), code))

"""The HTTP API of what is going on: users online, totals. Source: the protocol contract, section 3."""

from __future__ import annotations

from lobby_server.protocol import resources
from lobby_server.protocol.social_resources import Stats
from lobby_server.web.api.operation import Caller, operation
from lobby_server.web.base import BaseHandler


class OnlineUsersHandler(BaseHandler):
    """For users only: presence is not for strangers, here as on the socket."""

    @operation("Who is online", answers={200: resources.OnlineUsers})
    async def get(self) -> None:
        self.claims()
        users = [resources.OnlineUser(user_id=user.id, username=user.username) for user in self.app.presence.online()]
        self.answer(resources.OnlineUsers(count=len(users), users=users))


class StatsHandler(BaseHandler):
    """How much is going on; no token needed."""

    @operation("How much is going on", answers={200: Stats}, caller=Caller.ANYBODY)
    async def get(self) -> None:
        await self.app.replica.caught_up_in_call()
        rooms = self.app.rooms.book
        self.set_header("Cache-Control", "no-cache")
        self.answer(Stats(online=len(self.app.presence), rooms=len(rooms), players_in_rooms=rooms.players))

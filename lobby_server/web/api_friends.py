"""The HTTP API of friends and blocks. Source: the protocol contract, section 8."""

from __future__ import annotations

from lobby_server.protocol import resources
from lobby_server.protocol.social_resources import FriendMade
from lobby_server.web import bodies
from lobby_server.web.base import BaseHandler


class FriendsHandler(BaseHandler):
    def get(self) -> None:
        self.answer(self.context.social.friends.overview(self.claims().user))


class FriendHandler(BaseHandler):
    async def delete(self, friend_id: str) -> None:
        await self.context.social.friends.remove(self.claims().user, int(friend_id))
        self.answer(resources.Done())


class FriendRequestsHandler(BaseHandler):
    async def post(self) -> None:
        user, whom = self.caller(), bodies.whom(self.body_object())
        asked, is_new = await self.context.social.friends.ask(user, whom)
        self.answer(asked, 201 if is_new else 200)


class FriendAcceptHandler(BaseHandler):
    async def post(self, request_id: str) -> None:
        friend = await self.context.social.friends.accept(self.claims().user, int(request_id))
        self.answer(FriendMade(friend=friend))


class FriendDeclineHandler(BaseHandler):
    async def post(self, request_id: str) -> None:
        await self.context.social.friends.decline(self.claims().user, int(request_id))
        self.answer(resources.Done())


class BlocksHandler(BaseHandler):
    def get(self) -> None:
        self.answer(self.context.social.blocks.overview(self.claims().user))

    async def post(self) -> None:
        user, other_id = self.claims().user, bodies.user_id(self.body_object())
        is_new = await self.context.social.blocks.add(user, other_id)
        self.answer(resources.Done(), 201 if is_new else 200)


class BlockHandler(BaseHandler):
    async def delete(self, other_id: str) -> None:
        await self.context.social.blocks.remove(self.claims().user, int(other_id))
        self.answer(resources.Done())

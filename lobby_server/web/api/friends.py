"""The HTTP API of friends and blocks. Source: the protocol contract, section 8."""

from __future__ import annotations

from lobby_server.protocol import requests, resources
from lobby_server.protocol.codes import ApiCode
from lobby_server.protocol.social_resources import BlockList, FriendAsked, FriendList, FriendMade, FriendRooms, Profile
from lobby_server.web.api import bodies
from lobby_server.web.api.operation import operation
from lobby_server.web.base import BaseHandler


class FriendsHandler(BaseHandler):
    @operation("Friends, and requests that wait for an answer", answers={200: FriendList})
    async def get(self) -> None:
        self.answer(self.app.social.friends.overview(self.claims().user))


class FriendRoomsHandler(BaseHandler):
    @operation("Which friends are in which public room", answers={200: FriendRooms})
    async def get(self) -> None:
        self.answer(self.app.social.whereabouts.of_friends(self.claims().user))


class FriendHandler(BaseHandler):
    @operation("End a friendship", answers={200: resources.Done}, refusals=(ApiCode.NOT_FRIENDS,))
    async def delete(self, friend_id: str) -> None:
        await self.app.social.friends.remove(self.claims().user, int(friend_id))
        self.answer(resources.Done())


class FriendRequestsHandler(BaseHandler):
    @operation(
        "Ask somebody to be a friend, or say yes where they have asked",
        answers={200: FriendAsked, 201: FriendAsked},
        body=requests.Whom,
        refusals=(
            ApiCode.USER_NOT_FOUND,
            ApiCode.INVALID_TARGET,
            ApiCode.ALREADY_FRIENDS,
            ApiCode.BLOCKED_BY_YOU,
            ApiCode.LIMIT_REACHED,
            ApiCode.RATE_LIMITED,
        ),
    )
    async def post(self) -> None:
        user, whom = await self.caller(), bodies.whom(self.body_object())
        asked, is_new = await self.app.social.friends.ask(user, whom)
        self.answer(asked, 201 if is_new else 200)


class FriendAcceptHandler(BaseHandler):
    @operation("Say yes", answers={200: FriendMade}, refusals=(ApiCode.REQUEST_NOT_FOUND, ApiCode.LIMIT_REACHED))
    async def post(self, request_id: str) -> None:
        friend = await self.app.social.friends.accept(self.claims().user, int(request_id))
        self.answer(FriendMade(friend=friend))


class FriendDeclineHandler(BaseHandler):
    @operation(
        "Say no, or take one's own request back", answers={200: resources.Done}, refusals=(ApiCode.REQUEST_NOT_FOUND,)
    )
    async def post(self, request_id: str) -> None:
        await self.app.social.friends.decline(self.claims().user, int(request_id))
        self.answer(resources.Done())


class BlocksHandler(BaseHandler):
    @operation("Whom the caller blocks", answers={200: BlockList})
    async def get(self) -> None:
        self.answer(self.app.social.blocks.overview(self.claims().user))

    @operation(
        "Hear nothing of somebody any more",
        answers={200: resources.Done, 201: resources.Done},
        body=requests.OneUser,
        refusals=(ApiCode.USER_NOT_FOUND, ApiCode.INVALID_TARGET, ApiCode.LIMIT_REACHED),
    )
    async def post(self) -> None:
        user, other_id = self.claims().user, bodies.read(self.body_object(), requests.OneUser).user_id
        is_new = await self.app.social.blocks.add(user, other_id)
        self.answer(resources.Done(), 201 if is_new else 200)


class BlockHandler(BaseHandler):
    @operation("Lift a block", answers={200: resources.Done}, refusals=(ApiCode.NOT_BLOCKED,))
    async def delete(self, other_id: str) -> None:
        await self.app.social.blocks.remove(self.claims().user, int(other_id))
        self.answer(resources.Done())


class ProfileHandler(BaseHandler):
    @operation("A user as others see them", answers={200: Profile}, refusals=(ApiCode.USER_NOT_FOUND,))
    async def get(self, user_id: str) -> None:
        self.answer(await self.app.social.profiles.of(int(user_id), reader=self.claims().user))

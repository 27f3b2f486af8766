"""The HTTP API of parties and of invitations into rooms. Source: the protocol contract, section 8."""

from __future__ import annotations

from lobby_server.protocol import requests, resources
from lobby_server.protocol.codes import ApiCode
from lobby_server.protocol.social_resources import MyParty, PartyAnswer, PartyInRoom, RoomInvitations
from lobby_server.web.api import bodies
from lobby_server.web.api.operation import operation
from lobby_server.web.base import BaseHandler


class PartiesHandler(BaseHandler):
    @operation(
        "Make a party, and lead it",
        answers={201: PartyAnswer},
        refusals=(ApiCode.ALREADY_IN_PARTY, ApiCode.RATE_LIMITED),
    )
    async def post(self) -> None:
        self.answer(PartyAnswer(party=await self.app.social.parties.create(await self.caller())), 201)


class MyPartyHandler(BaseHandler):
    @operation("The caller's party, and where they are invited", answers={200: MyParty})
    async def get(self) -> None:
        self.answer(self.app.social.parties.mine(self.claims().user))


class PartyInvitesHandler(BaseHandler):
    @operation(
        "Invite somebody to the party",
        answers={201: resources.Done},
        body=requests.Whom,
        refusals=(
            ApiCode.PARTY_NOT_FOUND,
            ApiCode.NOT_IN_PARTY,
            ApiCode.USER_NOT_FOUND,
            ApiCode.INVALID_TARGET,
            ApiCode.ALREADY_IN_PARTY,
            ApiCode.PARTY_FULL,
            ApiCode.BLOCKED_BY_YOU,
            ApiCode.RATE_LIMITED,
        ),
    )
    async def post(self, party_id: str) -> None:
        user, whom = await self.caller(), bodies.whom(self.body_object())
        await self.app.social.parties.invite(user, party_id, whom)
        self.answer(resources.Done(), 201)


class PartyInviteHandler(BaseHandler):
    @operation(
        "Withdraw the party's invitation of a user, as its sender or the leader",
        answers={200: resources.Done},
        refusals=(
            ApiCode.PARTY_NOT_FOUND,
            ApiCode.NOT_IN_PARTY,
            ApiCode.NOT_LEADER,
            ApiCode.INVITATION_NOT_FOUND,
        ),
    )
    async def delete(self, party_id: str, user_id: str) -> None:
        await self.app.social.parties.withdraw(self.claims().user, party_id, int(user_id))
        self.answer(resources.Done())


class PartyDeclineHandler(BaseHandler):
    @operation(
        "Decline the party's invitation", answers={200: resources.Done}, refusals=(ApiCode.INVITATION_NOT_FOUND,)
    )
    async def post(self, party_id: str) -> None:
        await self.app.social.parties.decline(self.claims().user, party_id)
        self.answer(resources.Done())


class PartyJoinHandler(BaseHandler):
    @operation(
        "Take an invitation",
        answers={200: PartyAnswer},
        refusals=(ApiCode.PARTY_NOT_FOUND, ApiCode.NOT_INVITED, ApiCode.INVITE_OUTDATED, ApiCode.PARTY_FULL),
    )
    async def post(self, party_id: str) -> None:
        self.answer(PartyAnswer(party=await self.app.social.parties.join(self.claims().user, party_id)))


class PartyLeaveHandler(BaseHandler):
    @operation(
        "Leave the party", answers={200: resources.Done}, refusals=(ApiCode.PARTY_NOT_FOUND, ApiCode.NOT_IN_PARTY)
    )
    async def post(self, party_id: str) -> None:
        await self.app.social.parties.leave(self.claims().user, party_id)
        self.answer(resources.Done())


class PartyKickHandler(BaseHandler):
    @operation(
        "Kick a member, as the leader",
        answers={200: PartyAnswer},
        body=requests.OneUser,
        refusals=(ApiCode.PARTY_NOT_FOUND, ApiCode.NOT_IN_PARTY, ApiCode.NOT_LEADER, ApiCode.INVALID_TARGET),
    )
    async def post(self, party_id: str) -> None:
        user, member_id = self.claims().user, bodies.read(self.body_object(), requests.OneUser).user_id
        self.answer(PartyAnswer(party=await self.app.social.parties.kick(user, party_id, member_id)))


class PartyLeaderHandler(BaseHandler):
    @operation(
        "Let another member lead",
        answers={200: PartyAnswer},
        body=requests.OneUser,
        refusals=(
            ApiCode.PARTY_NOT_FOUND,
            ApiCode.NOT_IN_PARTY,
            ApiCode.NOT_LEADER,
            ApiCode.INVALID_TARGET,
            ApiCode.RATE_LIMITED,
        ),
    )
    async def post(self, party_id: str) -> None:
        user, member_id = await self.caller(), bodies.read(self.body_object(), requests.OneUser).user_id
        self.answer(PartyAnswer(party=await self.app.social.parties.hand_over(user, party_id, member_id)))


class RoomPartyHandler(BaseHandler):
    """The caller's party enters a room: everybody, or nobody."""

    @operation(
        "Enter a room with all of the caller's party, or with nobody",
        answers={200: PartyInRoom},
        refusals=(
            ApiCode.ROOM_NOT_FOUND,
            ApiCode.NOT_IN_PARTY,
            ApiCode.NOT_LEADER,
            ApiCode.MEMBER_OFFLINE,
            ApiCode.ROOM_FULL,
            ApiCode.ALREADY_STARTED,
            ApiCode.VERSION_MISMATCH,
            ApiCode.BANNED,
            ApiCode.INVITATION_REQUIRED,
            ApiCode.RATE_LIMITED,
        ),
    )
    async def post(self, room_id: str) -> None:
        self.answer(await self.app.social.parties.enter_room(await self.caller(), room_id))


class MyRoomInvitesHandler(BaseHandler):
    @operation("The rooms that the caller is invited into", answers={200: RoomInvitations})
    async def get(self) -> None:
        self.answer(await self.app.social.invitations.mine(self.claims().user))


class RoomInvitesHandler(BaseHandler):
    @operation(
        "Invite somebody into the room that the caller is in",
        answers={201: resources.Done},
        body=requests.Whom,
        refusals=(
            ApiCode.ROOM_NOT_FOUND,
            ApiCode.NOT_IN_ROOM,
            ApiCode.USER_NOT_FOUND,
            ApiCode.INVALID_TARGET,
            ApiCode.ALREADY_IN_ROOM,
            ApiCode.BANNED,
            ApiCode.BLOCKED_BY_YOU,
            ApiCode.LIMIT_REACHED,
            ApiCode.RATE_LIMITED,
        ),
    )
    async def post(self, room_id: str) -> None:
        user, whom = await self.caller(), bodies.whom(self.body_object())
        await self.app.social.invitations.invite(user, room_id, whom)
        self.answer(resources.Done(), 201)


class RoomInviteHandler(BaseHandler):
    @operation(
        "Withdraw what invites a user into the room: one's own invitation, or all of them as the host",
        answers={200: resources.Done},
        refusals=(ApiCode.INVITATION_NOT_FOUND,),
    )
    async def delete(self, room_id: str, user_id: str) -> None:
        await self.app.social.invitations.withdraw(self.claims().user, room_id, int(user_id))
        self.answer(resources.Done())


class RoomDeclineHandler(BaseHandler):
    @operation(
        "Decline every invitation into the room",
        answers={200: resources.Done},
        refusals=(ApiCode.INVITATION_NOT_FOUND,),
    )
    async def post(self, room_id: str) -> None:
        await self.app.social.invitations.decline(self.claims().user, room_id)
        self.answer(resources.Done())

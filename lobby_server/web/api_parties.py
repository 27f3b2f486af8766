"""The HTTP API of parties and of invitations into rooms. Source: the protocol contract, section 8."""

from __future__ import annotations

from lobby_server.protocol import resources
from lobby_server.protocol.social_resources import PartyAnswer
from lobby_server.web import bodies
from lobby_server.web.base import BaseHandler


class PartiesHandler(BaseHandler):
    def post(self) -> None:
        self.answer(PartyAnswer(party=self.context.social.parties.create(self.caller())), 201)


class MyPartyHandler(BaseHandler):
    def get(self) -> None:
        self.answer(self.context.social.parties.mine(self.claims().user))


class PartyInvitesHandler(BaseHandler):
    async def post(self, party_id: str) -> None:
        user, whom = self.caller(), bodies.whom(self.body_object())
        await self.context.social.parties.invite(user, party_id, whom)
        self.answer(resources.Done(), 201)


class PartyJoinHandler(BaseHandler):
    def post(self, party_id: str) -> None:
        self.answer(PartyAnswer(party=self.context.social.parties.join(self.claims().user, party_id)))


class PartyLeaveHandler(BaseHandler):
    def post(self, party_id: str) -> None:
        self.context.social.parties.leave(self.claims().user, party_id)
        self.answer(resources.Done())


class PartyKickHandler(BaseHandler):
    def post(self, party_id: str) -> None:
        user, member_id = self.claims().user, bodies.user_id(self.body_object())
        self.answer(PartyAnswer(party=self.context.social.parties.kick(user, party_id, member_id)))


class PartyLeaderHandler(BaseHandler):
    def post(self, party_id: str) -> None:
        user, member_id = self.caller(), bodies.user_id(self.body_object())
        self.answer(PartyAnswer(party=self.context.social.parties.hand_over(user, party_id, member_id)))


class RoomPartyHandler(BaseHandler):
    """The caller's party enters a room: everybody, or nobody."""

    def post(self, room_id: str) -> None:
        self.answer(self.context.social.parties.enter_room(self.caller(), room_id))


class RoomInvitesHandler(BaseHandler):
    async def post(self, room_id: str) -> None:
        user, whom = self.caller(), bodies.whom(self.body_object())
        await self.context.social.invitations.invite(user, room_id, whom)
        self.answer(resources.Done(), 201)

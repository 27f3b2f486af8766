"""The HTTP API of chat: what was said. Lines themselves go over the socket. Source: the contract, section 8."""

from __future__ import annotations

from lobby_server.protocol.codes import ApiCode
from lobby_server.protocol.social_resources import ChatHistory
from lobby_server.web.api.operation import operation
from lobby_server.web.base import BaseHandler


class ChatHandler(BaseHandler):
    @operation(
        "What was said in a channel: lobby, party or user:<id>; oldest first",
        answers={200: ChatHistory},
        query={"before": "An id; the page ends before it."},
        refusals=(ApiCode.INVALID_CHANNEL, ApiCode.INVALID_TARGET, ApiCode.USER_NOT_FOUND, ApiCode.NOT_IN_PARTY),
    )
    async def get(self, channel: str) -> None:
        user = self.claims().user
        self.answer(await self.app.social.chat.history(user, channel, before=self.before()))

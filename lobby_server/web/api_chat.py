"""The HTTP API of chat: what was said. Lines themselves go over the socket. Source: the contract, section 8."""

from __future__ import annotations

from lobby_server.web.base import BaseHandler


class ChatHandler(BaseHandler):
    async def get(self, channel: str) -> None:
        user = self.claims().user
        self.answer(await self.context.social.chat.history(user, channel, before=self.before()))

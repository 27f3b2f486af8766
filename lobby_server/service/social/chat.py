"""Chat: the lobby's, a party's, and between two.

A line is kept first and told then, in the order in which lines came. All that came while the database wrote the lines
before are written together, so that a slow database makes batches larger and the wait no longer than two writes.

    say ──▶ waiting lines ──▶ one write ──▶ told to whom they concern, the sender's other sockets among them
"""

from __future__ import annotations

from dataclasses import dataclass

from lobby_server.core.blocks import BlockBook
from lobby_server.core.channels import LOBBY, PARTY, Channel, direct_key, direct_name, party_key, read_channel
from lobby_server.core.parties import Party, PartyBook
from lobby_server.core.presence import User
from lobby_server.core.ratelimit import REFUSED, KeyedLimit, Pace
from lobby_server.core.refusal import Refusal, RefusalCode
from lobby_server.protocol.codes import ErrorReason
from lobby_server.protocol.messages import ClientMessage, Error
from lobby_server.protocol.social_messages import ChatMessage, SendChatMessage
from lobby_server.protocol.social_resources import PAGE_ITEMS, ChatHistory, NotificationKind
from lobby_server.protocol.social_resources import ChatLine as ChatLineBody
from lobby_server.service.announcer import Announcer
from lobby_server.service.ports import Clock, Store, StoreError
from lobby_server.service.session import Act, Session
from lobby_server.service.sessions import Sessions
from lobby_server.service.social.notifications import Notifications
from lobby_server.service.social.people import People
from lobby_server.service.social.ports import ChatLine, NewLine
from lobby_server.service.writes.writer import StoreWriter

MAX_WAITING_LINES = 5000
"""While the database is slow. Above it, a sender is told to try again later."""
LOBBY_LINES_PER_S = 20.0
"""Of all users together: nobody reads faster, and each goes to everybody."""
LOBBY_BURST_LINES = 60.0
NOTICE_CHARACTERS = 100
"""Of a line, in the notification of a user who was offline."""


@dataclass(frozen=True)
class _Waiting:
    """A line on its way to the store, and the socket to tell when it does not get there."""

    line: NewLine
    channel: Channel
    party: Party | None
    session: Session


class Chat:
    """What all users say to each other."""

    def __init__(
        self,
        *,
        parties: PartyBook,
        blocks: BlockBook,
        people: People,
        notifications: Notifications,
        announcer: Announcer,
        sessions: Sessions,
        store: Store,
        writer: StoreWriter,
        clock: Clock,
        rate_per_min: float,
        max_characters: int,
    ) -> None:
        """`rate_per_min`: lines of one user, a sixth of them at once; 0: off."""
        self._parties = parties
        self._blocks = blocks
        self._people = people
        self._notifications = notifications
        self._announcer = announcer
        self._sessions = sessions
        self._store = store
        self._writer = writer
        self._clock = clock
        self._max_characters = max_characters
        self._limit = KeyedLimit(rate_per_s=rate_per_min / 60, burst=max(1.0, rate_per_min / 6))
        self._lobby_pace = Pace(rate_per_s=LOBBY_LINES_PER_S, burst=LOBBY_BURST_LINES)
        self._lobby_s = 0.0
        self._waiting: list[_Waiting] = []
        self._takes_part: set[int] = set()
        """Users online who have used chat: their base clients hear the lobby's too."""

    def commands(self) -> dict[type[ClientMessage], Act]:
        """What answers which message."""
        return {SendChatMessage: self.say}

    # -- commands -------------------------------------------------------------------------------------------------

    def say(self, session: Session, command: SendChatMessage) -> None:
        """Take a line. What can be refused at once raises `Refusal`; an ``error`` may follow later."""
        user = session.user
        text = command.text[: self._max_characters]
        if not text.strip() or "\x00" in text:
            raise Refusal(RefusalCode.INVALID_CHAT_MESSAGE)
        channel = read_channel(command.channel, reader_id=user.id)
        party = self._party_of(user) if channel.name == PARTY else None
        if channel.other_id is not None:
            self._blocks.check_may_address(user.id, channel.other_id)
        if len(self._waiting) >= MAX_WAITING_LINES:
            raise Refusal(RefusalCode.TRY_AGAIN_LATER)
        self._pace(user, channel)
        self.takes_part(user)
        line = NewLine(channel=_key(channel, user.id, party), sender=user, text=text, sent_at=self._clock.utc_now())
        self._waiting.append(_Waiting(line, channel, party, session))
        if len(self._waiting) == 1:
            self._writer.attempt(self._flush, otherwise=self._give_up)

    async def history(self, user: User, name: str, *, before: int | None) -> ChatHistory:
        """The last page before an id. Raises `Refusal`: ``invalid_channel``, ``invalid_target``, ``not_in_party``,
        ``user_not_found``; `StoreUnavailable`."""
        channel = read_channel(name, reader_id=user.id)
        party = self._party_of(user) if channel.name == PARTY else None
        key = _key(channel, user.id, party)
        found = await self._store.chat_lines(
            key,
            reader_id=user.id,
            before=before,
            most=PAGE_ITEMS + 1,
            hidden_sender_ids=self._blocks.hidden_from(user.id),
        )
        if party is not None and user.id not in party.members:
            raise Refusal(RefusalCode.NOT_IN_PARTY)  # they left while the database worked
        if not found and channel.other_id is not None and await self._people.by_id(channel.other_id) is None:
            raise Refusal(RefusalCode.USER_NOT_FOUND)
        self.takes_part(user)
        return ChatHistory(
            channel=channel.name,
            messages=[
                ChatLineBody(
                    id=line.id,
                    channel=channel.name,
                    from_user_id=line.sender.id,
                    from_username=line.sender.username,
                    text=line.text,
                    ts=_ts(line),
                )
                for line in found[-PAGE_ITEMS:]
            ],
            has_more=len(found) > PAGE_ITEMS,
        )

    # -- who hears the lobby --------------------------------------------------------------------------------------

    def takes_part(self, user: User) -> None:
        """From now on all sockets of a user hear the lobby's chat."""
        for session in self._sessions.of_user(user.id):
            self._takes_part.add(user.id)
            self._announcer.hear_lobby(session)

    def accepted(self, session: Session) -> None:
        if session.user.id in self._takes_part:
            self._announcer.hear_lobby(session)

    def went_offline(self, user: User) -> None:
        self._takes_part.discard(user.id)

    # -- private --------------------------------------------------------------------------------------------------

    def _party_of(self, user: User) -> Party:
        party = self._parties.party_of(user.id)
        if party is None:
            raise Refusal(RefusalCode.NOT_IN_PARTY)
        return party

    def _pace(self, user: User, channel: Channel) -> None:
        now_s = self._clock.monotonic_s()
        if self._limit.take(str(user.id), now_s):
            raise Refusal(RefusalCode.RATE_LIMITED)
        if channel.name == LOBBY:
            lobby_s = self._lobby_pace.take(self._lobby_s, now_s)
            if lobby_s == REFUSED:
                raise Refusal(RefusalCode.RATE_LIMITED)
            self._lobby_s = lobby_s

    async def _flush(self) -> None:
        """Keep all that waits, and tell it."""
        taken, self._waiting = self._waiting, []
        try:
            lines = [await self._checked(waiting) for waiting in taken]
            sent = [(waiting, line) for waiting, line in zip(taken, lines, strict=True) if line is not None]
            kept = await self._store.add_chat_lines([line for _, line in sent])
        except StoreError:
            _refuse(taken)
            raise  # for the log
        for (waiting, _), line in zip(sent, kept, strict=True):
            self._tell(waiting, line)

    def _give_up(self) -> None:
        """The database is away: nothing that waits is kept."""
        taken, self._waiting = self._waiting, []
        _refuse(taken)

    async def _checked(self, waiting: _Waiting) -> NewLine | None:
        """The line as it is to be kept; None when there is nobody to whom it could go, and its sender knows."""
        line, other_id = waiting.line, waiting.channel.other_id
        if other_id is None:
            return line
        if await self._people.by_id(other_id) is None:
            waiting.session.reply(Error(reason=ErrorReason.USER_NOT_FOUND))
            return None
        return NewLine(
            channel=line.channel,
            sender=line.sender,
            text=line.text,
            sent_at=line.sent_at,
            is_withheld=self._blocks.blocks(other_id, line.sender.id),
        )

    def _tell(self, waiting: _Waiting, line: ChatLine) -> None:
        sender, other_id = line.sender, waiting.channel.other_id
        deaf = self._blocks.blockers_of(sender.id)
        if waiting.party is not None:
            heard_by = [member_id for member_id in waiting.party.members if member_id not in deaf]
            self._announcer.tell_users(heard_by, _event(line, PARTY))
        elif other_id is None:
            self._announcer.tell_lobby(_event(line, LOBBY), but=deaf)
        else:
            self._announcer.tell_users([sender.id], _event(line, direct_name(other_id)))
            if not line.is_withheld and other_id not in deaf:  # they may have blocked the sender meanwhile
                self._tell_other(other_id, line)

    def _tell_other(self, other_id: int, line: ChatLine) -> None:
        sender = line.sender
        if self._sessions.has_any(other_id):
            self._announcer.tell_users([other_id], _event(line, direct_name(sender.id)))
            return
        text = line.text if len(line.text) <= NOTICE_CHARACTERS else line.text[: NOTICE_CHARACTERS - 1] + "…"
        self._notifications.add(
            other_id,
            NotificationKind.DIRECT_MESSAGE,
            title=f"Message from {sender.username}",
            body=text,
            sender=sender,
        )


def _refuse(lines: list[_Waiting]) -> None:
    for waiting in lines:
        waiting.session.reply(Error(reason=ErrorReason.TRY_AGAIN_LATER))


def _key(channel: Channel, user_id: int, party: Party | None) -> str:
    if party is not None:
        return party_key(party.id)
    return LOBBY if channel.other_id is None else direct_key(user_id, channel.other_id)


def _event(line: ChatLine, channel: str) -> ChatMessage:
    return ChatMessage(
        id=line.id,
        channel=channel,
        from_user_id=line.sender.id,
        from_username=line.sender.username,
        text=line.text,
        ts=_ts(line),
    )


def _ts(line: ChatLine) -> int:
    return int(line.sent_at.timestamp() * 1000)

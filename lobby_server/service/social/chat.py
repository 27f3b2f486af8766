"""Chat: the lobby's, a party's, and between two.

A line is kept first and told then, in the order in which lines came. All that came while the database wrote the lines
before are written together, so that a slow database makes batches larger and the wait no longer than two writes. Of
several nodes the leader writes them all, in the order of the log, so that ids go up as lines are heard.

    say ──▶ log ──▶ waiting lines ──▶ one write ──▶ log ──▶ told to whom they concern, on every node
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from datetime import datetime

from lobby_server.core.channels import LOBBY, PARTY, Channel, direct_key, direct_name, party_key, read_channel
from lobby_server.core.machine import commands, effects
from lobby_server.core.machine.commands import SaidLine
from lobby_server.core.parties import Party
from lobby_server.core.presence import User
from lobby_server.core.refusal import Refusal, RefusalCode
from lobby_server.protocol.codes import ErrorReason
from lobby_server.protocol.messages import ClientMessage, Error
from lobby_server.protocol.social_messages import ChatMessage, SendChatMessage
from lobby_server.protocol.social_resources import PAGE_ITEMS, ChatHistory
from lobby_server.protocol.social_resources import ChatLine as ChatLineBody
from lobby_server.service.announcer import Announcer
from lobby_server.service.errors import ERROR_REASONS
from lobby_server.service.ports import Clock, Store, StoreError
from lobby_server.service.replica import Replica
from lobby_server.service.session import Act, Session
from lobby_server.service.sessions import Sessions
from lobby_server.service.social.people import People
from lobby_server.service.social.ports import ChatLine, NewLine
from lobby_server.service.writes.writer import StoreWriter

AGAIN_S = 0.2
"""Until a node that cannot be sure that it leads asks itself once more."""
MAX_WAITING_LINES = 5000
"""While the database is slow. Above it, a sender is told to try again later."""


class Chat:
    """What all users say to each other."""

    def __init__(
        self,
        *,
        replica: Replica,
        people: People,
        announcer: Announcer,
        sessions: Sessions,
        store: Store,
        writer: StoreWriter,
        clock: Clock,
        new_key: Callable[[], str],
        max_characters: int,
    ) -> None:
        """`new_key`: of a notification."""
        books = replica.books
        self._parties, self._blocks, self._takes_part = books.parties, books.blocks, books.chatters
        self._replica = replica
        self._people = people
        self._announcer = announcer
        self._sessions = sessions
        self._store = store
        self._writer = writer
        self._clock = clock
        self.new_key = new_key
        self._max_characters = max_characters
        self._numbers = itertools.count(1)
        self._under_way: dict[tuple[str, int], Session] = {}
        """Lines that came in here and are not told yet, by this node's name and number, and whom to tell when they
        never will be."""
        self._waiting: list[effects.LineToKeep] = []
        """Lines that the leader is to keep."""
        self._lines = books.lines
        self._is_taking_over = False
        self._may_be_kept: set[tuple[str, int]] = set()
        """Lines that the leader before may have kept already."""
        replica.hear(effects.Accepted, self._accepted)
        replica.hear(effects.PartTaken, self._part_taken)
        replica.hear(effects.LineToKeep, self._keep)
        replica.hear(effects.LineSaid, self._said)
        replica.hear(effects.LinesRefused, self._refused)

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
        if max(len(self._waiting), len(self._under_way)) >= MAX_WAITING_LINES:
            raise Refusal(RefusalCode.TRY_AGAIN_LATER)
        ref = next(self._numbers)
        line = commands.Say(
            ref,
            user,
            _key(channel, user.id, party),
            text,
            self._clock.utc_now(),
            other_id=channel.other_id,
            party_id=None if party is None else party.id,
        )
        name = (self._replica.log.node, ref)
        self._under_way[name] = session
        try:
            self._replica.log.append(line, _Line(self, name, session))
        except Refusal:
            self.forget_line(name)
            raise

    async def history(self, user: User, name: str, *, before: int | None) -> ChatHistory:
        """The last page before an id. Raises `Refusal`: ``invalid_channel``, ``invalid_target``, ``not_in_party``,
        ``user_not_found``; `StoreUnavailable`."""
        channel = read_channel(name, reader_id=user.id)
        await self._replica.caught_up_in_call()
        party = self._party_of(user) if channel.name == PARTY else None
        key = _key(channel, user.id, party)
        if user.id not in self._takes_part:  # first: a line that is told meanwhile is heard, if not in the page
            try:
                await self._replica.run(commands.TakePart(user))
            except Refusal:
                self.takes_part(user)  # later, and the page comes now
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
        if user.id not in self._takes_part:
            self._replica.submit(commands.TakePart(user))

    def _part_taken(self, effect: effects.PartTaken, _: Session | None) -> None:
        for session in self._sessions.of_user(effect.user.id):
            self._announcer.hear_lobby(session)

    def _accepted(self, effect: effects.Accepted, session: Session | None) -> None:
        if session is not None and effect.user.id in self._takes_part:
            self._announcer.hear_lobby(session)

    # -- private --------------------------------------------------------------------------------------------------

    def _party_of(self, user: User) -> Party:
        party = self._parties.party_of(user.id)
        if party is None:
            raise Refusal(RefusalCode.NOT_IN_PARTY)
        return party

    def _keep(self, effect: effects.LineToKeep, _: Session | None) -> None:
        if not self._replica.is_leader:
            return
        self._waiting.append(effect)
        if len(self._waiting) == 1 and not self._is_taking_over:
            self._writer.attempt(self._flush, otherwise=self._give_up)

    def will_take_over(self) -> None:
        """This node leads in place of another one, which may have a moment to end: lines wait so long."""
        self._is_taking_over = True

    def take_over(self) -> None:
        """Keep and tell all that was said and not told, in the order of the log."""
        self._is_taking_over = False
        self._waiting = [effects.LineToKeep(node, line) for (node, _), line in self._lines.items()]
        self._may_be_kept = set(self._lines)
        if self._waiting:
            self._writer.attempt(self._flush, otherwise=self._give_up)

    async def _flush(self) -> None:
        """Keep all that waits, and have it told."""
        taken, self._waiting = [each for each in self._waiting if _name(each) in self._lines], []
        if not self._replica.is_leader:
            return  # the node that leads now keeps them
        unsure, self._may_be_kept = self._may_be_kept, set()
        try:
            kept = await self._kept_before([each for each in taken if _name(each) in unsure])
            new = {_name(each): await self._checked(each) for each in taken if _name(each) not in kept}
            if not self._replica.leads_surely:  # it may have stood still, and another node has kept them
                self._may_be_kept |= unsure
                self._put_off(taken)
                return
            added = await self._store.add_chat_lines([line for line in new.values() if line is not None])
        except StoreError:
            self._refuse(taken, ErrorReason.TRY_AGAIN_LATER)
            raise  # for the log
        names = [name for name, line in new.items() if line is not None]
        kept.update(zip(names, added, strict=True))
        told = tuple(self._told(each, kept[_name(each)]) for each in taken if _name(each) in kept)
        if told:
            self._replica.submit(commands.Tell(told))

    def _put_off(self, taken: Sequence[effects.LineToKeep]) -> None:
        def again() -> None:
            if self._waiting:
                self._writer.attempt(self._flush, otherwise=self._give_up)

        self._waiting = [*taken, *self._waiting]
        self._clock.call_later(AGAIN_S, again)

    async def _kept_before(self, unsure: Sequence[effects.LineToKeep]) -> dict[tuple[str, int], ChatLine]:
        """Lines that the leader before has kept and not told: they are the last of their channels. Nobody says the same
        twice in one microsecond."""
        kept: dict[tuple[int, datetime, str], ChatLine] = {}
        # One who was blocked by the other end of a direct conversation reads more of it than the other end.
        for channel, reader_id in dict.fromkeys((each.line.channel, each.line.sender.id) for each in unsure):
            for line in await self._store.chat_lines(channel, reader_id=reader_id, before=None, most=len(unsure)):
                kept[line.sender.id, line.sent_at, line.text] = line
        lines = ((_name(each), kept.get((each.line.sender.id, each.line.sent_at, each.line.text))) for each in unsure)
        return {name: line for name, line in lines if line is not None}

    def _give_up(self) -> None:
        """The database is away: nothing that waits is kept."""
        taken, self._waiting = self._waiting, []
        self._refuse(taken, ErrorReason.TRY_AGAIN_LATER)

    def _refuse(self, lines: Sequence[effects.LineToKeep], reason: ErrorReason) -> None:
        if lines:
            refs = tuple((waiting.node, waiting.line.ref) for waiting in lines)
            self._replica.submit(commands.RefuseLines(refs, reason.value))

    async def _checked(self, waiting: effects.LineToKeep) -> NewLine | None:
        """The line as it is to be kept; None when there is nobody to whom it could go, and its sender knows."""
        line, other_id = waiting.line, waiting.line.other_id
        if other_id is not None and await self._people.by_id(other_id) is None:
            self._refuse([waiting], ErrorReason.USER_NOT_FOUND)
            return None
        return NewLine(
            channel=line.channel,
            sender=line.sender,
            text=line.text,
            sent_at=line.sent_at,
            is_withheld=other_id is not None and self._blocks.blocks(other_id, line.sender.id),
        )

    def _told(self, waiting: effects.LineToKeep, kept: ChatLine) -> SaidLine:
        line = waiting.line
        return SaidLine(
            waiting.node,
            line.ref,
            kept.id,
            kept.sender,
            kept.text,
            kept.sent_at,
            other_id=line.other_id,
            party_id=line.party_id,
            is_withheld=kept.is_withheld,
            key="" if line.other_id is None else self.new_key(),
        )

    def _said(self, effect: effects.LineSaid, _: Session | None) -> None:
        line = effect.line
        self._under_way.pop((line.node, line.ref), None)
        if effect.heard_by is None:
            self._announcer.tell_lobby(_event(line, LOBBY), but=effect.deaf)
            return
        name = PARTY if line.other_id is None else direct_name(line.other_id)
        self._announcer.tell_users(effect.heard_by, _event(line, name))
        if effect.is_for_other:
            assert line.other_id is not None
            self._announcer.tell_users([line.other_id], _event(line, direct_name(line.sender.id)))

    def _refused(self, effect: effects.LinesRefused, _: Session | None) -> None:
        for name in effect.refused.refs:
            session = self.forget_line(name)
            if session is not None:
                session.reply(Error(reason=ErrorReason(effect.refused.reason)))

    def forget_line(self, name: tuple[str, int]) -> Session | None:
        """A line that came in here will not be told: whose it was, the first time."""
        return self._under_way.pop(name, None)


class _Line:
    """A line on its way: what becomes of it is told by other entries of the log, unless the rules refuse it at once."""

    is_patient = False

    def __init__(self, chat: Chat, name: tuple[str, int], session: Session) -> None:
        self.session: Session | None = session
        self._chat = chat
        self._name = name

    def applied(self) -> None:
        pass

    def refused(self, refusal: Refusal) -> None:
        session = self._chat.forget_line(self._name)
        if session is not None:
            session.refuse(ERROR_REASONS[refusal.code])

    def given_up(self) -> None:
        self.refused(Refusal(RefusalCode.TRY_AGAIN_LATER))

    def lost(self, refusal: Refusal) -> None:
        self.refused(refusal)


def _name(each: effects.LineToKeep) -> tuple[str, int]:
    return each.node, each.line.ref


def _key(channel: Channel, user_id: int, party: Party | None) -> str:
    if party is not None:
        return party_key(party.id)
    return LOBBY if channel.other_id is None else direct_key(user_id, channel.other_id)


def _event(line: SaidLine, channel: str) -> ChatMessage:
    return ChatMessage(
        id=line.id,
        channel=channel,
        from_user_id=line.sender.id,
        from_username=line.sender.username,
        text=line.text,
        ts=_ts(line),
    )


def _ts(line: ChatLine | SaidLine) -> int:
    return int(line.sent_at.timestamp() * 1000)

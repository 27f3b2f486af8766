"""Commands about friends, blocks, chat and notifications. The store has nearly all of it already: the books follow."""

from __future__ import annotations

from lobby_server.core.blocks import Block
from lobby_server.core.channels import LOBBY
from lobby_server.core.machine import commands, effects
from lobby_server.core.machine.books import Books
from lobby_server.core.machine.effects import Effect
from lobby_server.core.presence import User
from lobby_server.core.refusal import Refusal, RefusalCode
from lobby_server.protocol.requests import DEFAULT_AUDIENCE

FRIEND_REQUEST, FRIEND_ACCEPTED, DIRECT_MESSAGE = "friend_request", "friend_accepted", "direct_message"
"""Kinds of notification."""
NOTICE_CHARACTERS = 100
"""Of a line, in the notification of a user who was offline."""


def ask_friend(books: Books, command: commands.AskFriend, now_s: float) -> list[Effect]:
    """Nothing where the request stands already, or they are friends by now: an entry that came late, of which the store
    was asked meanwhile. An id is never given again."""
    request = command.request
    sender, receiver = request.sender, request.receiver
    is_known = books.friends.request(request.id) or books.friends.request_between(sender.id, receiver.id)
    if is_known or books.friends.are_friends(sender.id, receiver.id):
        return []
    books.friends.add_request(request)
    if books.blocks.blocks(receiver.id, sender.id):
        return []
    notice = effects.NoticeDue(
        key=command.key,
        user_id=receiver.id,
        kind=FRIEND_REQUEST,
        title="Friend request",
        body=f"{sender.username} would like to be your friend.",
        sender=sender,
        at=request.created_at,
    )
    books.notices.expect(notice)
    return [effects.FriendAsked(request), notice]


def befriend(books: Books, command: commands.Befriend, now_s: float) -> list[Effect]:
    """A second time nothing happens."""
    asker, user = command.request.sender, command.request.receiver
    if books.friends.are_friends(asker.id, user.id):
        return []
    books.friends.befriend(asker, user, command.since)
    notice = effects.NoticeDue(
        key=command.key,
        user_id=asker.id,
        kind=FRIEND_ACCEPTED,
        title="New friend",
        body=f"{user.username} is your friend now.",
        sender=user,
        at=command.since,
    )
    books.notices.expect(notice)
    return [effects.Befriended(asker, user, command.since), notice]


def close_request(books: Books, command: commands.CloseFriendRequest, now_s: float) -> list[Effect]:
    request = books.friends.request(command.request_id)
    if request is None:
        return []
    books.friends.remove_request(request)
    told = [command.by_id]
    if command.by_id == request.sender.id and not books.blocks.blocks(request.receiver.id, command.by_id):
        told.append(request.receiver.id)
    return [effects.FriendRequestClosed(request.id, request.sender.id, request.receiver.id, tuple(told))]


def part(books: Books, command: commands.PartFriends, now_s: float) -> list[Effect]:
    return _part(books, command.one_id, command.other_id)


def block(books: Books, command: commands.Block, now_s: float) -> list[Effect]:
    """A second time nothing happens: who blocks another is no friend of theirs, and has asked nothing of them."""
    user_id, other = command.user.id, command.other
    if books.blocks.blocks(user_id, other.id):
        return []
    books.blocks.add(user_id, Block(other, command.since))
    told: list[Effect] = [effects.Blocked(user_id, other), *_part(books, user_id, other.id)]
    asked = books.friends.request_between(user_id, other.id)
    if asked is not None:
        books.friends.remove_request(asked)
        told_ids = (user_id,) if books.blocks.blocks(other.id, user_id) else (user_id, other.id)
        told.append(effects.FriendRequestClosed(asked.id, asked.sender.id, asked.receiver.id, told_ids))
    return told


def unblock(books: Books, command: commands.Unblock, now_s: float) -> list[Effect]:
    was_blocked = books.blocks.remove(command.user_id, command.other_id)
    return [effects.Unblocked(command.user_id, command.other_id)] if was_blocked else []


def set_whereabouts(books: Books, command: commands.SetWhereabouts, now_s: float) -> list[Effect]:
    user_id = command.user.id
    if command.audience == DEFAULT_AUDIENCE:
        books.whereabouts.pop(user_id, None)
    else:
        books.whereabouts[user_id] = command.audience
    return [effects.WhereaboutsSet(user_id)]


def forget(books: Books, user_id: int) -> list[Effect]:
    """A user is no more: others have no ties to them, and nothing waits that they said or that tells of them."""
    told: list[Effect] = []
    for friend_id in list(books.friends.friend_ids(user_id)):
        told += _part(books, user_id, friend_id)
    for request in (*books.friends.received_by(user_id), *books.friends.sent_by(user_id)):
        books.friends.remove_request(request)
        sender_id, receiver_id = request.sender.id, request.receiver.id
        hears = sender_id == user_id and not books.blocks.blocks(receiver_id, sender_id)
        told.append(effects.FriendRequestClosed(request.id, sender_id, receiver_id, (receiver_id,) if hears else ()))
    for block in books.blocks.blocked_by(user_id):
        books.blocks.remove(user_id, block.user.id)
    for blocker_id in sorted(books.blocks.blockers_of(user_id)):
        books.blocks.remove(blocker_id, user_id)
        told.append(effects.Unblocked(blocker_id, user_id))
    books.whereabouts.pop(user_id, None)
    books.notices.forget(user_id)
    refs = tuple(name for name, line in books.lines.items() if line.sender.id == user_id)
    for name in refs:
        del books.lines[name]
    if refs:
        told.append(effects.LinesRefused(commands.RefuseLines(refs, RefusalCode.USER_NOT_FOUND.value)))
    return told


def take_part(books: Books, command: commands.TakePart, now_s: float) -> list[Effect]:
    return _take_part(books, command.user)


def say(books: Books, command: commands.Say, now_s: float, node: str) -> list[Effect]:
    if not books.take_line(command.sender.id, now_s):
        raise Refusal(RefusalCode.RATE_LIMITED)
    if command.channel == LOBBY and not books.take_lobby_line(now_s):
        raise Refusal(RefusalCode.RATE_LIMITED)
    books.lines[node, command.ref] = command
    return [effects.LineToKeep(node, command), *_take_part(books, command.sender)]


def tell(books: Books, command: commands.Tell, now_s: float) -> list[Effect]:
    told: list[Effect] = []
    for line in command.lines:
        if books.lines.pop((line.node, line.ref), None) is not None:  # else another node has told it meanwhile
            told += _said(books, line)
    return told


def refuse_lines(books: Books, command: commands.RefuseLines, now_s: float) -> list[Effect]:
    refs = tuple(ref for ref in command.refs if books.lines.pop(ref, None) is not None)
    return [effects.LinesRefused(commands.RefuseLines(refs, command.reason))] if refs else []


def keep_notice(books: Books, command: commands.KeepNotice, now_s: float) -> list[Effect]:
    books.notices.due.pop(command.key, None)
    books.notices.waiting.add(command.user_id)
    return []


def deliver(books: Books, command: commands.DeliverNotices, now_s: float) -> list[Effect]:
    books.notices.waiting.discard(command.user_id)
    heard = tuple(each for each in command.notices if not books.blocks.blocks(command.user_id, each.from_user_id))
    return [effects.NoticesTold(command.user_id, heard)] if heard else []


def read_notices(books: Books, command: commands.ReadNotices, now_s: float) -> list[Effect]:
    books.notices.unread.pop(command.user_id, None)
    return [effects.NoticeRead(command.user_id, command.notification_id)]


def announce(books: Books, command: commands.Announce, now_s: float) -> list[Effect]:
    return [effects.Announced(command.id, command.title, command.body, command.ts, command.until)]


def _part(books: Books, one_id: int, other_id: int) -> list[Effect]:
    return [effects.Parted(one_id, other_id)] if books.friends.part(one_id, other_id) else []


def _take_part(books: Books, user: User) -> list[Effect]:
    """From now on all sockets of a user hear the lobby: by the entry of their first line, so that they hear it too."""
    if user.id in books.chatters or not books.presence.has_socket(user.id):
        return []
    books.chatters.add(user.id)
    return [effects.PartTaken(user)]


def _said(books: Books, line: commands.SaidLine) -> list[Effect]:
    deaf = books.blocks.blockers_of(line.sender.id)
    if line.party_id is not None:
        party = books.parties.get(line.party_id)
        heard_by = tuple(member_id for member_id in (party.members if party else ()) if member_id not in deaf)
        return [effects.LineSaid(line, heard_by, deaf)]
    other_id = line.other_id
    if other_id is None:
        return [effects.LineSaid(line, None, deaf)]
    arrives = not line.is_withheld and other_id not in deaf  # they may have blocked the sender meanwhile
    is_there = books.presence.has_socket(other_id)
    said = effects.LineSaid(line, (line.sender.id,), deaf, is_for_other=arrives and is_there)
    if not arrives or is_there or books.is_deleted(other_id):
        return [said]
    text = line.text if len(line.text) <= NOTICE_CHARACTERS else line.text[: NOTICE_CHARACTERS - 1] + "…"
    notice = effects.NoticeDue(
        key=line.key,
        user_id=other_id,
        kind=DIRECT_MESSAGE,
        title=f"Message from {line.sender.username}",
        body=text,
        sender=line.sender,
        at=line.sent_at,
    )
    books.notices.expect(notice)
    return [said, notice]

"""What players do. Each deed has two numbers that choose among what the player sees; where there is nothing to choose
from, nothing happens.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar

from bench.simulation.clients.player import Player
from bench.simulation.nodes.calls import Answer, Asked
from loadtest.client.errors import NotConnected
from lobby_server.core.room_codes import code_of
from lobby_server.protocol.messages import JoinRoom
from lobby_server.protocol.social_messages import SendChatMessage

_Item = TypeVar("_Item")


class Scene:
    """All players, and who keeps account of what they were answered."""

    def __init__(
        self,
        players: Sequence[Player],
        *,
        answered: Callable[[Player, str, str, tuple[Any, ...], Answer, float], None],
        new_token: Callable[[Player], str],
        new_brief_token: Callable[[Player, int, bool], str],
        note: Callable[[str, str], None],
        asked_to_join: Counter[tuple[int, str]],
        operator_token: str = "",
    ) -> None:
        """`answered` hears who asked with which token what with which arguments, the answer, and when the call began.
        `new_brief_token`: for how long, and whether tokens that are refreshed from it end with the login.
        `operator_token`: of an administrator, who does not play."""
        self.players = players
        self.answered = answered
        self.new_token = new_token
        self.new_brief_token = new_brief_token
        self.note = note
        self.asked_to_join = asked_to_join
        self._operator_token = operator_token
        self.put_out: dict[str, list[int]] = {}
        """By room, the users whom somebody has tried to put out of it."""
        self.asked_into: dict[str, list[int]] = {}
        """By party or room, the users whom somebody has invited into it."""
        self._lines = 0

    def user_id(self, number: int) -> int:
        return self.players[number % len(self.players)].user.id

    def devices(self, username: str) -> list[Player]:
        return [each for each in self.players if each.user.username == username]

    def line(self, player: Player) -> str:
        """A text that is said once."""
        self._lines += 1
        return f"{player.user.id}#{self._lines}"

    def ask(self, player: Player, what: str, *arguments: Any) -> Answer:
        """A call whose answer counts; blocks."""
        asked = f"{what} {' '.join(map(str, arguments))}".rstrip()
        self.note(player.name, asked)
        began_s, token = player.world.now_s, player.token
        answer = player.ask(what, *arguments)
        self.note(player.name, f"{asked} → {answer.status} {answer.code}".rstrip())
        self.answered(player, token, what, arguments, answer, began_s)
        if what in ("invite_to_party", "invite_to_room"):
            self.asked_into.setdefault(arguments[0], []).append(arguments[1])
        return answer

    def command(self, player: Player, what: str, *arguments: Any) -> Answer:
        """A call of an administrator, who sits at the device of a player; blocks."""
        asked = f"{what} {' '.join(map(str, arguments))}"
        self.note("operator", asked)
        began_s = player.world.now_s
        answer = player.network.ask(Asked(what, self._operator_token, arguments))
        self.note("operator", f"{asked} → {answer.status} {answer.code}".rstrip())
        self.answered(player, self._operator_token, what, arguments, answer, began_s)
        return answer


Deed = Callable[[Scene, Player, int, int], None]


DECLINES_S = 0.3
"""After which every other guest says no to an invitation into a room."""
COMES_BACK_S = 0.5
"""After which one who was kicked tries to enter again."""


def choose(found: Sequence[_Item], number: int) -> _Item | None:
    return found[number % len(found)] if found else None


# -- over the socket --------------------------------------------------------------------------------------------------


def send(scene: Scene, player: Player, message: Any, what: str) -> None:
    try:
        player.connection.send(message)
        scene.note(player.name, what)
    except NotConnected:
        scene.note(player.name, f"{what}: not connected")


def _join(scene: Scene, player: Player, a: int, b: int) -> None:
    """A room of the list; or, one time in three, the one in which another player is."""
    room_id = None
    if b % 3 == 0:
        room = scene.players[a % len(scene.players)].room
        room_id = room.room_id if room is not None else None
    elif (listed := choose(player.rooms, a)) is not None:
        room_id = listed.id
    if room_id is not None:
        enter(scene, player, room_id)


def enter(scene: Scene, player: Player, room_id: str) -> None:
    scene.asked_to_join[player.user.id, room_id] += 1
    player.asks_room()
    message = JoinRoom(roomId=room_id, version=player.connection.version, name=player.name)
    send(scene, player, message, f"joins room {room_id}")


def leave(scene: Scene, player: Player, a: int, b: int) -> None:
    if player.room is not None:
        scene.note(player.name, f"leaves room {player.room.room_id}")
        quietly(player.connection.leave_room)
        player.left_room()


def say_room(scene: Scene, player: Player, a: int, b: int) -> None:
    if player.room is not None:
        text = scene.line(player)
        scene.note(player.name, f"says {text} in room {player.room.room_id}")
        quietly(lambda: player.connection.chat(text))


def _kick(scene: Scene, player: Player, a: int, b: int) -> None:
    room = player.room
    if room is not None:
        peer_id = choose([each for each in room.members if each != room.peer_id], a)
        if peer_id is not None:
            put_out(scene, player, peer_id)
            if b % 2:  # they do not take it
                for other in scene.devices(room.members[peer_id]):
                    act = partial(_try_again, scene, other, room.room_id, has_code=b % 4 == 1)
                    player.world.call_later(COMES_BACK_S, partial(other.do, act))


def _try_again(scene: Scene, player: Player, room_id: str, *, has_code: bool) -> None:
    """One who was kicked; with the code of the room, if they know it."""
    if has_code:
        scene.ask(player, "use_code", code_of(room_id))
    enter(scene, player, room_id)


def put_out(scene: Scene, player: Player, peer_id: int) -> None:
    """Kick a member of the room that the player is in."""
    room = player.room
    assert room is not None
    scene.note(player.name, f"kicks {room.members[peer_id]} out of room {room.room_id}")
    scene.put_out.setdefault(room.room_id, []).extend(each.user.id for each in scene.devices(room.members[peer_id])[:1])
    quietly(lambda: player.connection.kick(peer_id))


def _say(channel: Callable[[Scene, int], str]) -> Deed:
    def deed(scene: Scene, player: Player, a: int, b: int) -> None:
        text, name = scene.line(player), channel(scene, a)
        if name == "party" and (player.party is None or player.party.party is None):
            return
        if name != f"user:{player.user.id}":
            send(scene, player, SendChatMessage(channel=name, text=text), f"says {text} to {name}")

    return deed


def quietly(act: Callable[[], None]) -> None:
    try:
        act()
    except NotConnected:
        pass


# -- over HTTP --------------------------------------------------------------------------------------------------------


def _create_room(scene: Scene, player: Player, a: int, b: int) -> None:
    answer = scene.ask(player, "create_room", 2 + a % 3, b % 4 > 0)
    if answer.is_good:
        player.asks_room()
        quietly(player.connection.create_room)
    if answer.is_good or answer.status in (0, 503):
        for other in scene.players:
            if other.user.id == player.user.id:
                other.doubt()  # other devices hear of it once the host enters over a socket


def _delete_room(scene: Scene, player: Player, a: int, b: int) -> None:
    room = player.room
    if room is not None and (room.host_peer_id == room.peer_id or b % 4 == 0):

        def click() -> None:
            is_gone = scene.ask(player, "delete_room", room.room_id).is_good
            if is_gone and player.room is not None and player.room.room_id == room.room_id:
                player.room = None  # a base client that was its host hears nothing but this answer

        if b % 3 == 0:  # a second click, of which either may be the one that deletes it
            player.do(click)
        click()


def _of_other(what: str) -> Deed:
    def deed(scene: Scene, player: Player, a: int, b: int) -> None:
        other_id = scene.user_id(a)
        if other_id != player.user.id:
            scene.ask(player, what, other_id)
            player.look()

    return deed


def _of_request(what: str) -> Deed:
    def deed(scene: Scene, player: Player, a: int, b: int) -> None:
        request = choose(player.friends.incoming, a) if player.friends is not None else None
        if request is not None:
            scene.ask(player, what, request.request_id)
            player.look()

    return deed


def _remove_friend(scene: Scene, player: Player, a: int, b: int) -> None:
    friend = choose(player.friends.friends, a) if player.friends is not None else None
    if friend is not None:
        scene.ask(player, "remove_friend", friend.user_id)


def _create_party(scene: Scene, player: Player, a: int, b: int) -> None:
    scene.ask(player, "create_party")
    for other in scene.players:
        if other.user.id == player.user.id:
            other.look()  # a party's first member is told by the answer


def _of_party(what: str, *, whom: str = "") -> Deed:
    """`whom`: another user, a member, nobody."""

    def deed(scene: Scene, player: Player, a: int, b: int) -> None:
        party = player.party.party if player.party is not None else None
        if party is None:
            return
        arguments: tuple[Any, ...] = ()
        if whom == "user":
            arguments = (scene.user_id(a),)
        elif whom == "member":
            member = choose([each for each in party.members if each.user_id != player.user.id], a)
            if member is None:
                return
            arguments = (member.user_id,)
        scene.ask(player, what, party.id, *arguments)
        player.look()

    return deed


def _of_invite(what: str) -> Deed:
    def deed(scene: Scene, player: Player, a: int, b: int) -> None:
        invite = choose(player.party.invites, a) if player.party is not None else None
        if invite is None:
            return
        is_good = scene.ask(player, what, invite.party_id).is_good
        room = choose(player.rooms, a)
        if is_good and what == "join_party" and room is not None and b % 3 == 0:
            scene.ask(player, "enter_with_party", room.id)  # which is for the leader to decide
        player.look()

    return deed


def _enter_with_party(scene: Scene, player: Player, a: int, b: int) -> None:
    room = choose(player.rooms, a)
    if room is not None and player.party is not None and player.party.party is not None:
        scene.ask(player, "enter_with_party", room.id)


def _withdraw_party(scene: Scene, player: Player, a: int, b: int) -> None:
    """Take back an invitation into the own party."""
    party = player.party.party if player.party is not None else None
    invited = scene.asked_into.get(party.id, []) if party is not None else []
    guest_id = choose(invited, a)
    if party is not None and guest_id is not None:
        scene.ask(player, "withdraw_party", party.id, guest_id)


def _withdraw_room(scene: Scene, player: Player, a: int, b: int) -> None:
    room = player.room
    guest_id = None if room is None else choose(scene.asked_into.get(room.room_id, []), a)
    if room is not None and guest_id is not None:
        scene.ask(player, "withdraw_room", room.room_id, guest_id)


def _decline_room(scene: Scene, player: Player, a: int, b: int) -> None:
    room_id = choose(list(player.invitations), a)
    if room_id is not None:
        scene.ask(player, "decline_room", room_id)


def _invite_to_room(scene: Scene, player: Player, a: int, b: int) -> None:
    guest = scene.players[a % len(scene.players)]
    if player.room is None or guest.user.id == player.user.id:
        return
    room_id = player.room.room_id
    if scene.ask(player, "invite_to_room", room_id, guest.user.id).is_good and b % 2:
        act = partial(scene.ask, guest, "decline_room", room_id)
        player.world.call_later(DECLINES_S, partial(guest.do, act))


def _sign_out(scene: Scene, player: Player, a: int, b: int) -> None:
    """And in again, with a fresh token."""
    scene.ask(player, "sign_out")
    player.disconnect()
    player.token, player.refused = scene.new_token(player), ""
    player.world.call_later(0.5 + b % 3, player.connect)


# -- the device -------------------------------------------------------------------------------------------------------


def _drop(scene: Scene, player: Player, a: int, b: int) -> None:
    scene.note(player.name, "loses the network for a moment")
    player.connection.drop_connection()


def _away(scene: Scene, player: Player, a: int, b: int) -> None:
    scene.note(player.name, "goes away")
    player.disconnect()
    player.world.call_later(0.3 + (a % 40) / 10, player.connect)


DEEDS: dict[str, tuple[Deed, int]] = {
    "create_room": (_create_room, 12),
    "join": (_join, 22),
    "leave": (leave, 5),
    "say_room": (say_room, 12),
    "kick": (_kick, 4),
    "delete_room": (_delete_room, 4),
    "say_lobby": (_say(lambda scene, a: "lobby"), 4),
    "say_party": (_say(lambda scene, a: "party"), 4),
    "say_direct": (_say(lambda scene, a: f"user:{scene.user_id(a)}"), 4),
    "ask_friend": (_of_other("ask_friend"), 6),
    "accept_friend": (_of_request("accept_friend"), 5),
    "decline_friend": (_of_request("decline_friend"), 2),
    "remove_friend": (_remove_friend, 2),
    "block": (_of_other("block"), 3),
    "unblock": (_of_other("unblock"), 1),
    "create_party": (_create_party, 4),
    "invite_to_party": (_of_party("invite_to_party", whom="user"), 6),
    "join_party": (_of_invite("join_party"), 6),
    "decline_party": (_of_invite("decline_party"), 1),
    "leave_party": (_of_party("leave_party"), 2),
    "kick_from_party": (_of_party("kick_from_party", whom="member"), 1),
    "hand_over": (_of_party("hand_over", whom="member"), 1),
    "enter_with_party": (_enter_with_party, 3),
    "invite_to_room": (_invite_to_room, 3),
    "decline_room": (_decline_room, 1),
    "withdraw_party": (_withdraw_party, 1),
    "withdraw_room": (_withdraw_room, 1),
    "sign_out": (_sign_out, 1),
    "drop": (_drop, 4),
    "away": (_away, 4),
}
"""Deeds by name, and how often each comes in a schedule that is drawn."""

"""What two players do at one moment, so that either may come first: on one node, on two, and while the database works.

Drawn apart from each other two such deeds would meet once in thousands of schedules.
"""

from __future__ import annotations

from functools import partial

from bench.simulation.clients.deeds import Deed, Scene, choose, enter, leave, put_out, quietly, say_room, send
from bench.simulation.clients.player import Player
from lobby_server.protocol.social_messages import SendChatMessage

MAKE_UP_S = 2.0
"""After which a user who has blocked another one thinks better of it."""
GONE_S = 0.1
"""After which a node has seen that a connection is lost, on most occasions."""
APART_S = 0.005
"""Up to three times that the second deed comes after the first: about what a message takes."""


def _quarrel(scene: Scene, player: Player, a: int, b: int) -> None:
    """A user writes to another one, in their room as well if they are in one, who blocks them as they do."""
    room = player.room
    names = [] if room is None else [name for peer_id, name in room.members.items() if peer_id != room.peer_id]
    here = [device for name in names for device in scene.devices(name)]
    other = choose(here or scene.players, a)
    if other is None or other.user.id == player.user.id:
        return

    def about(what: str) -> None:
        scene.ask(other, what, player.user.id)
        other.look()

    later = player.world.call_later
    later(b % 4 * APART_S, partial(other.do, partial(about, "block")))
    later(MAKE_UP_S, partial(other.do, partial(about, "unblock")))
    text = scene.line(player)
    channel = f"user:{other.user.id}"
    send(scene, player, SendChatMessage(channel=channel, text=text), f"says {text} to {channel}")
    if here:
        say_room(scene, player, a, b)


def _kick_who_returns(scene: Scene, player: Player, a: int, b: int) -> None:
    """A member leaves and enters again as the host kicks them: by a peer id that may not be theirs any more."""
    room = player.room
    peer_id = None if room is None else choose([each for each in room.members if each != room.peer_id], a)
    if room is None or peer_id is None:
        return
    others = scene.devices(room.members[peer_id])[:1]
    put_out(scene, player, peer_id)
    for other in others:
        leave(scene, other, 0, 0)
        enter(scene, other, room.room_id)


def _leave_as_guest_joins(scene: Scene, player: Player, a: int, b: int) -> None:
    """A member invites two users into their party. The first of them joins, and stays when the member leaves; the
    second agrees at that moment, or says nothing."""
    first, second = scene.players[a % len(scene.players)], scene.players[b % len(scene.players)]
    if len({player.user.id, first.user.id, second.user.id}) < 3:
        return
    party = player.party.party if player.party is not None else None
    party_id = None if party is None else party.id
    if party_id is None and (answer := scene.ask(player, "create_party")).is_good:
        party_id = answer.body.id
        for device in scene.devices(player.user.username):
            device.look()  # a party's first member is told by the answer
    if party_id is None or not scene.ask(player, "invite_to_party", party_id, first.user.id).is_good:
        return
    _join_party(scene, first, party_id)
    is_answered = a // len(scene.players) % 2
    if scene.ask(player, "invite_to_party", party_id, second.user.id).is_good and is_answered:
        player.world.call_later(b % 4 * APART_S, partial(second.do, partial(_join_party, scene, second, party_id)))
    scene.ask(player, "leave_party", party_id)
    player.look()


def _join_party(scene: Scene, player: Player, party_id: str) -> None:
    scene.ask(player, "join_party", party_id)
    player.look()


def _invite_and_take_back(scene: Scene, player: Player, a: int, b: int) -> None:
    """A member invites a user into their party, and another member takes that back, whether they may or not; one time
    in three they put the first one out as well."""
    party = player.party.party if player.party is not None else None
    others = [] if party is None else [each.user_id for each in party.members if each.user_id != player.user.id]
    member_id, guest_id = choose(others, b), scene.user_id(a)
    if party is None or member_id is None:
        return
    if scene.ask(player, "invite_to_party", party.id, guest_id).is_good:
        for other in [each for each in scene.players if each.user.id == member_id][:1]:
            scene.ask(other, "withdraw_party", party.id, guest_id)
            if b % 3 == 0:
                scene.ask(other, "kick_from_party", party.id, player.user.id)
                player.look()


def _put_out_while_away(scene: Scene, player: Player, a: int, b: int) -> None:
    """A member loses the network, on all devices, as the host kicks them or deletes the room."""
    room = player.room
    peer_id = None if room is None else choose([each for each in room.members if each != room.peer_id], a)
    if room is None or peer_id is None or room.host_peer_id != room.peer_id:
        return
    for other in scene.devices(room.members[peer_id]):
        scene.note(other.name, "loses the network for a moment")
        quietly(other.connection.drop_connection)

    def act() -> None:
        if b % 2 == 0:
            scene.ask(player, "delete_room", room.room_id)
            player.doubt()  # a base client that was its host hears nothing but the answer
        elif player.room is room and peer_id in room.members:
            put_out(scene, player, peer_id)

    player.world.call_later(GONE_S, partial(player.do, act))


RACES: dict[str, tuple[Deed, int]] = {
    "quarrel": (_quarrel, 2),
    "kick_who_returns": (_kick_who_returns, 2),
    "leave_as_guest_joins": (_leave_as_guest_joins, 2),
    "put_out_while_away": (_put_out_while_away, 3),
    "invite_and_take_back": (_invite_and_take_back, 3),
}
"""As `bench.simulation.clients.deeds.DEEDS`."""

"""The three ways in which a message goes wrong, and the places where messages are sent."""

from __future__ import annotations

from tests.bench.simulation.planted.planting import SERVICE, Mutant, one

VIEWS, LOST = "views equal the truth", "nothing is lost"
STRANGE, UNTRUE = "strangers and the blocked hear nothing", "nothing is told that is not so"
TWICE, ORDER = "nothing is heard twice", "all hear one order"
EVERYBODY = "[each.user.id for each in self._announcer._sessions.accepted_ones()]"
TELLING, HOSTING = f"{SERVICE}.rooms.telling:RoomTelling", f"{SERVICE}.rooms.hosting:RoomHosting"
ANNOUNCER, FRIENDS = f"{SERVICE}.announcer:Announcer", f"{SERVICE}.social.friends:Friends"
OWN, PARTIES = f"{SERVICE}.social.own_changes:OwnChanges", f"{SERVICE}.social.parties:Parties"
INVITATIONS, WHEREABOUTS = f"{SERVICE}.social.invitations:Invitations", f"{SERVICE}.social.whereabouts:Whereabouts"
NOTIFICATIONS, CHAT = f"{SERVICE}.social.notifications:Notifications", f"{SERVICE}.social.chat:Chat"
DRAIN = f"{SERVICE}.drain:Drain._close_all"


def ways(
    message: str, place: str, told: str = "", *, unsaid: str = "pass", to: str | tuple[str, str] = "",
    says: tuple[str, str] | None = None, said_at: str = "",
) -> tuple[Mutant, ...]:  # fmt: skip
    """A message that is `told` at a place: it is not, with `unsaid` in its place; it is told `to` others besides, which
    is another way to tell it, or what is right there and what is wrong; it `says` what is not so, `said_at` another
    place if it is made there. What is left out is planted elsewhere, or cannot be."""
    found = []
    if told:
        found.append(one(f"{message} is not told", place, told, unsaid, by=(LOST, VIEWS, ORDER)))
    if to:
        right, wrong = (told, to) if isinstance(to, str) else to
        found.append(one(f"{message} is told to others", place, right, wrong, by=(STRANGE, VIEWS, TWICE, ORDER)))
    if says is not None:
        by = (UNTRUE, STRANGE, VIEWS, ORDER, TWICE, LOST)  # what it says may be so of others
        found.append(one(f"{message} tells what is not so", said_at or place, *says, by=by))
    return tuple(found)

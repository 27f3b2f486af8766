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


def silent(message: str, place: str, told: str, wrong: str = "pass") -> Mutant:
    """It is not told."""
    return one(f"{message} is not told", place, told, wrong, by=(LOST, VIEWS, ORDER))


def astray(message: str, place: str, right: str, wrong: str) -> Mutant:
    """It is told to others besides."""
    return one(f"{message} is told to others", place, right, wrong, by=(STRANGE, VIEWS, TWICE, ORDER))


def untrue(message: str, place: str, right: str, wrong: str) -> Mutant:
    """It does not say what is so. What it says may be so of others."""
    return one(f"{message} tells what is not so", place, right, wrong, by=(UNTRUE, STRANGE, VIEWS, ORDER, TWICE, LOST))

"""The HTTP API: accounts, rooms, who is online. Source: the protocol contract, section 3."""

from __future__ import annotations

from typing import Any

from lobby_server.core.refusal import Refusal
from lobby_server.protocol import requests, resources
from lobby_server.protocol.codes import ApiCode
from lobby_server.protocol.social_resources import Stats
from lobby_server.service.rooms.commands import RoomWish
from lobby_server.web.api.operation import Caller, operation
from lobby_server.web.base import ApiFault, BaseHandler
from lobby_server.web.negotiation import accepts_gzip, etag_matches
from lobby_server.web.refusals import problem_of

MAX_NAME_CHARACTERS = 64
"""Of a game mode and of a map."""


class LimitedHandler(BaseHandler):
    """One whose calls hash passwords: limited by address."""

    def prepare(self) -> None:
        super().prepare()
        if self.request.method != "POST":
            return
        address = self.request.remote_ip or ""
        wait_s = self.app.auth_limit.take(address, self.app.clock.monotonic_s())
        if wait_s:
            raise ApiFault(
                429,
                ApiCode.RATE_LIMITED,
                "There were too many attempts from this address; wait a moment.",
                retry_after_s=wait_s,
            )


class RegisterHandler(LimitedHandler):
    @operation(
        "Make an account, and log in",
        answers={201: resources.Session},
        body=requests.Registration,
        caller=Caller.ANYBODY,
        refusals=(ApiCode.USERNAME_TAKEN, ApiCode.EMAIL_TAKEN, ApiCode.RATE_LIMITED),
    )
    async def post(self) -> None:
        body = self.body_object()
        email = body.get("email")
        session = await self.app.accounts.register(
            username=body.get("username"), password=body.get("password"), email=None if email == "" else email
        )
        self.answer(session, 201)


class LoginHandler(LimitedHandler):
    @operation(
        "Log in",
        answers={200: resources.Session},
        body=requests.Login,
        caller=Caller.ANYBODY,
        refusals=(ApiCode.INVALID_CREDENTIALS, ApiCode.RATE_LIMITED),
    )
    async def post(self) -> None:
        body = self.body_object()
        faults = {
            name: f"A {name} is needed, as text."
            for name in ("username", "password")
            if not isinstance(body.get(name), str) or not body[name]
        }
        if faults:
            raise ApiFault(400, ApiCode.INVALID_REQUEST, " ".join(faults.values()), fields=faults)
        self.answer(await self.app.accounts.login(login=body["username"], password=body["password"]))


class VerifyHandler(BaseHandler):
    @operation("Whether a token holds, and whose it is", answers={200: resources.Verified})
    async def get(self) -> None:
        try:
            claims = self.claims()
        except (ApiFault, Refusal) as fault:
            status, problem = problem_of(fault) if isinstance(fault, Refusal) else (fault.status_code, fault.problem)
            self.answer(resources.NotVerified(valid=False, error=problem.error, code=problem.code), status)
            return
        self.answer(resources.Verified(valid=True, user=await self.app.accounts.user(claims.user)))


class RefreshHandler(BaseHandler):
    @operation("A fresh token", answers={200: resources.FreshToken})
    async def post(self) -> None:
        self.answer(self.app.accounts.refresh(self.claims()))


class LogoutHandler(BaseHandler):
    @operation("Sign the token out; its sockets are closed", answers={204: None})
    async def post(self) -> None:
        claims = self.claims()
        await self.app.accounts.revoke(claims)
        self.app.lobby.sign_out(claims.user, claims.token_id)
        self.set_status(204)
        self.clear_header("Content-Type")


class RoomsHandler(BaseHandler):
    @operation(
        "The public rooms, newest first; with an ETag",
        answers={200: resources.RoomList, 304: None},
        caller=Caller.ANYBODY,
        query={"gamemode": "Only rooms of this game mode."},
    )
    def get(self) -> None:
        gamemode = self._wanted_gamemode()
        view, headers = self.app.room_list, self.request.headers
        etag = view.etag()
        self.set_header("ETag", etag)
        self.set_header("Cache-Control", "no-cache")
        self.add_header("Vary", "Accept-Encoding")
        if etag_matches(headers.get("If-None-Match"), etag):
            self.app.metrics.room_list_served["not_modified"] += 1
            self.clear_header("Content-Type")
            self.set_status(304)
            return
        self.app.metrics.room_list_served["full"] += 1
        self.app.fetch_meter.count()
        snapshot = view.snapshot(gamemode)
        if accepts_gzip(headers.get("Accept-Encoding")):
            self.set_header("Content-Encoding", "gzip")
            self.finish(snapshot.gzipped)
        else:
            self.finish(snapshot.plain)

    @operation(
        "Make a room, and be its host and first member",
        answers={201: resources.RoomMade},
        body=requests.RoomWish,
        refusals=(ApiCode.GAMEMODE_REQUIRED, ApiCode.ALREADY_HOSTING),
    )
    async def post(self) -> None:
        claims = self.claims()
        wish = room_wish(self.body_object())
        room = await self.app.rooms.create_room(claims.user, wish)
        self.answer(resources.RoomMade(success=True, room=room), 201)

    def _wanted_gamemode(self) -> str | None:
        """The filter to the letter: Tornado's own reading strips it and replaces control characters."""
        given = self.request.query_arguments.get("gamemode")
        return self.decode_argument(given[-1], "gamemode") or None if given else None


class RoomHandler(BaseHandler):
    @operation("One room", answers={200: resources.Room}, caller=Caller.ANYBODY, refusals=(ApiCode.ROOM_NOT_FOUND,))
    def get(self, room_id: str) -> None:
        self.answer(self.app.rooms.room(room_id))

    @operation(
        "Delete a room, as its host", answers={200: resources.Done}, refusals=(ApiCode.ROOM_NOT_FOUND, ApiCode.NOT_HOST)
    )
    async def delete(self, room_id: str) -> None:
        claims = self.claims()
        await self.app.rooms.delete_room(claims.user, room_id)
        self.answer(resources.Done())


class OnlineUsersHandler(BaseHandler):
    """Who is online is for users: strangers do not listen, not here either."""

    @operation("Who is online", answers={200: resources.OnlineUsers})
    def get(self) -> None:
        self.claims()
        users = [resources.OnlineUser(user_id=user.id, username=user.username) for user in self.app.presence.online()]
        self.answer(resources.OnlineUsers(count=len(users), users=users))


class StatsHandler(BaseHandler):
    """How much is going on; no token needed."""

    @operation("How much is going on", answers={200: Stats}, caller=Caller.ANYBODY)
    def get(self) -> None:
        rooms = self.app.rooms.book
        self.set_header("Cache-Control", "no-cache")
        self.answer(Stats(online=len(self.app.presence), rooms=len(rooms), players_in_rooms=rooms.players))


def room_wish(body: dict[str, Any]) -> RoomWish:
    """The body of ``POST /api/rooms``, checked. Raises `ApiFault` 400."""
    gamemode = body.get("gamemode")
    if not isinstance(gamemode, str) or not gamemode.strip():
        raise ApiFault(400, ApiCode.GAMEMODE_REQUIRED, "A gamemode is needed, as text.")
    faults: dict[str, str] = {}
    if len(gamemode) > MAX_NAME_CHARACTERS or not _is_text(gamemode):
        faults["gamemode"] = f"A gamemode has at most {MAX_NAME_CHARACTERS} characters."
    map_name = body.get("mapName")
    if map_name is not None and (not _is_text(map_name) or len(map_name) > MAX_NAME_CHARACTERS):
        faults["mapName"] = f"A mapName is text of at most {MAX_NAME_CHARACTERS} characters."
    max_players = body.get("maxPlayers", resources.DEFAULT_ROOM_PLAYERS)
    low, high = resources.MIN_ROOM_PLAYERS, resources.MAX_ROOM_PLAYERS
    if type(max_players) is not int or not low <= max_players <= high:
        faults["maxPlayers"] = f"maxPlayers is a whole number from {low} to {high}."
    is_public = body.get("isPublic", True)
    if not isinstance(is_public, bool):
        faults["isPublic"] = "isPublic is true or false."
    if faults:
        raise ApiFault(400, ApiCode.INVALID_REQUEST, " ".join(faults.values()), fields=faults)
    return RoomWish(gamemode=gamemode, map_name=map_name, max_players=max_players, is_public=is_public)


def _is_text(value: object) -> bool:
    """A string that a database can hold: PostgreSQL has no NUL in its text."""
    return isinstance(value, str) and "\x00" not in value

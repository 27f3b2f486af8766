"""The contract that the server serves: complete, and true of the routes, the messages and the answers that exist."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

import lobby_server
from lobby_server.core.refusal import RefusalCode
from lobby_server.protocol import meanings, messages, requests, resources, social_resources
from lobby_server.protocol.codes import CloseCode, ErrorReason
from lobby_server.protocol.features import Feature
from lobby_server.service.errors import ERROR_REASONS
from lobby_server.web.api.openapi import openapi_document, operations
from lobby_server.web.api.routes import API_ROUTES, parameters_of, pattern_of, shown
from lobby_server.web.base import BARE_PREFIX
from lobby_server.web.context import WebContext
from lobby_server.web.ops import MetricsHandler
from lobby_server.web.refusals import REFUSALS
from lobby_server.web.routes import make_application
from tests.web.conftest import Lobby, StartLobby
from tests.web.people import Person

UNDESCRIBED = {"/", r"\*", "/static/(.+)", "/ws", "/metrics", "/ops", "/ops/socket", "/docs/protocol"}
"""Pages, texts and sockets."""


def references(value: Any) -> set[str]:
    """Everything that a document points at."""
    if isinstance(value, dict):
        found = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
        return found.union(*(references(each) for each in value.values()))
    if isinstance(value, list):
        return set().union(*(references(each) for each in value))
    return set()


def at(document: Any, pointer: str) -> Any:
    for name in pointer.removeprefix("#/").split("/"):
        document = document[name]
    return document


# The socket


async def test_every_message_is_there_with_a_schema_that_fits_what_is_sent(lobby: Lobby) -> None:
    contract = (await lobby.call("GET", "/api/protocol")).body
    assert [each["type"] for each in contract["client_messages"]] == list(messages.CLIENT_MESSAGES)
    told = {each["type"] for each in contract["server_messages"]}
    assert told == set(messages.SERVER_MESSAGES) | set(messages.FEATURE_MESSAGES) | set(messages.SOCIAL_MESSAGES)
    for each in (*contract["client_messages"], *contract["server_messages"]):
        assert at(contract, each["data"]["$ref"])["type"] == "object"
        assert set(each["features"]) <= {feature.value for feature in Feature}
        assert each["description"].endswith(".")
    for reference in references(contract):
        at(contract, reference)
    online = at(contract, next(m for m in contract["server_messages"] if m["type"] == "user_online")["data"]["$ref"])
    assert set(online["properties"]) == {"user_id", "username"}


async def test_base_messages_are_those_of_the_base_protocol(lobby: Lobby) -> None:
    contract = (await lobby.call("GET", "/api/protocol")).body
    base = {each["type"] for each in contract["server_messages"] if each["base"]}
    assert base == set(messages.SERVER_MESSAGES)
    asked = {each["type"]: each["features"] for each in contract["client_messages"] if each["features"]}
    assert asked == {"rooms_resync": ["rooms_delta"], "refresh": ["refresh"], "ack": ["ack"]}


async def test_reasons_codes_and_features_are_all_explained(lobby: Lobby) -> None:
    contract = (await lobby.call("GET", "/api/protocol")).body
    assert {each["reason"] for each in contract["errors"]} == {reason.value for reason in ErrorReason}
    assert {each["code"] for each in contract["close_codes"]} == {int(code) for code in CloseCode}
    assert {each["name"] for each in contract["features"]} == {feature.value for feature in Feature}
    assert {each["code"] for each in contract["close_codes"] if not each["reconnect"]} == {1000, 4501, 4502, 4503}
    sentences = [*meanings.ERRORS.values(), *meanings.CLOSE_CODES.values(), *meanings.FEATURES.values()]
    sentences += [each["advice"] for each in contract["close_codes"]]
    assert all(sentence.endswith(".") for sentence in sentences)


async def test_limits_and_timers_are_those_in_force(start_lobby: StartLobby) -> None:
    lobby = await start_lobby(heartbeat_timeout_s=50.0, chat_max_characters=77, max_message_bytes=1234)
    contract = (await lobby.call("GET", "/api/protocol")).body
    assert (contract["timers"]["heartbeat_s"], contract["timers"]["heartbeat_timeout_s"]) == (20.0, 50.0)
    assert (contract["limits"]["chat_characters"], contract["limits"]["message_bytes"]) == (77, 1234)
    client = await lobby.connect()
    await client.command("handshake", version="1", name="P", token=lobby.token(), features=["rev"])
    assert (await client.expect("handshake_accepted"))["heartbeat_s"] == contract["timers"]["heartbeat_s"]


# HTTP


async def test_every_method_of_every_route_is_described_and_nothing_else(lobby: Lobby) -> None:
    document = (await lobby.call("GET", "/api/openapi.json")).body
    described = {(path, method) for path, item in document["paths"].items() for method in item}
    assert described == {(shown(template), method) for template, method, _ in operations(API_ROUTES)}
    for reference in references(document):
        at(document, reference)
    for path, method in described:
        operation = document["paths"][path][method]
        assert operation["summary"]
        assert set(re.findall(r"\{(\w+)\}", path)) == {
            each["name"] for each in operation.get("parameters", []) if each["in"] == "path"
        }


async def test_tornado_has_the_described_routes_and_no_other_of_the_api(lobby: Lobby) -> None:
    assert lobby.server.app is not None
    rules = make_application(WebContext(lobby.server.app)).wildcard_router.rules
    patterns = {rule.matcher.regex.pattern.rstrip("$") for rule in rules if hasattr(rule.matcher, "regex")}
    undescribed = {pattern for pattern in patterns if pattern not in {pattern_of(path) for path, _ in API_ROUTES}}
    assert undescribed <= UNDESCRIBED | {BARE_PREFIX}


def path_of(template: str) -> str:
    values = {name: "1" for name, _ in parameters_of(template)}
    return shown(template).format(**values)


@pytest.mark.parametrize(("template", "method"), [(path, method) for path, method, _ in operations(API_ROUTES)])
async def test_method_is_answered_as_it_is_described(lobby: Lobby, template: str, method: str) -> None:
    """Without a token, and with one but without a body: the errors are among those that the document has."""
    operation = openapi_document(API_ROUTES)["paths"][shown(template)][method]
    body = {} if method == "post" else None
    answer = await lobby.call(method.upper(), path_of(template), body)
    if operation["security"]:
        assert (answer.status, answer.body["code"]) == (401, "authentication_required")
        answer = await lobby.call(method.upper(), path_of(template), body, token=lobby.token(role="admin"))
    assert str(answer.status) in operation["responses"], (answer.status, answer.body)
    if answer.status >= 400:
        assert answer.body["code"] in operation["responses"][str(answer.status)]["description"].split(", ")
    if "requestBody" in operation:
        assert answer.status in (400, 401, 403, 404)


ANSWERS = {
    ("GET", "/api/friends"): social_resources.FriendList,
    ("GET", "/api/blocks"): social_resources.BlockList,
    ("GET", "/api/parties/mine"): social_resources.MyParty,
    ("GET", "/api/rooms/invites"): social_resources.RoomInvitations,
    ("GET", "/api/notifications"): social_resources.NotificationList,
    ("GET", "/api/chat/lobby"): social_resources.ChatHistory,
    ("GET", "/api/announcements"): social_resources.AnnouncementList,
    ("GET", "/api/stats"): social_resources.Stats,
    ("GET", "/api/rooms"): resources.RoomList,
    ("GET", "/api/users/online"): resources.OnlineUsers,
    ("POST", "/api/auth/refresh"): resources.FreshToken,
    ("POST", "/api/parties"): social_resources.PartyAnswer,
}


@pytest.mark.parametrize(("method", "path"), ANSWERS)
async def test_answer_is_of_the_described_type(lobby: Lobby, method: str, path: str) -> None:
    template = path.replace("/lobby", "/{channel}")
    described = next(op for route, verb, op in operations(API_ROUTES) if (verb.upper(), route) == (method, template))
    assert described is not None
    kind = ANSWERS[method, path]
    assert kind in described.answers.values()
    answer = await Person(lobby, 1, "ann").call(method, path)
    assert msgspec.to_builtins(msgspec.convert(answer.body, kind)) == answer.body  # neither more nor less


BODIES = {
    "/api/auth/register": requests.Registration,
    "/api/rooms": requests.RoomWish,
    "/api/friends/requests": requests.Whom,
    "/api/blocks": requests.OneUser,
    "/api/announcements": requests.NewAnnouncement,
}


@pytest.mark.parametrize("path", BODIES)
async def test_required_fields_of_a_body_are_those_that_are_missed(lobby: Lobby, path: str) -> None:
    kind = BODIES[path]
    described = next(op for route, verb, op in operations(API_ROUTES) if (verb, route) == ("post", path))
    assert described is not None
    assert described.body is kind
    answer = await lobby.call("POST", path, {}, token=lobby.token(role="admin"))
    assert answer.status == 400
    names = {each.encode_name for each in msgspec.structs.fields(kind)}
    required = {each.encode_name for each in msgspec.structs.fields(kind) if each.required}
    if answer.body["code"] == "gamemode_required":
        assert required == {"gamemode"}
    else:
        missed = set(answer.body["fields"])
        assert missed <= names
        assert required <= missed


def test_method_without_a_description_is_found() -> None:
    with pytest.raises(LookupError, match="GET /x has no @operation"):
        openapi_document([("/x", MetricsHandler)])


def test_every_refusal_has_a_status_and_a_sentence_or_a_reason_on_the_socket() -> None:
    raised = set()
    for path in Path(lobby_server.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and getattr(node.value, "id", "") == RefusalCode.__name__:
                raised.add(node.attr)
    assert raised == {code.name for code in RefusalCode}
    assert set(REFUSALS) | set(ERROR_REASONS) == set(RefusalCode)
    assert all(sentence.endswith(".") for _, _, sentence in REFUSALS.values())
    statuses = {code: status for code, (status, _, _) in REFUSALS.items()}
    assert statuses.pop(RefusalCode.TRY_AGAIN_LATER) == 503
    assert all(400 <= status < 500 for status in statuses.values())


def test_a_refusal_has_the_same_name_everywhere() -> None:
    assert all(reason.value == code.value for code, reason in ERROR_REASONS.items())
    renamed = {code for code, (_, api_code, _) in REFUSALS.items() if api_code.value != code.value}
    assert renamed == {
        RefusalCode.INVALID_ACCOUNT,  # one of many requests that are at fault in a field
        RefusalCode.IN_NO_ROOM,  # the caller's own room is 404, where "not in that room" is 403
    }

"""docs/protocol.md says what the server says of itself, no more and no less, and its exchanges happen as shown."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import Any

import pytest

from lobby_server.settings import Settings
from tests.docs.markdown import DOCS, Example, code, examples, rows, section, table
from tests.docs.server import Target, call
from tests.docs.transcripts import Replay

PAGE = (DOCS / "protocol.md").read_text(encoding="utf-8")
CALL_TABLES = (
    "Accounts", "Room calls", "People", "Party calls", "Chat, notifications, announcements", "Administration",
    "Service",
)  # fmt: skip


@pytest.fixture(scope="module")
def contract(plain_target: Target) -> Any:
    return call(plain_target, "GET", "/api/protocol").body


@pytest.fixture(scope="module")
def api(plain_target: Target) -> Any:
    return call(plain_target, "GET", "/api/openapi.json").body


def type_of(schema: dict[str, Any]) -> str:
    """A JSON Schema in the words of the page."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "anyOf" in schema:
        return " or ".join(type_of(each) for each in schema["anyOf"])
    if "enum" in schema:
        return " or ".join(json.dumps(value) for value in schema["enum"])
    if schema.get("type") == "array":
        return type_of(schema["items"]) + "[]"
    return str(schema.get("type", "anything"))


def fields_of(schema: dict[str, Any]) -> dict[str, str]:
    """The fields of an object: the name, with a ? if it may be missing, and the type."""
    return {
        name + ("" if name in schema["required"] else "?"): type_of(each) for name, each in schema["properties"].items()
    }


def shown_fields(cell: str) -> dict[str, str]:
    if cell == "–":
        return {}
    parts = re.findall(r"`(\w+\??): ([^`]+)`", cell)
    assert len(parts) == cell.count(": "), cell
    return dict(parts)


def same_fields(shown: dict[str, str], served: dict[str, str]) -> bool:
    """Whether a page's fields are the served ones. A field that the server takes as it comes may have a narrower type
    there, and one that is left out when it is null need not name null."""
    return list(shown) == list(served) and all(
        served[name] in (shown[name], f"{shown[name]} or null" if name.endswith("?") else None, "anything")
        for name in shown
    )


def data_of(contract: Any, message: Any) -> dict[str, str]:
    return fields_of(contract["schemas"][message["data"]["$ref"].rpartition("/")[2]])


# -- the socket ---------------------------------------------------------------------------------------------------


def test_client_messages_are_those_that_are_served(contract: Any) -> None:
    shown = {code(row[0]): row for row in table("protocol.md", "Client messages")}
    assert list(shown) == [message["type"] for message in contract["client_messages"]]
    for message in contract["client_messages"]:
        _, data, feature, meaning, error = shown[message["type"]]
        assert same_fields(shown_fields(data), data_of(contract, message)), message
        assert re.findall(r"`(\w+)`", feature) == message["features"]
        assert code(error) == message["error"]
        assert meaning.endswith(".")


def test_server_messages_are_those_that_are_served(contract: Any) -> None:
    shown = table("protocol.md", "Server messages")
    assert Counter(code(row[0]) for row in shown) == Counter(each["type"] for each in contract["server_messages"])
    for message in contract["server_messages"]:
        served = data_of(contract, message)
        matching = [
            row for row in shown if code(row[0]) == message["type"] and same_fields(shown_fields(row[1]), served)
        ]
        assert matching, (message["type"], served)
        who = matching[0][2]
        assert (who == "base") == message["base"]
        assert re.findall(r"`(\w+)`", who) == message["features"]


@pytest.mark.parametrize(
    ("heading", "served_key", "name_key"),
    [("Error reasons", "errors", "reason"), ("Features", "features", "name")],
)
def test_names_are_those_that_are_served(contract: Any, heading: str, served_key: str, name_key: str) -> None:
    shown = {code(row[0]): row[1] for row in table("protocol.md", heading)}
    assert list(shown) == [each[name_key] for each in contract[served_key]]
    assert all(meaning.endswith(".") for meaning in shown.values())


def test_close_codes_are_those_that_are_served(contract: Any) -> None:
    shown = [(int(row[0]), code(row[1]), row[2]) for row in table("protocol.md", "Close codes")]
    assert shown == [
        (each["code"], each["name"], "yes" if each["reconnect"] else "no") for each in contract["close_codes"]
    ]


def test_limits_and_timers_are_those_in_force_by_default(contract: Any) -> None:
    shown = {code(row[0]): row[1] for row in table("protocol.md", "Limits and timers")}
    served = {**contract["limits"], **contract["timers"]}
    assert shown == {
        name: f"{value[0]} to {value[1]}" if isinstance(value, list) else f"{value:g}" if value < 1e5 else str(value)
        for name, value in served.items()
    }


def test_paths_are_those_that_are_served(contract: Any) -> None:
    transport = section(PAGE, "Transport")
    assert all(f"`{path}`" in transport for path in contract["transport"]["paths"])
    assert contract["transport"]["compression"] is False
    assert f"{Settings().max_message_bytes:,} bytes" in transport
    assert f"localhost:{Settings().port}`" in transport


# -- HTTP ---------------------------------------------------------------------------------------------------------


def shown_calls() -> dict[tuple[str, str], list[str]]:
    found = {}
    for row in table("protocol.md", *CALL_TABLES):
        method, _, path = code(row[0]).partition(" ")
        assert "<br>" in row[0], row[0]
        found[path, method.lower()] = row
    return found


def shown_problems(cell: str) -> set[tuple[str, str]]:
    return {
        (status, name)
        for status, names in re.findall(r"(\d{3}) ((?:`\w+`(?:, )?)+)", cell)
        for name in re.findall(r"`(\w+)`", names)
    }


def test_calls_are_those_that_are_served(api: Any) -> None:
    assert set(shown_calls()) == {(path, method) for path, item in api["paths"].items() for method in item}


def test_bodies_answers_and_errors_are_those_that_are_served(api: Any) -> None:
    for (path, method), (_, caller, body, answer, errors) in shown_calls().items():
        served = api["paths"][path][method]
        told = {
            (status, name)
            for status, response in served["responses"].items()
            if status >= "400"
            for name in response["description"].split(", ")
        }
        assumed = set()
        if served["security"]:
            assumed |= {("401", "authentication_required"), ("403", "invalid_token"), ("403", "user_banned")}
        if "requestBody" in served or any(each["in"] == "query" for each in served.get("parameters", [])):
            assumed.add(("400", "invalid_request"))
        assert assumed <= told, path
        assert shown_problems(errors) == told - assumed, (method, path)

        who = "anyone" if not served["security"] else "admin" if ("403", "admin_required") in told else "user"
        assert caller == who, (method, path)
        wanted = served.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
        assert body == ("–" if wanted is None else f"`{type_of(wanted)}`"), (method, path)

        told_answers = []
        for status, response in served["responses"].items():
            if status < "400":
                schema = response.get("content", {}).get("application/json", {}).get("schema")
                told_answers.append(status if schema is None else f"{status} `{type_of(schema)}`")
        assert answer == ", ".join(told_answers), (method, path)

        for parameter in served.get("parameters", []):
            if parameter["in"] == "query":
                assert f"`?{parameter['name']}=" in shown_calls()[path, method][0]


def test_types_are_those_that_are_served(api: Any, contract: Any) -> None:
    shown = {code(row[0]): shown_fields(row[1]) for row in table("protocol.md", "Types")}
    served = dict(api["components"]["schemas"])
    assert {"enum"} <= set(served.pop("ApiCode"))
    for name in named_in(contract):  # what messages are made of
        served.setdefault(name, contract["schemas"][name])
    assert set(shown) == set(served)
    for name, schema in served.items():
        assert same_fields(shown[name], fields_of(schema)), name


def named_in(contract: Any) -> set[str]:
    """The types of fields of messages, the reasons of errors left out."""
    messages = {each["data"]["$ref"].rpartition("/")[2] for each in contract["client_messages"]}
    messages |= {each["data"]["$ref"].rpartition("/")[2] for each in contract["server_messages"]}
    return set(contract["schemas"]) - messages - {"ErrorReason"}


def test_error_codes_are_those_that_are_served(api: Any) -> None:
    shown = [code(row[0]) for row in table("protocol.md", "HTTP error codes")]
    assert sorted(shown) == sorted(api["components"]["schemas"]["ApiCode"]["enum"])
    assert len(shown) == len(set(shown))


def test_every_table_of_the_page_is_compared() -> None:
    """A new section with a table needs a test of its own."""
    compared = {
        "Client messages", "Server messages", "Error reasons", "Close codes", *CALL_TABLES, "Types",
        "HTTP error codes", "Features", "Limits and timers", "Transport", "Tokens",
    }  # fmt: skip
    assert len(rows(PAGE)) == sum(len(table("protocol.md", heading)) for heading in compared)


# -- what is shown, done ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("example", examples("transcript"), ids=str)
def test_exchange_happens_as_it_is_shown(target: Target, example: Example) -> None:
    replay = Replay(target)
    try:
        assert replay.play(example.text) > 0
    finally:
        replay.close()


@pytest.mark.parametrize("example", examples("json"), ids=str)
def test_message_that_is_shown_fits_its_schema(contract: Any, example: Example) -> None:
    known = [*contract["client_messages"], *contract["server_messages"]]
    for line in example.text.strip().splitlines():
        message = json.loads(line)
        schemas = [data_of(contract, each) for each in known if each["type"] == message["type"]]
        assert list(message) == ["type", "data"]
        assert any(
            set(message["data"]) <= {name.rstrip("?") for name in schema}
            and {name for name in schema if not name.endswith("?")} <= set(message["data"])
            for schema in schemas
        ), line

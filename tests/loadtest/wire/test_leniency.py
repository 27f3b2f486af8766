"""Ids that are text."""

from __future__ import annotations

import json

import pytest

from loadtest.client.counters import UNDECODABLE
from loadtest.wire.messages.leniency import id_number, with_numbers
from loadtest.wire.messages.memo import Memo


def test_digits_are_their_number_and_other_texts_have_one_of_their_own():
    assert id_number("17") == 17
    others = {id_number(text) for text in ("user-1", "user-2", "9f1c", "１７", "1" * 19)}
    assert len(others) == 5
    assert all(1 << 60 <= number < 1 << 61 for number in others), "no id that a server counts, and a column takes it"
    assert id_number("user-1") == id_number("user-1")


def test_a_message_with_text_for_its_ids_is_heard_as_one_with_numbers():
    heard = Memo().get(b'{"type":"user_online","data":{"user_id":"17","username":"a"}}')
    assert (heard.name, heard.user_id, heard.is_online) == ("user_online", 17, True)
    batch = Memo().get(b'{"type":"presence_changed","data":{"online":[{"user_id":"x","username":"a"}],"offline":[]}}')
    assert batch.message is not None
    assert batch.message.online[0].user_id == id_number("x")


@pytest.mark.parametrize(
    ("payload", "why"),
    [
        (b"this is no JSON", ""),
        (b'{"type":"pong","data":{}}', "ts"),
        (b'{"type":"user_online","data":{"user_id":"17"}}', "username"),
        (b"[" * 5000, ""),
        (b'{"type":"user_online","data":{"user_id":1.5,"username":"a"}}', ""),
    ],
)
def test_what_lacks_more_than_that_is_not_understood_and_says_why(payload: bytes, why: str):
    heard = Memo().get(payload)
    assert (heard.name, heard.message) == (UNDECODABLE, None)
    assert why in heard.why
    assert heard.why


def test_a_message_without_text_ids_is_left_alone():
    assert with_numbers(b'{"type":"pong","data":{"ts":1}}') is None
    assert json.loads(with_numbers(b'{"a":[{"peerId":"3"}]}') or b"") == {"a": [{"peerId": 3}]}

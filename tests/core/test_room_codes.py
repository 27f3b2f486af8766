"""Codes that players tell each other: what one version says, another has to understand."""

from __future__ import annotations

import pytest

from lobby_server.core.room_codes import ALPHABET, code_of


@pytest.mark.parametrize(
    ("room_id", "code"), [("", "CCTB5T"), ("r", "ERUGWC"), ("01234567-89ab-4def-8000-000000000000", "5M62ER")]
)
def test_code_of_a_room_is_the_same_in_every_version(room_id: str, code: str) -> None:
    assert code_of(room_id) == code


def test_codes_use_every_character_in_every_place() -> None:
    codes = [code_of(str(number)) for number in range(2000)]
    assert all({code[place] for code in codes} == set(ALPHABET) for place in range(6))

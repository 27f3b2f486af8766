"""A planted fault is there for everybody who calls what it is in, and gone afterwards."""

from __future__ import annotations

import pytest

from bench.simulation.clients import connection
from lobby_server.protocol.codes import CloseCode
from tests.bench.simulation.planted.mutants import mutant_of

DRAINED = CloseCode.GOING_AWAY.to_bytes(2, "big")


def test_function_is_another_one_where_it_was_imported_by_its_name() -> None:
    original = connection.ended_by_close_frame
    assert original(DRAINED).refused is None
    with pytest.MonkeyPatch.context() as monkeypatch:
        mutant_of("a closed connection is not opened again").put_in(monkeypatch)
        assert connection.ended_by_close_frame(DRAINED).refused == "going_away"
    assert connection.ended_by_close_frame is original

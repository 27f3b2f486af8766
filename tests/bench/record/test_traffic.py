"""Bytes are believed where the kernel counted the same ones, and every client was there to the end."""

from __future__ import annotations

import msgspec
import pytest

from bench.record.traffic import ClientBytes, TrafficGroup
from tests.bench.runs import a_group


def group(**changes: int | None) -> TrafficGroup:
    """Four clients, the first of which is changed."""
    found = a_group("push", requests=2, framed=152, wire=464)
    first: ClientBytes = msgspec.structs.replace(found.clients[0], **changes)
    return msgspec.structs.replace(found, clients=[first, *found.clients[1:]])


def test_framed_bytes_are_both_directions() -> None:
    client = group().clients[0]
    assert (client.framed_up_bytes, client.framed_down_bytes) == (38, 114)
    assert client.framed_bytes == 152


def test_group_that_the_kernel_confirms_is_neither_invalid_nor_suspect() -> None:
    assert (group().invalid, group().suspect) == ("", "")


@pytest.mark.parametrize("changes", [{"kernel_sent_bytes": 37}, {"kernel_received_bytes": 115}])
def test_one_byte_of_difference_from_the_kernel_is_no_measurement(changes: dict[str, int]) -> None:
    assert group(**changes).invalid == "TCP_INFO disagrees with our count (1 clients)"


def test_client_that_the_kernel_did_not_count_is_a_doubt_and_no_disagreement() -> None:
    found = group(kernel_sent_bytes=None, kernel_received_bytes=None)
    assert found.invalid == ""
    assert found.suspect == "no TCP_INFO on this system: bytes not checked"


def test_lost_connection_is_worse_than_what_the_kernel_says() -> None:
    found = msgspec.structs.replace(group(kernel_sent_bytes=1), unexpected_losses=2)
    assert found.invalid == "connections were lost (2)"


def test_group_without_clients_has_nothing_to_doubt() -> None:
    nobody = msgspec.structs.replace(group(), clients=[])
    assert (nobody.invalid, nobody.suspect) == ("", "")

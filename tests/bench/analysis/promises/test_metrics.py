"""Claims of the section "Performance Metrics": bytes by hand, and the verdict that follows."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from bench.analysis.derived.overview import derive
from bench.analysis.promises.metrics import rule_on_metrics
from bench.analysis.promises.promise import Promise
from bench.analysis.verdicts import Verdict
from bench.record.findings import Findings
from bench.record.traffic import Connect, MessageSize
from tests.bench.analysis.promises.upheld import upheld
from tests.bench.runs import a_group, a_run, an_idle_result


def claims(words: str, found: Findings) -> list[Promise]:
    run = a_run(found)
    return [each for each in upheld(run, lambda: rule_on_metrics(derive(run))) if words in each.claim]


def claim(words: str, found: Findings) -> Promise:
    """That of the specification, not a variant of the lab."""
    [promise] = [each for each in claims(words, found) if not each.is_variant]
    return promise


def messages(**sizes: int) -> Findings:
    found = an_idle_result()
    assert found.traffic is not None
    told = [MessageSize(name=name, n=1, message_bytes=size) for name, size in sizes.items()]
    return replace(found, traffic=replace(found.traffic, sizes=told))


def connects(*parts: tuple[int, int, int, int]) -> Findings:
    found = an_idle_result()
    assert found.traffic is not None
    counted = [
        Connect(
            upgrade_request_bytes=request, upgrade_response_bytes=response, handshake_message_bytes=handshake,
            accepted_message_bytes=accepted,
        )
        for request, response, handshake, accepted in parts
    ]  # fmt: skip
    return replace(found, traffic=replace(found.traffic, connects=counted))


# -- messages ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("size", "verdict"), [(35, Verdict.HOLDS), (36, Verdict.DOES_NOT_HOLD)])
def test_message_is_judged_in_its_frame_up_to_a_quarter_above_the_claim(size: int, verdict: Verdict) -> None:
    """30 bytes and a quarter are 37.5; a frame down has two bytes of header."""
    assert claim("Room update notification", messages(rooms_changed=size)).ruling.verdict is verdict


def test_cheaper_message_than_claimed_breaks_nothing() -> None:
    assert claim("User status notification", messages(user_online=1)).ruling.verdict is Verdict.HOLDS


def test_layers_of_a_heartbeat_are_told_both_ways() -> None:
    """Up: a header of 2 and a mask of 4, one TCP header; down: a header of 2, and two of TCP."""
    found = claim("Heartbeat", messages(ping=25, pong=43))
    assert found.measured == ("ping 25 B, 31 B framed, 83 B with TCP/IP; pong 43 B, 45 B framed, 149 B with TCP/IP")


@pytest.mark.parametrize(("ping", "pong"), [(57, 1), (1, 61)])
def test_heartbeat_is_judged_by_the_larger_of_its_messages(ping: int, pong: int) -> None:
    """62.5 bytes are allowed: 57 masked and 61 unmasked are 63."""
    assert claim("Heartbeat", messages(ping=ping, pong=pong)).ruling.verdict is Verdict.DOES_NOT_HOLD


def test_message_that_never_occurred_is_not_measured() -> None:
    found = claim("User status notification", messages(ping=25))
    assert (found.ruling.verdict, found.measured) == (Verdict.NOT_MEASURED, "")


# -- the handshake -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("upgrade", "verdict"), [(150, Verdict.HOLDS), (151, Verdict.DOES_NOT_HOLD)])
def test_handshake_is_upgrade_and_both_messages_in_their_frames(upgrade: int, verdict: Verdict) -> None:
    """250 bytes are allowed: 150 + 50 + (20 + 6) + (22 + 2)."""
    assert claim("Initial handshake", connects((upgrade, 50, 20, 22))).ruling.verdict is verdict


def test_handshake_is_that_of_the_client_in_the_middle() -> None:
    found = claim("Initial handshake", connects((900, 1, 1, 1), (100, 50, 20, 22), (1, 1, 1, 1)))
    assert found.measured.startswith("200 B: HTTP upgrade 100 B + 50.0 B, handshake with token 26.0 B")


def test_handshake_is_of_the_specifications_kind_of_client_and_not_of_one_that_asks_for_features() -> None:
    """Their handshakes and answers are longer, and two of three clients are such."""
    found = connects((100, 50, 20, 22), (100, 50, 60, 80), (100, 50, 70, 90))
    assert found.traffic is not None
    sizes = [
        MessageSize(name=name, n=1, message_bytes=size)
        for name, size in (("handshake", 20), ("handshake_accepted", 22))
    ]
    found = replace(found, traffic=replace(found.traffic, sizes=sizes))
    own = claim("Initial handshake", found)
    assert own.measured.startswith("200 B: HTTP upgrade 100 B + 50.0 B, handshake with token 26.0 B")
    assert own.ruling.verdict is Verdict.HOLDS


def test_of_two_handshakes_the_smaller_is_told() -> None:
    assert claim("Initial handshake", connects((900, 1, 1, 1), (100, 50, 20, 22))).measured.startswith("200 B:")


# -- an idle minute ------------------------------------------------------------------------------------------------


def idle(*groups: tuple[str, int, int, int]) -> Findings:
    """Way, rooms, framed bytes and bytes with TCP/IP of a minute, in which each client acts twice."""
    return an_idle_result(
        [a_group(way, requests=2, framed=framed, wire=wire, rooms=rooms) for way, rooms, framed, wire in groups]
    )


@pytest.mark.parametrize(
    ("framed", "verdict"),
    [
        ((1_000, 1_200), Verdict.HOLDS),
        ((800, 1_000), Verdict.HOLDS),
        ((2_000, 4_000), Verdict.UNDERSTATES),
        ((1_000, 4_000), Verdict.DOES_NOT_HOLD),
        ((200, 1_000), Verdict.DOES_NOT_HOLD),
    ],
)
def test_request_costs_500_bytes_at_every_length_of_the_list_or_more_at_every_one(
    framed: tuple[int, int], verdict: Verdict
) -> None:
    """Two requests in the minute."""
    groups = [("polling", rooms, each, 9_000) for rooms, each in zip((10, 50), framed, strict=True)]
    assert claim("500 bytes/request", idle(*groups)).ruling.verdict is verdict


def test_bytes_of_a_request_are_told_by_the_length_of_the_list_and_beside_the_claim() -> None:
    found = claim("500 bytes/request", idle(("polling", 50, 10_000, 11_000), ("polling", 10, 1_000, 1_200)))
    assert found.measured == "500 B with 10 rooms, 5.00 KB with 50 rooms: 1.0, 10 times the claim"


def test_minute_in_which_nobody_asked_has_no_cost_of_a_request() -> None:
    found = an_idle_result(
        [
            a_group("polling", requests=0, framed=0, wire=0),
            a_group("polling", requests=2, framed=900, wire=1_000, rooms=50),
        ]
    )
    assert claim("500 bytes/request", found).measured.startswith("450 B with 50 rooms")


@pytest.mark.parametrize(("framed", "verdict"), [((90, 125), Verdict.HOLDS), ((90, 126), Verdict.DOES_NOT_HOLD)])
def test_push_is_judged_by_the_costliest_list(framed: tuple[int, int], verdict: Verdict) -> None:
    groups = [("push", rooms, each, 300) for rooms, each in zip((10, 50), framed, strict=True)]
    assert claim("100 bytes/minute", idle(*groups)).ruling.verdict is verdict


@pytest.mark.parametrize(
    ("push", "verdict"),
    [
        ((10, 90), Verdict.HOLDS),
        ((11, 90), Verdict.DOES_NOT_HOLD),
        ((10, 101), Verdict.DOES_NOT_HOLD),
    ],
    ids=["both", "framed are too many", "with TCP/IP they are too many"],
)
def test_savings_of_99_percent_are_of_both_layers(push: tuple[int, int], verdict: Verdict) -> None:
    found = idle(("polling", 10, 1_000, 10_000), ("push", 10, *push))
    assert claim("bandwidth reduction during idle", found).ruling.verdict is verdict


def test_savings_are_of_lists_of_one_length_and_at_every_length() -> None:
    groups = [("polling", 10, 1_000, 10_000), ("polling", 50, 9_000, 90_000), ("push", 50, 9, 90)]
    assert claim("bandwidth reduction during idle", idle(*groups)).ruling.verdict is Verdict.HOLDS
    worse = [*groups, ("push", 10, 20, 200)]
    assert claim("bandwidth reduction during idle", idle(*worse)).ruling.verdict is Verdict.DOES_NOT_HOLD
    apart = [groups[0], groups[2]]
    assert claim("bandwidth reduction during idle", idle(*apart)).ruling.verdict is Verdict.NOT_MEASURED


def test_saving_against_etag_is_told_beside_and_judges_the_claim_in_nothing() -> None:
    found = idle(("polling", 10, 1_000, 10_000), ("polling_etag", 10, 100, 200), ("push", 10, 10, 90))
    [own, variant] = claims("bandwidth reduction during idle", found)
    assert (own.is_variant, own.ruling.verdict) == (False, Verdict.HOLDS)
    assert (variant.is_variant, variant.ruling.verdict) == (True, Verdict.DOES_NOT_HOLD)
    assert variant.measured == "90 % framed, 10 rooms; 55 % with TCP/IP, 10 rooms"

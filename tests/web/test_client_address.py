"""Whose address counts: chains of proxies, what clients make up, IPv6."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lobby_server.core.addresses import bucket_of
from lobby_server.web.client_address import Client, Network, ProxyTrust

CDN = "198.51.100.7"
PROXY = "10.0.0.2"
CLIENT = "203.0.113.9"


def networks(*texts: str) -> tuple[Network, ...]:
    return tuple(ipaddress.ip_network(text) for text in texts)


NOBODY = ProxyTrust()
ONE_HOP = ProxyTrust(hops=1)
TWO_HOPS = ProxyTrust(hops=2)
BY_NETWORK = ProxyTrust(networks=networks("10.0.0.0/8", "198.51.100.0/24", "2001:db8:cd::/48"))
BOTH = ProxyTrust(networks=networks("10.0.0.0/8", "198.51.100.0/24"), hops=1)


@pytest.mark.parametrize(
    ("trust", "peer", "forwarded_for", "expected"),
    [
        # Nobody's word: the peer is the client
        (NOBODY, CLIENT, "1.1.1.1", CLIENT),
        (NOBODY, CLIENT, None, CLIENT),
        # One proxy: the last entry, whatever the client wrote before it
        (ONE_HOP, PROXY, CLIENT, CLIENT),
        (ONE_HOP, PROXY, f"1.1.1.1, {CLIENT}", CLIENT),
        (ONE_HOP, PROXY, None, PROXY),
        (ONE_HOP, PROXY, "", PROXY),
        # A CDN before the proxy: with one hop all its clients are one, with two they are not
        (ONE_HOP, PROXY, f"{CLIENT}, {CDN}", CDN),
        (TWO_HOPS, PROXY, f"{CLIENT}, {CDN}", CLIENT),
        (TWO_HOPS, PROXY, f"1.1.1.1, {CLIENT}, {CDN}", CLIENT),
        (TWO_HOPS, PROXY, CLIENT, CLIENT),  # went past the CDN: the proxy's own peer
        # Networks: as far as they vouch
        (BY_NETWORK, PROXY, f"1.1.1.1,{CLIENT} ,\t{CDN}", CLIENT),
        (BY_NETWORK, PROXY, CLIENT, CLIENT),
        (BY_NETWORK, CLIENT, "1.1.1.1", CLIENT),  # no proxy of ours
        (BY_NETWORK, "2001:db8:cd::5", CLIENT, CLIENT),
        (BY_NETWORK, PROXY, f"10.1.1.1, {PROXY}", "10.1.1.1"),  # a client inside: the first that was named
        (BY_NETWORK, "::ffff:10.0.0.2", CLIENT, CLIENT),  # a dual-stack socket's way to say 10.0.0.2
        # Both: in these networks, and no further than the hops
        (BOTH, PROXY, f"{CLIENT}, {CDN}", CDN),
        (BOTH, CLIENT, "1.1.1.1", CLIENT),
        # As proxies write addresses
        (ONE_HOP, PROXY, f"{CLIENT}:51234", CLIENT),
        (ONE_HOP, PROXY, "[2001:db8::9]:443", "2001:db8::9"),
        (ONE_HOP, PROXY, "2001:DB8:0::9", "2001:db8::9"),
        (ONE_HOP, PROXY, "::ffff:203.0.113.9", CLIENT),
        (ONE_HOP, PROXY, "fe80::1%eth0", "fe80::1"),
        # Nonsense: the proxy is all that is known
        (ONE_HOP, PROXY, "unknown", PROXY),
        (ONE_HOP, PROXY, "_hidden", PROXY),
        (ONE_HOP, PROXY, f"{CLIENT}, ", PROXY),
        (TWO_HOPS, PROXY, f"{CLIENT}, unknown, {CDN}", CDN),
        (BY_NETWORK, PROXY, "1.2.3.4.5", PROXY),
        # A Unix socket has no address
        (NOBODY, "", "1.1.1.1", ""),
        (ONE_HOP, "", CLIENT, CLIENT),
        (BY_NETWORK, "", CLIENT, ""),
    ],
)
def test_client_is_the_first_that_no_trusted_proxy_vouches_for(
    trust: ProxyTrust, peer: str, forwarded_for: str | None, expected: str
) -> None:
    assert trust.client(peer, forwarded_for).address == expected


@pytest.mark.parametrize(
    ("trust", "peer", "forwarded_proto", "expected"),
    [
        (NOBODY, PROXY, "https", None),
        (ONE_HOP, PROXY, "https", "https"),
        (ONE_HOP, PROXY, "HTTP", "http"),
        (ONE_HOP, PROXY, "wss", "https"),
        (ONE_HOP, PROXY, "https, http", "http"),  # the client wrote the first
        (ONE_HOP, PROXY, "javascript", None),
        (ONE_HOP, PROXY, None, None),
        (BY_NETWORK, CLIENT, "https", None),
        (BY_NETWORK, PROXY, "https", "https"),
    ],
)
def test_scheme_is_what_a_trusted_proxy_says(
    trust: ProxyTrust, peer: str, forwarded_proto: str | None, expected: str | None
) -> None:
    assert trust.client(peer, CLIENT, forwarded_proto).scheme == expected


def test_scheme_of_a_chain_is_the_one_beside_the_client() -> None:
    assert TWO_HOPS.client(PROXY, f"{CLIENT}, {CDN}", "https, http").scheme == "https"
    assert TWO_HOPS.client(PROXY, f"{CLIENT}, {CDN}", "https").scheme == "https"


def test_one_ipv6_network_of_64_bits_is_one_bucket() -> None:
    buckets = {Client(f"2001:db8:0:1::{number:x}").bucket for number in range(100)}
    assert buckets == {"2001:db8:0:1::/64"}
    assert Client("2001:db8:0:2::1").bucket == "2001:db8:0:2::/64"


def test_mapped_ipv4_is_the_bucket_of_the_ipv4_address() -> None:
    assert bucket_of("::ffff:203.0.113.9") == bucket_of("203.0.113.9") == "203.0.113.9"
    assert NOBODY.client("::ffff:203.0.113.9").bucket == "203.0.113.9"
    assert bucket_of("") == ""


@given(st.text(max_size=200), st.text(max_size=50))
def test_no_header_brings_anything_but_an_address(forwarded_for: str, forwarded_proto: str) -> None:
    for trust in (ONE_HOP, TWO_HOPS, BY_NETWORK):
        client = trust.client(PROXY, forwarded_for, forwarded_proto)
        ipaddress.ip_address(client.address)
        assert client.scheme in (None, "http", "https")


@given(st.lists(st.ip_addresses().map(str), max_size=5))
def test_what_a_client_writes_changes_nothing(made_up: list[str]) -> None:
    for trust, behind in ((ONE_HOP, [CLIENT]), (TWO_HOPS, [CLIENT, CDN]), (BY_NETWORK, [CLIENT, CDN])):
        assert trust.client(PROXY, ", ".join([*made_up, *behind])).address == CLIENT


def test_list_without_end_is_looked_at_only_at_its_end() -> None:
    trust = ProxyTrust(networks=networks("0.0.0.0/0"))
    assert trust.client(PROXY, ", ".join(["1.1.1.1"] * 100_000)).address == "1.1.1.1"

"""Extension offers, and what a response may say of them: RFC 6455 section 9.1, RFC 7692 sections 5 and 7.1."""

from __future__ import annotations

from collections.abc import Callable

from tests.conformance.case import OFFER, Case, RequestCase, any_of, upgrade
from tests.conformance.wire import Agreed, read_agreed

_Rule = Callable[[str | None], bool]
_OFFER = "RFC 7692 5.1, 7.1"
_DECLINE = "RFC 7692 7.1"
_SYNTAX = "RFC 6455 9.1"
_SYNTAX_NOTE = "refused, or taken for no offer at all; never a fault of the server"


def _agreed(holds: Callable[[Agreed], bool] = lambda agreed: True, *, may_decline: bool = False) -> _Rule:
    """Accepted, with parameters that hold."""

    def rule(value: str | None) -> bool:
        return may_decline if value is None else holds(read_agreed(value))

    return rule


def _declined(value: str | None) -> bool:
    return value is None


def _no_client_bits(value: str | None) -> bool:
    return value is not None and "client_max_window_bits" not in value


def _offer(name: str, source: str, *offers: str, rule: _Rule, note: str = "") -> Case:
    sent = upgrade(*(f"Sec-WebSocket-Extensions: {offer}" for offer in offers))
    return RequestCase(name, source, (sent,), any_of(101), extension=rule, note=note)


def _malformed(value: str) -> Case:
    sent = upgrade(f"Sec-WebSocket-Extensions: {value}")
    return RequestCase(
        f"malformed {value!r}", _SYNTAX, (sent,), any_of(101, 400), extension=_declined, note=_SYNTAX_NOTE
    )


CASES: tuple[Case, ...] = (
    _offer("bare offer", _OFFER, OFFER, rule=_no_client_bits, note="client_max_window_bits only where it was offered"),
    _offer("no offer", _OFFER, rule=_declined),
    _offer("unknown extension", "RFC 6455 9.1", "x-unknown; a=1; b", rule=_declined),
    _offer("unknown, then deflate", _OFFER, f"x-unknown, {OFFER}", rule=_agreed()),
    _offer("blanks around everything", _SYNTAX, f"  {OFFER} ;  server_no_context_takeover  ",
           rule=_agreed(lambda agreed: agreed.server_no_context_takeover)),
    # -- parameters
    _offer("server_no_context_takeover", "RFC 7692 7.1.1.1", f"{OFFER}; server_no_context_takeover",
           rule=_agreed(lambda agreed: agreed.server_no_context_takeover)),
    _offer("client_no_context_takeover", "RFC 7692 7.1.1.2", f"{OFFER}; client_no_context_takeover", rule=_agreed()),
    _offer("both without takeover", "RFC 7692 7.1.1",
           f"{OFFER}; client_no_context_takeover; server_no_context_takeover",
           rule=_agreed(lambda agreed: agreed.server_no_context_takeover)),
    *(
        _offer(f"server_max_window_bits={bits}", "RFC 7692 7.1.2.1", f"{OFFER}; server_max_window_bits={bits}",
               rule=_agreed(lambda agreed, bits=bits: agreed.server_max_window_bits <= bits,  # type: ignore[misc]
                            may_decline=True), note="as small or smaller; or declined")
        for bits in (8, 9, 10, 12, 15)
    ),
    _offer("server_max_window_bits quoted", "RFC 6455 9.1", f'{OFFER}; server_max_window_bits="10"',
           rule=_agreed(lambda agreed: agreed.server_max_window_bits <= 10, may_decline=True)),
    _offer("client_max_window_bits", "RFC 7692 7.1.2.2", f"{OFFER}; client_max_window_bits", rule=_agreed()),
    *(
        _offer(f"client_max_window_bits={bits}", "RFC 7692 7.1.2.2", f"{OFFER}; client_max_window_bits={bits}",
               rule=_agreed(may_decline=True), note="may be declined, or repeated as small or smaller")
        for bits in (8, 9, 10, 15)
    ),
    _offer("all four", "RFC 7692 7.1", f"{OFFER}; server_no_context_takeover; client_no_context_takeover; "
           "server_max_window_bits=12; client_max_window_bits=12",
           rule=_agreed(lambda agreed: agreed.server_no_context_takeover and agreed.server_max_window_bits <= 12,
                        may_decline=True)),
    # -- illegal ones are declined
    *(
        _offer(f"illegal {parameter}", _DECLINE, f"{OFFER}; {parameter}", rule=_declined)
        for parameter in (
            "server_max_window_bits",
            "server_max_window_bits=7",
            "server_max_window_bits=16",
            "server_max_window_bits=0",
            "server_max_window_bits=08",
            "server_max_window_bits=abc",
            "server_max_window_bits=-9",
            "server_max_window_bits=100",
            "client_max_window_bits=7",
            "client_max_window_bits=16",
            "client_max_window_bits=09",
            "client_max_window_bits=abc",
            "server_no_context_takeover=1",
            "client_no_context_takeover=true",
            "unknown",
            "unknown=1",
            "server_no_context_takeover; server_no_context_takeover",
            "client_no_context_takeover; client_no_context_takeover",
            "server_max_window_bits=10; server_max_window_bits=10",
            "client_max_window_bits; client_max_window_bits=10",
        )
    ),
    # -- several offers: the first that can be taken
    _offer("illegal, then good", "RFC 7692 5.1, 7.1", f"{OFFER}; server_max_window_bits=7, {OFFER}", rule=_agreed()),
    _offer("unknown parameter, then good", "RFC 7692 5.1",
           f"{OFFER}; x, {OFFER}; server_no_context_takeover",
           rule=_agreed(lambda agreed: agreed.server_no_context_takeover)),
    _offer("two good ones", "RFC 7692 5.1, 7.1.3", f"{OFFER}; server_no_context_takeover, {OFFER}", rule=_agreed(),
           note="in the client's order of preference, which a server may override"),
    _offer("two lines", "RFC 6455 9.1", "x-unknown", OFFER, rule=_agreed()),
    _offer("two lines, the first illegal", "RFC 6455 9.1", f"{OFFER}; server_max_window_bits=99", OFFER,
           rule=_agreed()),
    _offer("all illegal", "RFC 7692 7.1", f"{OFFER}; a, {OFFER}; b", rule=_declined),
    _offer("unknown behind a good one", "RFC 6455 9.1", f"{OFFER}, x-unknown; a", rule=_agreed()),
    # -- not even the syntax
    *(
        _malformed(value)
        for value in (
            ";",
            "=",
            f"{OFFER};",
            f"{OFFER};;",
            f"{OFFER}; =3",
            f"{OFFER}; a=",
            f'{OFFER}; a="unterminated',
            f'{OFFER}; a="',
            f"{OFFER} x",
            f"{OFFER}; a b",
            f"{OFFER}; server_max_window_bits=",
            f'{OFFER}; server_max_window_bits=""',
            f"({OFFER})",
            '"',
            "a;b;c=;",
        )
    ),
    RequestCase("nothing offered in an empty value", _SYNTAX, (upgrade("Sec-WebSocket-Extensions:"),),
                any_of(101, 400), extension=_declined),
)  # fmt: skip

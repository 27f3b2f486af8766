"""What a run is told: the swarm's options on Locust's command line and in its web form, read and checked once.

Nothing here imports Locust: the parser is handed in.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from random import SystemRandom
from typing import Any
from urllib.parse import urlsplit

from loadtest.client import Feature, FixedReconnect, JitterReconnect, ReconnectPolicy, looks_like_jwt

FEATURES = tuple(feature.value for feature in Feature)

RECONNECT_POLICIES: Mapping[str, type[FixedReconnect] | type[JitterReconnect]] = {
    "jitter": JitterReconnect,
    "fixed": FixedReconnect,
}


class UsageError(ValueError):
    """An option that cannot be used. The text is one sentence that says what to do."""


@dataclass(frozen=True, kw_only=True)
class SwarmOptions:
    """Times in seconds, shares from 0 to 1. Construction checks; raises `UsageError`."""

    seed: int
    tokens_file: Path | None
    poller_share: float
    is_poll_conditional: bool
    heartbeat_s: float
    poll_interval_s: float
    room_interval_s: float
    """Mean time between the rooms of one player; 0: nobody makes rooms."""
    room_lifetime_s: float
    drop_share: float
    drop_interval_s: float
    reconnect_policy: str
    ws_path: str
    json_file: Path | None
    features: frozenset[Feature] = frozenset()
    """What players ask for in their handshake."""

    def __post_init__(self) -> None:
        for flag, share in (("--poller-share", self.poller_share), ("--drop-share", self.drop_share)):
            _require(0 <= share <= 1, flag, "a share from 0 to 1")
        for flag, time_s in (
            ("--heartbeat-interval-s", self.heartbeat_s),
            ("--poll-interval-s", self.poll_interval_s),
            ("--drop-interval-s", self.drop_interval_s),
        ):
            _require(0 < time_s < math.inf, flag, "above 0 seconds")
        _require(0 <= self.room_interval_s < math.inf, "--room-interval-s", "0 seconds or more")
        _require(self.room_lifetime_s > 0, "--room-lifetime-s", "above 0 seconds")
        if self.room_interval_s:
            _require(self.room_lifetime_s <= self.room_interval_s, "--room-lifetime-s", "at most --room-interval-s")
        _require(
            self.reconnect_policy in RECONNECT_POLICIES, "--reconnect-policy", f"one of {', '.join(RECONNECT_POLICIES)}"
        )
        _require(self.ws_path.startswith("/"), "--ws-path", "a path that starts with /")
        if self.json_file is not None and not self.json_file.absolute().parent.is_dir():
            raise UsageError(
                f"--swarm-json: the folder {self.json_file.absolute().parent} does not exist: make it first."
            )

    def new_reconnect_policy(self) -> ReconnectPolicy:
        return RECONNECT_POLICIES[self.reconnect_policy]()


def add_options(parser: argparse.ArgumentParser) -> None:
    """The swarm's flags. Locust shows them in its web form too, under the names without dashes."""
    group = parser.add_argument_group("lobby swarm")

    def add(flag: str, **how: Any) -> None:
        action = group.add_argument(flag, **how)
        action.include_in_web_ui = True  # type: ignore[attr-defined]  # Locust's parser sets it outside of groups only

    add("--tokens", metavar="FILE", default="",
        help="one JWT a line (lobby-server --data-dir D mint-tokens --count N > FILE); without it players make "
        "accounts over the API, which the server limits (its --auth-rate-per-min)")  # fmt: skip
    add("--seed", type=int, default=None, help="same seed: same players, rooms, phases and drops; default: drawn")
    add("--poller-share", type=float, default=0.0, help="share of users that poll instead of holding a socket")
    add("--poll-interval-s", type=float, default=3.0, help="time between two polls (s)")
    add("--poll-with-etag", action="store_true", help="pollers send If-None-Match")
    add("--heartbeat-interval-s", type=float, default=30.0, help="time between two pings of a player (s)")
    add("--room-interval-s", type=float, default=120.0, help="mean time between two rooms of a player (s); 0: no rooms")
    add("--room-lifetime-s", type=float, default=30.0, help="mean life of a room (s)")
    add("--drop-share", type=float, default=0.0, help="share of players that lose their connection now and then")
    add("--drop-interval-s", type=float, default=60.0, help="mean time between two losses of such a player (s)")
    add("--reconnect-policy", choices=tuple(RECONNECT_POLICIES), default="jitter",
        help="jitter: U(0, 5 s), then full-jitter exponential up to 30 s; fixed: every 5 s")  # fmt: skip
    add(
        "--features",
        metavar="NAMES",
        default="",
        help=f"features that players ask for, with commas between: {', '.join(FEATURES)}; default: the base protocol",
    )
    add("--ws-path", default="/", help="path of the WebSocket on the host")
    add("--swarm-json", metavar="FILE", default="", help="write the figures of the run to FILE at its end")


def read_options(values: Mapping[str, Any]) -> SwarmOptions:
    """From the parsed command line as a mapping. A seed that was not given is drawn. Raises `UsageError`."""
    seed = values.get("seed")
    return SwarmOptions(
        seed=SystemRandom().getrandbits(32) if seed in (None, "") else _number("--seed", seed, int),
        tokens_file=Path(values["tokens"]) if values.get("tokens") else None,
        poller_share=_number("--poller-share", values["poller_share"], float),
        is_poll_conditional=bool(values["poll_with_etag"]),
        heartbeat_s=_number("--heartbeat-interval-s", values["heartbeat_interval_s"], float),
        poll_interval_s=_number("--poll-interval-s", values["poll_interval_s"], float),
        room_interval_s=_number("--room-interval-s", values["room_interval_s"], float),
        room_lifetime_s=_number("--room-lifetime-s", values["room_lifetime_s"], float),
        drop_share=_number("--drop-share", values["drop_share"], float),
        drop_interval_s=_number("--drop-interval-s", values["drop_interval_s"], float),
        reconnect_policy=str(values["reconnect_policy"]),
        ws_path=str(values["ws_path"]),
        json_file=Path(values["swarm_json"]) if values.get("swarm_json") else None,
        features=read_features(str(values.get("features") or "")),
    )


def read_features(names: str) -> frozenset[Feature]:
    """``rev,drain`` → the two; blanks do not count. Raises `UsageError`."""
    asked = [name.strip() for name in names.split(",") if name.strip()]
    for name in asked:
        if name not in FEATURES:
            raise UsageError(f"--features: {name} is no feature: choose from {', '.join(FEATURES)}.")
    return frozenset(Feature(name) for name in asked)


def check_host(host: str | None) -> str:
    """The address without a slash at its end. Raises `UsageError`."""
    if not host:
        raise UsageError("Say which server to load: --host http://localhost:30820.")
    parts = urlsplit(host)
    try:
        is_usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is no number
        is_usable = False
    if not is_usable:
        raise UsageError(f"--host {host} is no address of a server: give it as http://localhost:30820.")
    return host.rstrip("/")


def read_tokens(path: Path) -> tuple[str, ...]:
    """One JWT a line; blank lines do not count. Raises `UsageError`."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as error:
        raise UsageError(f"--tokens: {path} cannot be read: {error.strerror or error}.") from None
    for number, line in enumerate(lines, start=1):
        if line.strip() and not looks_like_jwt(line.strip()):
            raise UsageError(f"--tokens: line {number} of {path} is no JWT: the file holds one token a line.")
    tokens = tuple(line.strip() for line in lines if line.strip())
    if not tokens:
        raise UsageError(f"--tokens: {path} holds no token: make some with lobby-server mint-tokens --count N.")
    return tokens


def _number(flag: str, value: Any, kind: type[Any]) -> Any:
    try:
        return kind(value)
    except (TypeError, ValueError):
        raise UsageError(f"{flag} is {value!r}: give a number.") from None


def _require(holds: bool, flag: str, what: str) -> None:
    if not holds:
        raise UsageError(f"{flag} must be {what}.")

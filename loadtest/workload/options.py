"""The swarm's options on Locust's command line and in its web form, read and checked once.

Nothing here imports Locust: the parser is handed in. What a run has to reach and leaves behind is in
`loadtest.output.recording_options`.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import SystemRandom
from typing import Any, TypeVar

from loadtest.client import Feature, FixedReconnect, JitterReconnect, ReconnectPolicy
from loadtest.results.exit_codes import UsageError
from loadtest.wire.profiles.profile import Profile
from loadtest.wire.profiles.profile_file import read_profile
from loadtest.workload import mix
from loadtest.workload.distributions import Distribution, read_distribution
from loadtest.workload.faults import EXAMPLE, RECOVERY_S, Fault, read_fault
from loadtest.workload.load_options import LoadOptions, add_load_options, read_load_options
from loadtest.workload.roles.book import ROLES
from loadtest.workload.roles.options import Option, name_of, read_number, require
from loadtest.workload.texts.conditions import PROFILES, Network, read_network

FEATURES = tuple(feature.value for feature in Feature)

RECONNECT_POLICIES: Mapping[str, type[FixedReconnect] | type[JitterReconnect]] = {
    "jitter": JitterReconnect,
    "fixed": FixedReconnect,
}
ROUTES = ("auth", "rooms")
"""Whose paths may be others than the contract's: ``/api/auth…`` and ``/api/rooms…``."""

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class SwarmOptions:
    """Times in seconds, shares from 0 to 1. Construction checks; raises `UsageError`."""

    seed: int
    tokens_file: Path | None
    jwt_secret: str | None
    weights: Mapping[str, float]
    """By role; only their ratios count."""
    modes: Mapping[str, frozenset[Feature]]
    """What the players of a role ask for in their handshake."""
    heartbeat_s: float
    session: Distribution | None
    """None: until the run ends."""
    away: Distribution
    own: Mapping[str, Any]
    """Of the options of the roles, by their names; `options[option]` reads one."""
    reconnect_policy: str
    fetches_lists: bool
    """Players of the base protocol fetch the list of rooms when they connect and after each announcement."""
    ws_path: str
    paths: Mapping[str, str]
    http_connections: int
    json_file: Path | None
    profile: Profile | None = None
    """How the server speaks; None: as docs/protocol.md says."""
    network: Network | None = None
    """The lines of the players; None: none is emulated."""
    load: LoadOptions = field(default_factory=LoadOptions)
    faults: tuple[Fault, ...] = ()
    recovery_s: float = RECOVERY_S

    def __post_init__(self) -> None:
        require(0 < self.heartbeat_s < math.inf, "--heartbeat-interval-s", "above 0 seconds")
        if self.session is not None:
            require(self.session.mean_s > 0, "--session-s", "above 0 seconds, or left out")
        require(0 <= self.recovery_s < math.inf, "--recovery-s", "0 seconds or more")
        require(self.http_connections >= 1, "--http-connections", "at least 1")
        policies = ", ".join(RECONNECT_POLICIES)
        require(self.reconnect_policy in RECONNECT_POLICIES, "--reconnect-policy", f"one of {policies}")
        require(self.ws_path.startswith("/"), "--ws-path", "a path that starts with /")
        if self.load.arrivals_per_s and self.session is None:
            raise UsageError("--arrivals-per-s needs --session-s: sessions that never end would fill all seats.")
        if self.tokens_file is not None and self.jwt_secret:
            raise UsageError("--tokens and --jwt-secret both say who the players are: give one of them.")
        if self.profile is not None:
            self._check_profile(self.profile)
        if self.json_file is not None and not self.json_file.absolute().parent.is_dir():
            raise UsageError(
                f"--swarm-json: the folder {self.json_file.absolute().parent} does not exist: make it first."
            )
        if self.json_file is not None and self.json_file.is_dir():
            raise UsageError(f"--swarm-json: {self.json_file} is a folder: name a file, or give --run-dir.")

    def _check_profile(self, profile: Profile) -> None:
        if any(self.modes.values()):
            raise UsageError(
                f"--mode and --features are of the lobby's own protocol: without them with {profile.name}."
            )
        if profile.needs_tokens and self.tokens_file is None and not self.jwt_secret:
            raise UsageError(f"The profile {profile.name} sends tokens: give --tokens or --jwt-secret.")
        for role in self.weights:
            missing = sorted(ROLES[role].needs - profile.offers)
            if missing:
                able = [kind.name for kind in ROLES if kind.needs <= profile.offers]
                raise UsageError(
                    f"The role {role} needs {' and '.join(missing)}, which the profile {profile.name} does not "
                    f"describe: give a --mix of {', '.join(able)}."
                )

    def __getitem__(self, option: Option[T]) -> T:
        value: T = self.own[option.name]
        return value

    def new_reconnect_policy(self) -> ReconnectPolicy:
        return RECONNECT_POLICIES[self.reconnect_policy]()


def add_options(parser: argparse.ArgumentParser) -> None:
    """The swarm's flags. Locust shows them in its web form too, under the names without dashes; of a help it shows some
    80 characters there, so what matters comes first."""
    group = parser.add_argument_group("lobby swarm")

    def add(flag: str, *, is_in_form: bool = True, **how: Any) -> None:
        action = group.add_argument(flag, **with_default(how))
        action.include_in_web_ui = is_in_form  # type: ignore[attr-defined]  # Locust's parser sets it outside of groups only

    add("--plan", metavar="FILE", default="", is_in_form=False,
        help="a TOML file with players, mix, shape, network and thresholds, or the name of one that ships (--plan "
        "list); flags go before it")  # fmt: skip
    add("--tokens", metavar="FILE", default="",
        help="file with one JWT per line (lobby-server mint-tokens --count N > FILE); without it players create "
        "accounts over the API, which the server limits per address (its --auth-rate-per-min)")  # fmt: skip
    add("--jwt-secret", metavar="SECRET", default="", is_in_form=False,
        help="the server's secret: sign the players' tokens with it, instead of --tokens")  # fmt: skip
    add("--seed", metavar="NUMBER", type=int, default=None,
        help="seed of all random choices: the same seed gives the same players, rooms, phases and drops; default: "
        "drawn, and reported at the end")  # fmt: skip
    add("--mix", metavar="WEIGHTS", default=ROLES.default_mix(),
        help=f"weights of the roles: {', '.join(ROLES.names)}")  # fmt: skip
    add("--mode", metavar="FEATURES", default="",
        help="rooms_delta+presence_batch for all roles, or browser=rooms_delta,host=base per role: the features that "
        f"players request from the server, of {', '.join(FEATURES)}; default: the base protocol")  # fmt: skip
    add("--features", metavar="NAMES", default="", help="features for all roles, separated by commas")
    add("--session-s", metavar="TIME", default="",
        help="length of a session, in s; default: until the run ends; like all TIMEs a number or a distribution: 300, "
        "fixed:300, exp:300, uniform:60-600, lognormal:120,1.2")  # fmt: skip
    add("--away-s", metavar="TIME", default="30", help="time between two sessions of a player, in s")
    add("--poller-share", metavar="SHARE", type=float, default=0.0,
        help="share (0 to 1) of all players who poll, on top of --mix")  # fmt: skip
    add("--poll-with-etag", action="store_true", help="the pollers of --poller-share send If-None-Match")
    add("--drop-share", metavar="SHARE", type=float, default=0.0,
        help="share (0 to 1) of the players with a socket who are flappers, on top of --mix")  # fmt: skip
    add("--heartbeat-interval-s", metavar="SECONDS", type=float, default=30.0,
        help="time between two heartbeats of a player, in s")  # fmt: skip
    add("--reconnect-policy", choices=tuple(RECONNECT_POLICIES), default="jitter",
        help="back-off after a loss; jitter: U(0, 5 s), then exponential with full jitter up to 30 s; fixed: "
        "5 s")  # fmt: skip
    add("--no-fetch", action="store_true",
        help="players of the base protocol do not fetch the list of rooms; joiners need one: with --mode "
        "joiner=rooms_delta")  # fmt: skip
    add("--network", metavar="LINE", default="",
        help=f"the line of each player, emulated here: {', '.join(PROFILES)}; lte=3,mobile-3g=1 by weights; or parts: "
        "rtt_s=0.2;jitter_s=exp:0.01;down_kbit_per_s=1600;up_kbit_per_s=768;loss_interval_s=exp:600")  # fmt: skip
    add("--protocol", metavar="FILE", default="lobby", is_in_form=False,
        help="how the server speaks: a TOML file, or the name of a profile that ships (--protocol list)")  # fmt: skip
    add("--ws-path", metavar="PATH", default="/", help="path of the WebSocket on the host")
    add("--paths", metavar="PATHS", default="",
        help="paths of a server that has the API elsewhere: auth=/v1/auth,rooms=/v1/rooms")  # fmt: skip
    add("--http-connections", metavar="NUMBER", type=int, default=1000,
        help="most HTTP connections that the players of one process share")  # fmt: skip
    add("--swarm-json", metavar="FILE", default="", help="file for run.json alone, written at the end of the run")
    for option in ROLES.options:
        add(option.flag, metavar=option.metavar, type=option.type, default=option.default, help=option.help)
    add_load_options(add)
    add("--fault", metavar="FAULT", action="append", default=[], is_in_form=False,
        help=f"what happens to a process of this machine, after how many seconds and for how long: {EXAMPLE}; with a "
        "name before it, as in valkey=restart:4711@60+2; may be given several times")  # fmt: skip
    add("--recovery-s", metavar="SECONDS", is_in_form=False, type=float, default=RECOVERY_S,
        help="how long a fault may be felt after its end: then every player has to be right again, in s")  # fmt: skip


def with_default(how: dict[str, Any]) -> dict[str, Any]:
    """The arguments of an option with its default at the end of its help, unless the default is to do without."""
    default = how.get("default")
    if default is None or default == "" or default == []:
        return how
    shown = f"{default:g}" if isinstance(default, float) else str(default)
    return {**how, "help": f"{how['help']}; default: {shown}"}


def read_options(values: Mapping[str, Any]) -> SwarmOptions:
    """From the parsed command line as a mapping. A seed that was not given is drawn. Raises `UsageError`."""
    seed = values.get("seed")

    def time(flag: str, default_kind: str = "exp") -> Distribution:
        text = str(values[name_of(flag)])
        return _read(flag, lambda: read_distribution(text, default_kind=default_kind))

    options = SwarmOptions(
        seed=SystemRandom().getrandbits(32) if seed in (None, "") else read_number("--seed", seed, int),
        tokens_file=Path(values["tokens"]) if values.get("tokens") else None,
        jwt_secret=str(values["jwt_secret"]) if values.get("jwt_secret") else None,
        weights=_weights(values),
        modes=_modes(values),
        heartbeat_s=read_number("--heartbeat-interval-s", values["heartbeat_interval_s"], float),
        session=time("--session-s") if values.get("session_s") else None,
        away=time("--away-s"),
        own={option.name: option.value_in(values) for option in ROLES.options},
        reconnect_policy=str(values["reconnect_policy"]),
        fetches_lists=not values["no_fetch"],
        ws_path=str(values["ws_path"]),
        paths=_read_paths(str(values.get("paths") or "")),
        http_connections=read_number("--http-connections", values["http_connections"], int),
        json_file=Path(values["swarm_json"]) if values.get("swarm_json") else None,
        network=read_network(str(values.get("network") or "")),
        profile=read_profile(str(values.get("protocol") or "")),
        load=read_load_options(values),
        faults=tuple(read_fault(str(text)) for text in values.get("fault") or ()),
        recovery_s=read_number("--recovery-s", values.get("recovery_s", RECOVERY_S), float),
    )
    for kind in ROLES:
        kind.check(options)
    return options


def _weights(values: Mapping[str, Any]) -> dict[str, float]:
    """The mix, with the two shares that may be given beside it."""
    weights = _read("--mix", lambda: mix.read_mix(str(values["mix"])))
    shares = {}
    for flag in ("--poller-share", "--drop-share"):
        shares[flag] = read_number(flag, values[name_of(flag)], float)
        require(0 <= shares[flag] <= 1, flag, "a share from 0 to 1")
    weights = _with_share(weights, mix.FLAPPER, shares["--drop-share"])
    poller = mix.CONDITIONAL_POLLER if values["poll_with_etag"] else mix.POLLER
    return _with_share(weights, poller, shares["--poller-share"])


def _with_share(weights: dict[str, float], role: str, share: float) -> dict[str, float]:
    if not share:
        return weights
    total = sum(weights.values())
    scaled = {other: weight / total * (1.0 - share) for other, weight in weights.items()}
    scaled[role] = scaled.get(role, 0.0) + share
    return {other: weight for other, weight in scaled.items() if weight}


def _modes(values: Mapping[str, Any]) -> dict[str, frozenset[Feature]]:
    for_all = read_features(str(values.get("features") or ""))
    modes = _read("--mode", lambda: mix.read_modes(str(values.get("mode") or "")))
    return {role: features | for_all for role, features in modes.items()}


def read_features(names: str) -> frozenset[Feature]:
    """``rev,drain`` → the two; blanks do not count. Raises `UsageError`."""
    asked = [name.strip() for name in names.split(",") if name.strip()]
    for name in asked:
        if name not in FEATURES:
            raise UsageError(f"--features: {name} is no feature: choose from {', '.join(FEATURES)}.")
    return frozenset(Feature(name) for name in asked)


def _read_paths(text: str) -> dict[str, str]:
    paths = {}
    for item in (item.strip() for item in text.split(",") if item.strip()):
        route, _, path = (part.strip() for part in item.partition("="))
        if route not in ROUTES or not path.startswith("/"):
            raise UsageError(f"--paths: {item} is no path: write auth=/v1/auth or rooms=/v1/rooms.")
        paths[f"/api/{route}"] = path.rstrip("/")
    return paths


def _read(flag: str, read: Callable[[], T]) -> T:
    try:
        return read()
    except ValueError as error:
        raise UsageError(f"{flag}: {error}.") from None

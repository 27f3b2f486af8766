"""How a player gets its token: dealt, minted, or from an account that it creates and logs in to, with retries."""

from __future__ import annotations

from collections.abc import Callable

import gevent

from loadtest.client import ApiError, ClientError, JitterReconnect, RateLimited
from loadtest.measure.metrics import FAILURES, WITHOUT_IDENTITY
from loadtest.players.locust_http import CONFLICT, SwarmApi
from loadtest.players.swarm import Swarm
from loadtest.workload.identities import NoTokenLeft, account
from loadtest.workload.plan import PlayerPlan


class GaveUp(Exception):
    """The player cannot log in; it is counted and logged already."""


class SignIn:
    __slots__ = ("_api", "_number", "_plan", "_swarm", "token")

    def __init__(self, swarm: Swarm, *, api: SwarmApi, number: int, plan: PlayerPlan) -> None:
        self._swarm = swarm
        self._api = api
        self._number = number
        self._plan = plan
        self.token: str | None = None

    def get_token(self, intended_s: float) -> str:
        """Blocks while the server does not answer or asks to wait. Raises `GaveUp`. Empty where the server wants
        none."""
        profile = self._swarm.profile
        if profile is not None and not profile.needs_tokens:
            self.token = ""
            return self.token
        try:
            self.token = self._by_tokens() or self._by_account(intended_s)
        except (ApiError, NoTokenLeft) as error:
            self._swarm.recorder.count(WITHOUT_IDENTITY if isinstance(error, NoTokenLeft) else FAILURES)
            self._swarm.say_once(f"gave up {type(error).__name__}", f"Players leave, this is why: {error}")
            raise GaveUp from None
        return self.token

    def _by_tokens(self) -> str | None:
        return None if self._swarm.tokens is None else self._swarm.tokens.token_of(self._number)

    def _by_account(self, intended_s: float) -> str:
        mine, api = account(self._swarm.options.seed, self._number), self._api
        try:
            return self._patiently(
                intended_s,
                lambda at_s: api.intended(at_s).register(username=mine.username, password=mine.password).token,
            )
        except ApiError as error:
            if error.status != CONFLICT:
                raise
        return self._patiently(
            None, lambda at_s: api.intended(at_s).login(username=mine.username, password=mine.password).token
        )

    def _patiently(self, intended_s: float | None, call: Callable[[float], str]) -> str:
        """Retry while the server does not answer or asks to wait; the intended time of a retry is when its wait ends.
        Raises any other `ApiError`."""
        rng, failures, at_s = (
            self._plan.rng("identity"),
            0,
            self._swarm.wire.clock() if intended_s is None else intended_s,
        )
        while True:
            try:
                return call(at_s)
            except RateLimited as error:
                self._swarm.say_once(
                    "throttled",
                    "The server limits logins (429): players wait as long as it says. To start faster, give --tokens "
                    "(lobby-server mint-tokens) or --jwt-secret, or start the server with --auth-rate-per-min 0.",
                )
                wait_s = error.retry_after_s * rng.uniform(1.0, 1.5)
            except ApiError:
                raise
            except ClientError as error:
                self._swarm.say_once("away", f"A login failed: {error}; players try again.")
                wait_s = JitterReconnect().delay_s(failures, rng)
                failures += 1
            at_s = self._swarm.wire.clock() + wait_s
            gevent.sleep(wait_s)

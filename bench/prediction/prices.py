"""What a forecast costs, by prices from a file of the user's own."""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

HOURS_IN_A_MONTH = 730.0


class PricesUnreadable(ValueError):
    """The text is one sentence."""


class Prices(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """In any currency."""

    currency: str
    core_hour: float
    gib_hour: float
    """Memory."""
    gb_out: float
    """Per GB (10⁹ bytes) to clients."""


class Bill(msgspec.Struct, frozen=True, kw_only=True):
    """Per hour."""

    currency: str
    cores: float
    memory: float
    traffic: float

    @property
    def whole(self) -> float:
        return self.cores + self.memory + self.traffic

    @property
    def month(self) -> float:
        return self.whole * HOURS_IN_A_MONTH


def read_prices(path: Path) -> Prices:
    """Raises `PricesUnreadable`."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise PricesUnreadable(f"the prices {path} cannot be read: {error.strerror or error}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise PricesUnreadable(f"the prices {path} are not TOML: {error}") from error
    try:
        prices = msgspec.convert(document, Prices, strict=False)
    except msgspec.ValidationError as error:
        raise PricesUnreadable(f"the prices {path}: {error}") from error
    for name in ("core_hour", "gib_hour", "gb_out"):
        if not 0 <= getattr(prices, name) < float("inf"):
            raise PricesUnreadable(f"the prices {path}: {name} must be 0 or more")
    return prices


def bill(prices: Prices, *, cores: float, gib: float, out_bytes_per_s: float) -> Bill:
    return Bill(
        currency=prices.currency,
        cores=cores * prices.core_hour,
        memory=gib * prices.gib_hour,
        traffic=out_bytes_per_s * 3600 / 1e9 * prices.gb_out,
    )

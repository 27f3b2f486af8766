"""The roles of players, one per module. Importing them enters them, in this order, as it enters anybody's own."""

from loadtest.players.roles import (  # noqa: I001  # the order of the mix and of the tables
    browser,
    host,
    joiner,
    flapper,
    tabber,
    slow_reader,
    socializer,
    poller,
)

__all__ = ["browser", "flapper", "host", "joiner", "poller", "slow_reader", "socializer", "tabber"]

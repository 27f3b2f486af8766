"""The roles of players, one per module. `loadtest.players.seat` has the table of them."""

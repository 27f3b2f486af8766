"""The players: the client library's own rules over simulated sockets, and what each player believes."""

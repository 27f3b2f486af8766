"""The lobby's WebSocket: from the accepted connection to a session, on the lean path and through Tornado."""

"""From an address to a connection, WebSocket or HTTP, without a greenlet: many at once, in turns."""

"""The adapter to HTTP and WebSocket: everything that knows Tornado."""

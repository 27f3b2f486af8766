"""One connection: its interface, the WebSocket under it, and the manager that keeps it up."""

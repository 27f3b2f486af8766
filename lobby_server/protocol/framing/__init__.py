"""Messages as bytes of the wire: WebSocket frames, and their compression. No state, no I/O."""

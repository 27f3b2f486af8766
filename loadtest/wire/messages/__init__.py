"""What travels over a connection: frames, messages, heartbeats. No I/O."""

"""The fan-out: how bytes reach many sockets. It knows profiles, ticks and logs, and nothing of what is said."""

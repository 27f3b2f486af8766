"""The server's processes: the real core, service and log, over an outside that is simulated."""

"""The log of several nodes: a stream of Valkey (or Redis 7) behind the port `lobby_server.service.replica.Log`."""

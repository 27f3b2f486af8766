"""The HTTP API: its handlers, and the documents that describe it and the socket."""

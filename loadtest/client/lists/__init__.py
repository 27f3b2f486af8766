"""The list of rooms: fetched on announcement, polled, or by deltas on the socket."""

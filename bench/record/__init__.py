"""What a run left, raw: readings, series, the bare facts. Everything else is derived from it."""

"""Writes to the store that nobody waits for: their queue, and those that outlive a crash in a journal."""

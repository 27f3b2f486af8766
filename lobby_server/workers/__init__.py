"""``--workers N``: a supervisor, the server processes that it keeps, and what they have in common on one machine."""

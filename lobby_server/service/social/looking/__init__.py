"""A look at what the store has between users: what the books may have otherwise, and how that is settled."""

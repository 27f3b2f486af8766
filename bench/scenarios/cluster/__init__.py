"""One lobby on several nodes: what it costs, and what is seen when a part of it dies."""

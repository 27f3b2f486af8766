"""A run while it goes on, for others: as Prometheus scrapes it, as OTLP is sent, and as a page with charts."""

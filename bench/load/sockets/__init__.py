"""Sockets and HTTP connections that cost the load generator as little as can be, and what they count."""

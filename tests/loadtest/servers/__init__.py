"""Servers of other protocols, small and as their documentation writes them. Each prints ``listening <port>`` and ends
with its standard input."""

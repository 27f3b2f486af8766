"""Connections whatever is spoken on them: limits, signs of life, arrival, the end."""

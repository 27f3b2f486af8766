"""Faults that are planted, and how many seeds each takes to be found."""

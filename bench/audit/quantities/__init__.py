"""Quantities that a report tells, each computed from the raw readings."""

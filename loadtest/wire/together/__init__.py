"""What many connections have in common, and do together."""

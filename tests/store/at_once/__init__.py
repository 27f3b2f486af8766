"""Two servers that write to one database at once."""

"""One server per database: locks of a file and of PostgreSQL."""

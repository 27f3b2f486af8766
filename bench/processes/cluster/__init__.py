"""What a lobby of several nodes needs beside its servers: a Valkey, a PostgreSQL, hosts of their own, a proxy."""

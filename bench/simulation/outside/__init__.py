"""What is outside the server, simulated: time, network, Valkey, database, disk."""

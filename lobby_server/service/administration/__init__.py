"""What administrators do: kick and ban users, close rooms, read reports; and the record of all that."""

"""What the lab does to a server: clients, changes and load generators, and what each of them saw."""

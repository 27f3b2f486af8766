"""The same job done otherwise, to compare with in one run. Each is a program of its own; see `bench.processes.peer`."""

"""What a process owes to the system that runs it: sockets to listen on, signals, the service manager."""

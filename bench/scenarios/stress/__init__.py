"""What a server has to bear from clients: many that come and go, and hostile ones."""

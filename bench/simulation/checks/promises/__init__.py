"""What the contract promises to clients, reckoned beside the service: each message, who hears it, in which order."""

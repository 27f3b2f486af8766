"""The look at what the store has between users."""

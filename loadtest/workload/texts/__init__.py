"""What is described in texts of its own: a whole plan in a file, the lines of the players."""

"""Where a replica stands in the log, and how it comes to stand there."""

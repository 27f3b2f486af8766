"""What a node does while it takes part: it writes to the log, applies what stands in it, and keeps house."""

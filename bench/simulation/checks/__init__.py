"""What must hold: at every entry of the log, at every answer, and once things are quiet."""

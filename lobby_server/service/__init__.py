"""What runs: sessions, the fan-out, commands, tokens. No Tornado here, no wall clock, no database driver."""

"""What every store keeps, whatever it keeps it in."""

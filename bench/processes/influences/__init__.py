"""What the machine does to what is measured on it: cores that were idle, and cores that worked for others."""

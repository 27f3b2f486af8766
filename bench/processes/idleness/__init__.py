"""What idleness of the cores does to what is measured on them, and what keeps it away."""

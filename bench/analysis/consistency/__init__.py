"""Overview of one run that must agree, because they are of one thing."""

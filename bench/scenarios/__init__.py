"""The questions of the lab: a module per scenario, which measures and judges nothing."""

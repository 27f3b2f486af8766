"""How much one process of the swarm can carry on one core: see `loadtest.calibrate`."""

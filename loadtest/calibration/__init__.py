"""How many players one process of the swarm carries on one core: see `loadtest.calibrate`."""

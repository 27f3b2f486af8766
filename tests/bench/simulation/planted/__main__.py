"""``python -m tests.bench.simulation.planted``."""

import sys

from tests.bench.simulation.planted.hunting import main

if __name__ == "__main__":
    main(sys.argv[1:])

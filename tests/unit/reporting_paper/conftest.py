"""What the tests of reporting's documents share."""

import sys
from pathlib import Path

# Helpers beside the tests, and those of reporting, are imported by name.
sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "reporting")]

"""What the tests of reporting's documents over HTTP share."""

import sys
from pathlib import Path

# The demo's plan and territory as the unit tests build them.
_UNIT = Path(__file__).parents[2] / "unit"
sys.path[:0] = [str(_UNIT / "reporting_paper"), str(_UNIT / "reporting")]

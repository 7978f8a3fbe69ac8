"""Paths that tests share."""

import sys
from pathlib import Path

# Test modules are imported by path; helpers beside them (walk.py) by name.
sys.path.insert(0, str(Path(__file__).parent / "e2e"))

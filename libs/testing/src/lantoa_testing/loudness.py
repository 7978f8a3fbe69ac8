"""How loud a recording is, measured by somebody else's program."""

from typing import Any


def loudness(samples: Any, rate: int) -> float:
    """Integrated loudness in LUFS (ITU-R BS.1770) of samples between -1 and 1."""
    from pyloudnorm import Meter  # With it comes SciPy, for a second: most workers of a run measure nothing.

    return float(Meter(rate).integrated_loudness(samples))

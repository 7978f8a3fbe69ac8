"""``lantoa-station`` with a clock that a test sets, and less patience; everything else is the program itself.

``LANTOA_TEST_CLOCK`` names a file with the seconds to add to this machine's clock.
"""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from lantoa_devicekit import link
from lantoa_devicekit.clock import DeviceClock
from lantoa_station import main, usecases

_FILE = Path(os.environ["LANTOA_TEST_CLOCK"])


def _wall(_: DeviceClock) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=float(_FILE.read_text()))


if __name__ == "__main__":
    DeviceClock.wall = _wall  # type: ignore[method-assign]
    # The clock and the platform's are one; a measurement while both are set would find hours between them.
    link.offset_ms = lambda *_: 0
    usecases.LOOK_AGAIN_S = 0.05
    link.REQUEST_S = 1.0
    main.main()

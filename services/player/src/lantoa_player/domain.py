"""What a board shows in turn, and what counts as shown: pure functions."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

ROUNDING = timedelta(milliseconds=10)
"""The page waits the whole dwell and tells whole milliseconds."""

CLOCK_SLACK = timedelta(milliseconds=250)
"""The page hears of a corrected clock a moment after its agent."""

LONGEST_SHOWING = timedelta(hours=1)


@dataclass(frozen=True)
class Slide:
    """One entry of the board's rundown."""

    entry_id: str
    sha256: str
    seconds: float
    """Dwell of one showing."""
    valid_from: datetime
    valid_until: datetime


def showing(slides: Sequence[Slide], here: Collection[str], now: datetime) -> list[Slide]:
    """The slides in turn now: in their days and with their media here, in the rundown's order."""
    return [slide for slide in slides if slide.valid_from <= now < slide.valid_until and slide.sha256 in here]


def is_full_showing(slide: Slide, started: datetime, ended: datetime, now: datetime, speed: float) -> bool:
    """Whether a reported showing counts: the whole dwell, begun within the slide's days, and not in the future."""
    dwell = timedelta(seconds=slide.seconds / speed)
    return (
        max(dwell - ROUNDING, timedelta(0)) <= ended - started <= LONGEST_SHOWING
        and slide.valid_from <= started < slide.valid_until
        and ended <= now + CLOCK_SLACK
    )

"""What a board shows in turn, and what counts as shown: pure functions."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

_TIMER_SLACK = timedelta(milliseconds=250)
_LONGEST_SHOWING = timedelta(hours=1)


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
    """Whether a reported showing counts: the whole dwell, within the slide's days, and not in the future.

    A browser's timers fire a little early, hence a slack of a quarter of a second.
    """
    dwell = timedelta(seconds=slide.seconds / speed)
    return (
        dwell - _TIMER_SLACK <= ended - started <= _LONGEST_SHOWING
        and slide.valid_from <= started < slide.valid_until
        and ended <= now + _TIMER_SLACK
    )

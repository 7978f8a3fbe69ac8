"""When a rundown plays, as fleet is told."""

from datetime import UTC, datetime, timedelta

from lantoa_broadcast.usecases.rundowns import spans_of
from lantoa_contracts.base import BlobRef
from lantoa_contracts.device import RadioRundown, RundownEntry, RundownSession

FIVE = datetime(2026, 11, 27, 5, tzinfo=UTC)


def test_a_session_plays_from_its_begin_to_the_end_of_its_last_entry_and_earlier_ones_come_first():
    blob = BlobRef(sha256="a" * 64, bytes=1, media_type="audio/ogg")
    entries = tuple(
        RundownEntry(entry_id=f"e-{n}", item_id="i", revision=1, title="Tin", media=blob, seconds=90.5)
        for n in range(2)
    )
    evening = RundownSession(session_id="s-2", starts_at=FIVE + timedelta(hours=12), entries=entries)
    morning = RundownSession(session_id="s-1", starts_at=FIVE, entries=entries)
    spans = spans_of(RadioRundown(device_id="d-1", ver=1, sessions=(evening, morning)))
    assert [(span.starts_at - FIVE, span.ends_at - span.starts_at) for span in spans] == [
        (timedelta(0), timedelta(seconds=181)),
        (timedelta(hours=12), timedelta(seconds=181)),
    ]

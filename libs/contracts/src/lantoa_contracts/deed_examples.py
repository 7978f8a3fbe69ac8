"""What somebody of the staff did that no other service acts on: written down by the audit."""

from datetime import UTC, datetime, timedelta

from pydantic import BaseModel

from lantoa_contracts.device_examples import APPROVED_AT, STARTS_AT, STATION, UNIT
from lantoa_contracts.events.alert import SourceAdded, SourceRemoved
from lantoa_contracts.events.broadcast import GridChanged
from lantoa_contracts.events.contest import ContestPublished
from lantoa_contracts.events.fleet import CommandOrdered, DevicePlaced, DeviceRekeyed, UpdateTurned

DEEDS: dict[str, BaseModel] = {
    "fleet.device.placed.v1": DevicePlaced(
        device_id=STATION, ver=4, unit_id=UNIT, at=datetime(2026, 11, 28, 1, 10, tzinfo=UTC)
    ),
    "fleet.device.rekeyed.v1": DeviceRekeyed(
        device_id=STATION, ver=8, unit_id=UNIT, at=datetime(2026, 12, 2, 3, 5, tzinfo=UTC)
    ),
    "fleet.command.ordered.v1": CommandOrdered(
        order_id="019aaf41-0c2e-7b10-8a55-4f6e2d1c9b07", ver=1, name="volume", devices=14, unit_id=UNIT, at=STARTS_AT
    ),
    "fleet.update.turned.v1": UpdateTurned(
        update_id="019aaf41-1d3f-7c21-9b66-5a7f3e2d0c18",
        ver=1,
        version="1.2.0",
        state="running",
        devices=3000,
        unit_id="u-86-2025",
        at=STARTS_AT,
    ),
    "alert.source.added.v1": SourceAdded(
        source_id="src-019aaf42-2e40-7d32-8c77-6b8a4f3e1d29", ver=1, automatic=True, at=APPROVED_AT
    ),
    "alert.source.removed.v1": SourceRemoved(source_id="src-019aaf42-2e40-7d32-8c77-6b8a4f3e1d29", ver=2, at=STARTS_AT),
    "broadcast.grid.changed.v1": GridChanged(
        unit_id=UNIT, ver=2, rule="FREQ=DAILY", starts="05:00", max_minutes=30, at=APPROVED_AT
    ),
    "contest.contest.published.v1": ContestPublished(
        contest_id="an-toan-mang-2026",
        ver=3,
        unit_id="u-86-2025",
        opens_at=STARTS_AT,
        closes_at=STARTS_AT + timedelta(days=14),
        rules_sha256="29" * 32,
        answer_key_sha256="3a" * 32,
        at=APPROVED_AT,
    ),
}

"""Routes of alarms."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import Query
from pydantic import BaseModel, Field

from lantoa_fleet.api.callers import Viewer, Watcher
from lantoa_fleet.usecases.alarms import Alarms
from lantoa_fleet.usecases.listing import Roster
from lantoa_runtime.http import Caller, Page, PageLimit, Routes, StrictModel
from lantoa_runtime.mongo import Document

_SAMPLE = 50


class Concerned(BaseModel):
    """A device of an alarm."""

    device_id: str
    name: str
    unit_id: str


class Acknowledged(BaseModel):
    """Who took note of an alarm, when, with what remark."""

    by_name: str
    at: datetime
    note: str


class AlarmView(BaseModel):
    """One cause at one place, however many devices it concerns."""

    alarm_id: str
    code: str
    unit_id: str
    unit_name: str | None
    opened_at: datetime
    closed_at: datetime | None
    devices: int
    """How many devices that the caller may see are concerned now, or were when it ended."""
    most: int
    """How many there were at the worst time, in all units."""
    sample: list[Concerned]
    """The first 50 of them by name."""
    acknowledged: Acknowledged | None


class NoteBody(StrictModel):
    """A remark for colleagues."""

    note: Annotated[str, Field(max_length=400)] = ""


def alarms_router(alarms: Alarms, roster: Roster) -> Routes:
    """What is wrong, and who knows."""
    router = Routes()

    def view(alarm: Document, caller: Caller) -> AlarmView:
        rows, taken = alarms.rows(caller, alarm), alarm["acknowledged"]
        return AlarmView(
            alarm_id=alarm["_id"],
            code=alarm["code"],
            unit_id=alarm["unit_id"],
            unit_name=roster.unit_name(alarm["unit_id"]),
            opened_at=alarm["opened_at"],
            closed_at=alarm.get("closed_at"),
            devices=len(rows),
            most=alarm["most"],
            sample=[Concerned(device_id=row.device_id, name=row.name, unit_id=row.unit_id) for row in rows[:_SAMPLE]],
            acknowledged=Acknowledged(by_name=taken["name"], at=taken["at"], note=taken["note"]) if taken else None,
        )

    @router.get("/alarms")
    async def list_alarms(
        caller: Viewer,
        state: Literal["open", "closed"] = "open",
        unit_id: Annotated[str | None, Query(max_length=80)] = None,
        limit: PageLimit = 50,
        cursor: Annotated[str | None, Query(max_length=160)] = None,
    ) -> Page[AlarmView]:
        """Alarms of what the caller may see: all that stand, or those that ended, the newest first."""
        if state == "open":
            return Page(items=[view(alarm, caller) for alarm in await alarms.open(caller, unit_id)])
        found, after = await alarms.closed(caller, unit_id, cursor, limit)
        return Page(items=[view(alarm, caller) for alarm in found], next=after)

    @router.post("/alarms/{alarm_id}/acknowledge")
    async def acknowledge_alarm(alarm_id: str, body: NoteBody, caller: Watcher) -> AlarmView:
        """Say that one knows. The alarm ends by itself when its cause does."""
        return view(await alarms.acknowledge(caller, alarm_id, body.note), caller)

    return router

"""The main job once more with every service on Motor, the driver that an installation may choose by setting."""

from collections.abc import Iterator

import psutil
import pytest
import walk
from walk import UNIT

from lantoa_calendar.periods import local_day, period_of
from lantoa_contracts.catalogue import SERVICES
from lantoa_testing import eventually
from lantoa_testing.platform import Platform

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def motor_platform(unhurried_platform) -> Iterator[Platform]:
    """What ran on PyMongo, stopped and started again with its data."""
    unhurried_platform.stop()
    made = Platform(unhurried_platform.layout, {**unhurried_platform.env, "LANTOA_MONGO_DRIVER": "motor"})
    made.start()
    yield made
    made.stop()


async def test_on_motor_an_approved_item_is_heard_and_counted(motor_platform, http):
    pids = motor_platform.pids()
    assert {psutil.Process(pids[name]).environ()["LANTOA_MONGO_DRIVER"] for name in SERVICES} == {"motor"}
    lan, hung, ha = [await motor_platform.sign_in(http, login) for login in ("lan", "hung", "ha")]
    heard = len(await walk.pages(lan, f"/api/v1/broadcast/airings?unit_id={UNIT}"))
    item = await walk.approved(hung, (await walk.submitted(lan))["id"])

    async def planned():
        sessions = await walk.pages(lan, f"/api/v1/broadcast/sessions?unit_id={UNIT}")
        return any(entry["item_id"] == item["id"] for session in sessions for entry in session["entries"])

    await eventually(planned)
    await motor_platform.command("demo", "session", UNIT, "--in-seconds", "2")
    airings = await walk.confirmed(lan, "broadcast", "airings", heard + 1, 60)
    assert [row["item_id"] for row in airings].count(item["id"]) == 1

    period = period_of("plan75", local_day(walk.moment(item["approved_at"]))).key

    async def counted():
        return (await ha.get(f"/api/v1/reporting/tasks/08?period={period}"))["totals"]["airings"] == heard + 1

    await eventually(counted)

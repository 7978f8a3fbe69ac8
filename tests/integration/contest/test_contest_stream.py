"""An entrant is answered when the stream has the attempt, and told the truth when it has not."""

import pytest

from lantoa_contracts import catalogue
from lantoa_testing import eventually
from lantoa_testing.plugin import EventProbe
from lantoa_testing.servers import NatsServer


@pytest.fixture
def patience() -> float:
    return 0.5


async def test_a_submit_without_the_stream_is_saved_and_says_that_it_waits(province, nats_server: NatsServer):
    contest = await province.open()
    citizen, here = province.citizen(), f"/thi/{contest}"
    attempt = await province.start(contest, citizen)
    answers = {f"q{n}": str(place) for n, place in enumerate(province.right(attempt), 1)}
    nats_server.kill()
    try:
        waiting = await province.browse(f"{here}/lam-bai", citizen, answers)
        assert (waiting.status, "Đã lưu, đang chờ xác nhận" in waiting.text) == (202, True)
        status, same = await province.submit(contest, citizen, [0, 0, 0])
        assert (status, same["confirmed"], same["accepted"]["score"]) == (202, False, 3)
        status, mine = await province.call("GET", f"/contests/{contest}/attempts/mine", citizen)
        assert (status, mine) == (200, same)
        receipt = await province.browse(f"{here}/ket-qua/{same['attempt_id']}", citizen)
        assert (receipt.status, same["accepted"]["receipt"] in receipt.text) == (202, True)
    finally:
        nats_server.start()
    client = await nats_server.connect()
    event = await EventProbe(client).wait(catalogue.ATTEMPT_ACCEPTED, lambda one: one.contest_id == contest)
    await client.close()
    assert event.receipt == same["accepted"]["receipt"]

    async def confirmed():
        status, answer = await province.submit(contest, citizen, [0, 0, 0])
        return answer if status == 200 else None

    done = await eventually(confirmed)
    assert (done["confirmed"], done["accepted"]) == (True, same["accepted"])

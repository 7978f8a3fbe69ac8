"""A province for the tests of the alert service."""

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from alert_world import CAU_KE, NOWHERE, PROVINCE, TRA_CU, WORKER, Ears, Province

from lantoa_alert.main import build
from lantoa_alert.settings import AlertSettings
from lantoa_alert.usecases import fanout, ledgers, notices
from lantoa_contracts.base import SignedDocument
from lantoa_signing.documents import open_key_set, unb64
from lantoa_testing import eventually
from lantoa_testing.plugin import EventProbe, StartService
from lantoa_testing.servers import NatsServer


@pytest.fixture
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer waits for a disk however slow it is; the second wave follows the first sooner than on a province."""
    monkeypatch.setattr(notices, "STORE_SECONDS", 60.0)
    for module in (fanout, ledgers):
        monkeypatch.setattr(module, "FIRST_WAVE_SECONDS", 0.2)


@pytest.fixture
async def province(
    start_service: StartService, nats_server: NatsServer, events: EventProbe, unhurried: None
) -> AsyncIterator[Province]:
    ring = nats_server.ring
    options = {
        "key_file": ring.alert_file,
        "holders_file": ring.holders_file,
        "speech_command": WORKER,
        "mongo_url": NOWHERE,
        "turn_seconds": 0.05,
        "reach_seconds": 0.2,
    }
    running = await start_service("alert", AlertSettings, build, **options)
    document = SignedDocument.model_validate_json(ring.key_set_file.read_bytes())
    ears = Ears(open_key_set(document, unb64(ring.root_public)))
    client = await nats_server.connect()
    await ears.listen(client)
    made = Province(running, events, ears, start_service, nats_server, options)
    for unit_id, path in ((PROVINCE, ()), (CAU_KE, (PROVINCE,)), (TRA_CU, (PROVINCE,))):
        await made.unit(unit_id, *path)
    await asyncio.gather(
        made.device("d-1", CAU_KE), made.device("d-2", CAU_KE, "ven-song"), made.device("d-3", TRA_CU, "ven-song")
    )
    await made.settle(3)
    roster = running.service.app.state.roster
    grouped = {"d-2", "d-3"}
    await eventually(lambda: len(roster.units) == 3 and all(roster.devices[one].groups[0] for one in grouped))
    yield made
    await client.close()

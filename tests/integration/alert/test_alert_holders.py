"""Two key holders warn people with every other service down, by the real command."""

import asyncio
import sys
from datetime import UTC, datetime, timedelta

import pytest
from alert_world import CAU_KE, person
from typer.testing import CliRunner

from lantoa_cli.main import app
from lantoa_contracts.alert import HolderAnswer, HolderOrder, HolderRequest
from lantoa_contracts.catalogue import NOTICE_ISSUED
from lantoa_signing.documents import SigningKey, unb64


async def lantoa(province, *arguments):
    """Exit code and output of `lantoa alert ...`."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "lantoa_cli.main",
        "alert",
        *arguments,
        "--keys",
        str(province.nats.ring.folder),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await process.communicate()
    return process.returncode, out.decode()


async def holders(province, *arguments):
    """What `lantoa alert holders ...` does, without a process of its own."""
    told = ("alert", "holders", *arguments, "--keys", str(province.nats.ring.folder))
    done = await asyncio.to_thread(CliRunner().invoke, app, told)
    assert done.exit_code == 0, done.output


@pytest.fixture
async def keys(province, tmp_path):
    """The key files of two holders, made by the command."""
    province.nats.ring.holders_file.write_text("[]")
    await holders(province, "add", "Bà Sáu", "--key", str(tmp_path / "sau.key"))
    await holders(province, "add", "Ông Ba", "--key", str(tmp_path / "ba.key"))
    return tmp_path / "sau.key", tmp_path / "ba.key"


async def ask(province, *seeds, text=None, **changed):
    """The service's answer to a request that is signed with these keys."""
    fields = {
        "kind": "issue",
        "notice_id": "ntc-by-hand",
        "at": datetime.now(UTC),
        "headline": "Vỡ đê",
        "texts": {"vi": "Lên chỗ cao."},
        "scopes": (CAU_KE,),
        "speak": False,
        **changed,
    }
    text = text or HolderOrder.model_validate(fields).model_dump_json()
    signed = tuple(SigningKey(seed).sign(text) for seed in seeds)
    client = await province.nats.connect("holder")
    try:
        body = HolderRequest(signed=signed).model_dump_json().encode()
        message = await client.request("alert.rpc.issue", body, timeout=60)
        return HolderAnswer.model_validate_json(message.data)
    finally:
        await client.close()


async def test_two_holders_issue_and_cancel_by_the_command(province, keys):
    common = ("--holder", str(keys[0]), "--holder", str(keys[1]), "--nats-url", province.nats.url)
    words = ("--headline", "Vỡ đê", "--text", "Lên chỗ cao ngay.", "--scope", CAU_KE)
    code, out = await lantoa(province, "issue", *words, *common)
    assert code == 0, out
    order = await province.ears.order(f"dev.bc.unit.{CAU_KE}.alert", says=1)
    notice_id = order.notices[0].notice_id
    assert notice_id in out
    assert "2 thiết bị" in out
    event = await province.events.wait(NOTICE_ISSUED, lambda one: one.notice_id == notice_id)
    assert event.source == "operator"
    assert event.requested_by != event.confirmed_by
    shown = await province.get(f"/notices/{notice_id}", person("hung"))
    assert {shown["current"]["requested"]["name"], shown["current"]["confirmed"]["name"]} == {"Bà Sáu", "Ông Ba"}
    code, out = await lantoa(province, "cancel", notice_id, *common)
    assert code == 0, out
    await province.ears.order(f"dev.bc.unit.{CAU_KE}.alert", says=0)
    code, out = await lantoa(province, "issue", *words, "--holder", str(keys[0]), "--holder", str(keys[0]), *common[4:])
    assert (code, "alert.holder-twice" in out) == (1, True)


async def test_forged_stale_used_and_single_requests_are_refused(province, keys):
    one, other = (unb64(file.read_text().strip()) for file in keys)
    stranger = b"s" * 32
    assert (await ask(province, one, one)).code == "alert.holder-twice"
    assert (await ask(province, one, stranger)).code == "alert.holder-unknown"
    assert (await ask(province, one, other, at=datetime.now(UTC) - timedelta(minutes=6))).code == "alert.holder-stale"
    assert (await ask(province, one, other, at=datetime.now(UTC) + timedelta(minutes=6))).code == "alert.holder-stale"
    assert (await ask(province, one, other, scopes=("u-nowhere",))).code == "alert.unknown-area"
    assert (await ask(province, one, other, text='{"kind": "issue"}')).code == "alert.holder-request"
    assert province.ears.heard == []
    assert (await ask(province, one, other)).ok
    assert (await ask(province, one, other)).code == "alert.used"
    await holders(province, "remove", "Ông Ba")
    assert (await ask(province, one, other, notice_id="ntc-later")).code == "alert.holder-unknown"

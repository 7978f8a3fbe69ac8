"""`lantoa` at a gateway elsewhere, with an access token, over real HTTP."""

import asyncio

import pytest
from typer.testing import CliRunner

from lantoa_cli.main import app
from lantoa_testing import eventually

NEW = {"login": "mai", "name": "Huỳnh Mai", "body_id": "u-1"}


@pytest.fixture
async def lantoa(door):
    """A command with a token of the administrator that is good for ``permission``; exit code, output, errors."""
    sid = await door.sign_in("vinh")

    async def run(*command, permission):
        body = {"name": "Máy tôi", "permissions": [permission], "days": 1}
        status, made, _ = await door("POST", "/auth/tokens", sid, json=body)
        assert status == 201, made
        environment = {"LANTOA_GATEWAY": door.running.url, "LANTOA_TOKEN": made["token"], "LANTOA_DATA": "/nowhere"}
        done = await asyncio.to_thread(CliRunner(env=environment).invoke, app, command)
        return done.exit_code, done.stdout, done.stderr

    run.sid = sid
    return run


async def test_units_are_found_with_a_token_that_may_read_them_and_with_no_other(lantoa):
    code, out, err = await lantoa("units", "find", "tra vinh", permission="directory.unit.read")
    assert (code, err) == (0, "")
    assert out.split() == ["u-1", "1", "ward", "Phường", "Trà", "Vinh"]
    assert await lantoa("units", "find", "không đâu", permission="directory.unit.read") == (
        0, "Không tìm thấy đơn vị nào.\n", "",
    )  # fmt: skip
    assert await lantoa("units", "find", "tra", permission="content.item.read") == (
        1, "", "Không có quyền. Tài khoản của ông/bà không có quyền làm việc này tại đơn vị này.\n",
    )  # fmt: skip
    code, out, err = await lantoa("units", "find", "tra", "--token", "lta_x", permission="directory.unit.read")
    assert (code, out, err.startswith("Mã truy cập không đúng hoặc đã hết hạn.")) == (1, "", True)


def test_what_no_token_is_good_for_is_no_option():
    merge = ("units", "merge", "u-1", "--into", "u-2", "--date", "2026-01-01", "--act", "1/NQ", "--gateway", "x")
    done = CliRunner().invoke(app, merge)
    assert (done.exit_code, "--gateway" in done.stderr) == (2, True)


async def test_an_administrator_takes_the_audit_away_and_looks_whether_it_was_changed(
    door, lantoa, nats_server, tmp_path
):
    audit = door.directory.service.db["audit"]
    status, made, _ = await door(
        "POST", "/api/v1/directory/people", lantoa.sid, json=NEW, headers={"idempotency-key": "mai-00001"}
    )
    assert status == 201, made
    await eventually(lambda: audit.find_one({"chain": "u-1", "object": made["id"]}), timeout=30)
    await eventually(lambda: audit.find_one({"chain": "platform"}), timeout=30)
    key, reads = str(nats_server.ring.audit_public_file), "directory.audit.read"
    code, out, err = await lantoa("audit", "verify", "--key", key, permission=reads)
    assert (code, out) == (0, ""), err
    # Who stands at a root also reads the chain of what belongs to no unit.
    assert "mục trong 2 chuỗi" in err
    assert "mọi thứ còn như khi được ghi" in err
    assert "thêm --seals" in err, "from here the stream's copies of the seals cannot be read"

    file = tmp_path / "audit.jsonl"
    code, out, err = await lantoa("audit", "export", "--out", str(file), permission=reads)
    assert (code, err, f"vào {file}" in out) == (0, "", True)
    assert [one.name for one in tmp_path.iterdir() if one.name.startswith("audit")] == ["audit.jsonl"]
    assert (await lantoa("audit", "verify", "--file", str(file), "--key", key, permission=reads))[0] == 0

    await audit.update_one({"chain": "u-1", "seq": 1}, {"$set": {"actor": "p-else"}})
    code, out, err = await lantoa("audit", "verify", "--key", key, permission=reads)
    assert (code, out) == (1, "u-1 1 flipped\n")
    assert "flipped: mục đã bị sửa nội dung." in err


async def test_an_address_where_something_else_answers_is_told_from_a_gateway(crude_server, tmp_path):
    url = await crude_server(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\n<html")
    for more in ((), ("audit",)):
        command = ("audit", "export", "--out", str(tmp_path / "x")) if more else ("units", "find", "x")
        done = await asyncio.to_thread(CliRunner().invoke, app, [*command, "--gateway", url, "--token", "x"])
        assert (done.exit_code, "không phải trả lời của Lan Tỏa" in done.stderr) == (1, True), done.output

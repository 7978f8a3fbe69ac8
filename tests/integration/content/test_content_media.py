"""Whose a rendition is: its unit's until it is approved and out, everybody's then."""

from collections.abc import Mapping
from typing import Any

from lantoa_runtime.http import Caller
from lantoa_runtime.http.auth import HEADER
from lantoa_testing import eventually
from lantoa_testing.plugin import token_for

STRANGER = Caller("anonymous", "")
CITIZEN = Caller("c-0123456789abcdef0123", "09•• ••• 123", citizen=True)


async def _reached(office: Any, item: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The status that each kind of reader gets at each address of an item's sound and page."""
    run = office.running
    found: dict[str, dict[str, Any]] = {}
    people = {"own": office.author, "elsewhere": office.elsewhere, "citizen": CITIZEN, "stranger": STRANGER}
    for who, caller in people.items():
        desk = f"/items/{item['id']}/renditions"
        inside = [await run.call("GET", f"{desk}/{kind}", caller) for kind in ("audio", "web", "board")]
        found[who] = {"desk": {status for status, *_ in inside}}
        for name, path in (("sound", f"/tin/{item['id']}/am-thanh"), ("page", f"/tin/{item['id']}")):
            token = {HEADER: token_for(run.ring, caller, "content")}
            async with run.session.get(run.url + path, headers=token) as answer:
                found[who][name] = answer.status
    return found


async def test_a_draft_s_media_are_its_unit_s_alone_until_it_is_out(office):
    item = await office.reviewed()
    reached = await _reached(office, item)
    assert reached["own"]["desk"] == {200}
    for who in ("elsewhere", "citizen", "stranger"):
        assert reached[who]["desk"] <= {401, 403, 404}, who
    for who, found in reached.items():
        assert (found["sound"], found["page"]) == (404, 404), who

    await office.act(item, "approve", office.approver, approval_sha256=item["approval_sha256"])

    async def out():
        found = await _reached(office, item)
        opened = {status for reach in found.values() for status in (reach["sound"], reach["page"])}
        return found if opened == {200} else None

    reached = await eventually(out)
    for who in ("elsewhere", "citizen", "stranger"):
        assert reached[who]["desk"] <= {401, 403, 404}, who

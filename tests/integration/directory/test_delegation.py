"""Roles on loan: as long as their lender holds them, no further, and never around the rule of two people."""

import secrets
import sys
import time
from dataclasses import replace

import pytest
from people_world import OPERATOR

from lantoa_alert.main import build as build_alert
from lantoa_alert.settings import AlertSettings
from lantoa_content.main import build as build_content
from lantoa_content.settings import ContentSettings
from lantoa_content.usecases.stored import INDEXES
from lantoa_contracts.catalogue import ACCOUNT_GRANTED, ACCOUNT_LOCKED
from lantoa_runtime.clock import Clock
from lantoa_runtime.http.auth import Caller
from lantoa_testing import eventually


async def test_roles_are_lent_for_days_and_come_back(town, events):
    hung, lan = await town.caller("hung"), await town.caller("lan")
    status, answer = await town.lend(hung, "p-hung", "p-lan", ["approver"], "u-1")
    assert status == 201
    (loan,) = answer["delegations"]
    assert (loan["to_name"], loan["roles"], loan["unit_name"]) == (
        "Nguyễn Thị Phương Lan",
        ["approver"],
        "Phường Trà Vinh",
    )
    assert (await town.lend(hung, "p-hung", "p-lan", ["approver"], "u-1"))[1]["delegations"] == [loan]
    assert await town.holds("lan") == {("author", "u-1"), ("approver", "u-1")}
    _, me = await town.call(lan, "GET", "/people/p-lan")
    assert [(grant["role"], grant["lender_name"]) for grant in me["grants"]] == [
        ("author", ""),
        ("approver", "Trần Văn Hùng"),
    ]
    event = await events.wait(ACCOUNT_GRANTED, lambda event: event.lender_id == "p-hung")
    assert (event.person_id, event.role, event.valid_to.isoformat()) == ("p-lan", "approver", town.day(4))
    status, answer = await town.call(hung, "DELETE", f"/people/p-hung/delegations/{loan['id']}")
    assert (status, answer["delegations"]) == (200, [])
    assert await town.holds("lan") == {("author", "u-1")}
    assert (await town.call(hung, "DELETE", f"/people/p-hung/delegations/{loan['id']}"))[0] == 404


@pytest.mark.parametrize("how", ["lender locked", "lender's grant ended", "borrower's own grant ended"])
async def test_a_loan_ends_with_what_it_hangs_on(town, events, how):
    tam = await town.caller("tam")
    assert (await town.lend(await town.caller("hung"), "p-hung", "p-lan", ["approver"], "b-1"))[0] == 201
    assert len(await town.holds("lan")) == 2
    if how == "lender locked":
        assert (await town.call(tam, "POST", "/people/p-hung/lock", {"reason": "Nghỉ việc"}))[0] == 200
        # Gateways are told whose rights change with it.
        assert (await events.wait(ACCOUNT_LOCKED)).also == ("p-lan",)
    else:
        person = "p-hung" if how.startswith("lender") else "p-lan"
        _, shown = await town.call(tam, "GET", f"/people/{person}")
        own = next(grant for grant in shown["grants"] if grant["lender"] is None)
        assert (await town.call(tam, "DELETE", f"/people/{person}/grants/{own['id']}"))[0] == 200
    assert await town.holds("lan") == (set() if how.startswith("borrower") else {("author", "u-1")})


async def test_nobody_lends_more_than_their_own(town):
    hung, lan, tam = [await town.caller(login) for login in ("hung", "lan", "tam")]
    cases = [
        (hung, "p-hung", "p-lan", ["approver"], "u-p", "directory.not-yours-to-lend"),
        (hung, "p-hung", "p-lan", ["approver", "admin"], "u-1", "directory.not-yours-to-lend"),
        (hung, "p-hung", "p-hung", ["approver"], "u-1", "directory.not-yourself"),
        (hung, "p-lan", "p-hung", ["author"], "u-1", "forbidden"),
        (tam, "p-hung", "p-tam", ["approver"], "u-1", "directory.not-yourself"),
        (tam, "p-hung", "p-thao", ["approver"], "u-1", "forbidden"),
        (tam, "p-cuc", "p-lan", ["approver"], "u-1", "forbidden"),
    ]
    for who, lender, borrower, roles, unit, code in cases:
        status, problem = await town.lend(who, lender, borrower, roles, unit)
        told = {problem["code"]} | {error["message"] for error in problem.get("errors", ())}
        assert (status in (403, 422), problem["code"]) == (True, code), (lender, borrower, told)
    assert (await town.lend(hung, "p-hung", "p-lan", ["approver"], "u-1"))[0] == 201
    # What is borrowed is not lent again.
    status, problem = await town.lend(await town.caller("lan"), "p-lan", "p-tam", ["approver"], "u-1")
    assert (status, problem["code"]) == (422, "directory.not-yours-to-lend")
    long = {"to_day": town.day(200)}
    assert (await town.lend(hung, "p-hung", "p-lan", ["approver"], "u-1", **long))[0] == 422
    status, _ = await town.lend(tam, "p-hung", "p-lan", ["approver"], "u-1", **{"from": town.day(2)})
    assert status == 201
    assert lan.id == "p-lan"


async def test_the_borrower_may_give_back_and_a_stranger_may_not(town):
    hung, thao = await town.caller("hung"), await town.caller("thao")
    _, answer = await town.lend(hung, "p-hung", "p-lan", ["approver"], "u-1")
    address = f"/people/p-hung/delegations/{answer['delegations'][0]['id']}"
    assert (await town.call(thao, "DELETE", address))[0] == 403
    status, shown = await town.call(await town.caller("lan"), "DELETE", address)
    assert (status, shown["brief"]) == (200, True)
    assert await town.holds("lan") == {("author", "u-1")}


@pytest.fixture
async def lan_as_approver(town):
    """Lan as the gateway knows her once the approver has lent her his role."""
    assert (await town.lend(await town.caller("hung"), "p-hung", "p-lan", ["approver"], "u-1"))[0] == 201
    lan = await town.caller("lan")
    assert {grant.role for grant in lan.grants} == {"author", "approver"}
    return lan


async def test_an_author_with_the_approvers_role_on_loan_does_not_approve_their_own_item(
    town, lan_as_approver, start_service, events
):
    content = await start_service(
        "content",
        ContentSettings,
        build_content,
        INDEXES,
        speech_command=(sys.executable, "-c", "pass"),
        public_url="http://127.0.0.1:9",
        confirm_seconds=3600.0,
    )
    units = content.service.db["units"]
    await _told(town, lambda: units.find_one({"_id": "u-1"}))
    item = {
        "title": "Lịch tiêm chủng",
        "body": "Sáng thứ Bảy, trạm y tế tiêm chủng.",
        "priority": "normal",
        "unit_id": "u-1",
        "tasks": ["08"],
        "topic": "skills",
        "language": "vi",
    }

    async def in_review(author, key):
        status, made, _ = await content.call("POST", "/items", author, item, {"Idempotency-Key": key})
        assert status == 201, made
        one = {"bytes": 3, "media_type": "text/html", "seconds": None, "lufs": None, "voice": None}
        kinds = [one | {"kind": kind, "sha256": "ab" * 32} for kind in ("audio", "board", "web")]
        fields = {"state": "in_review", "renditions": kinds, "submitted_at": Clock().now()}
        await content.service.db["items"].update_one({"_id": made["id"]}, {"$set": fields})
        return (await content.call("GET", f"/items/{made['id']}", author))[1]

    async def approve(made, who):
        body, headers = {"approval_sha256": made["approval_sha256"]}, {"If-Match": f'"{made["ver"]}"'}
        return await content.call("POST", f"/items/{made['id']}/approve", who, body, headers)

    own = await in_review(lan_as_approver, "own-00001")
    status, problem, _ = await approve(own, lan_as_approver)
    assert (status, problem["code"]) == (403, "content.own-item")
    # Another's item she may approve with it: that is what it was lent for.
    mai = Caller("p-mai", "Mai", tuple(grant for grant in lan_as_approver.grants if grant.role == "author"))
    just_now = replace(lan_as_approver, signed_in_at=int(Clock().now().timestamp()))
    assert (await approve(await in_review(mai, "mai-00001"), just_now))[0] == 200


async def _told(town, known):
    """The stream of this module may have dropped the units as repeats of another test's: say them once more."""
    assert (await town.running.call("POST", "/replay", OPERATOR))[0] == 200
    await eventually(known)


async def test_who_asked_for_an_alert_does_not_confirm_it_with_a_role_on_loan(
    town, lan_as_approver, start_service, nats_server
):
    alert = await start_service(
        "alert",
        AlertSettings,
        build_alert,
        key_file=nats_server.ring.alert_file,
        holders_file=nats_server.ring.holders_file,
        speech_command=(sys.executable, "-c", "pass"),
        mongo_url="mongodb://127.0.0.1:1/",
        turn_seconds=0.05,
    )
    await _told(town, lambda: "u-1" in alert.service.app.state.roster.units)
    lan = replace(lan_as_approver, signed_in_at=int(time.time()))
    notice = {
        "status": "test",
        "severity": "minor",
        "headline": "Thử",
        "texts": {"vi": "Thử hệ thống."},
        "scopes": ["u-1"],
        "minutes": 5,
        "speak": False,
    }
    status, asked, _ = await alert.call("POST", "/notices", lan, notice, {"Idempotency-Key": secrets.token_hex(8)})
    assert status == 201, asked
    status, problem, _ = await alert.call("POST", f"/notices/{asked['id']}/confirm", lan, {"ver": 1})
    assert (status, problem["code"]) == (409, "alert.own-request")
    hung = replace(await town.caller("hung"), signed_in_at=int(time.time()))
    assert (await alert.call("POST", f"/notices/{asked['id']}/confirm", hung, {"ver": 1}))[0] == 200

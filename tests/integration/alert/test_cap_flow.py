"""CAP messages from a person's file or a source's feed to notices and back out, on a real server."""

import sys
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from cryptography.hazmat.primitives.serialization import Encoding

from lantoa_alert.domain.cap_reading import read
from lantoa_alert.domain.cap_threads import replaced
from lantoa_alert.main import build
from lantoa_alert.settings import AlertSettings
from lantoa_alert.usecases.notices import Notices
from lantoa_contracts.catalogue import SOURCE_ADDED, SOURCE_REMOVED, UNIT_CHANGED
from lantoa_contracts.events.directory import UnitChanged
from lantoa_runtime.errors import Unavailable
from lantoa_runtime.http import Caller, Grant
from lantoa_testing import eventually
from lantoa_testing.plugin import EventProbe, Running, StartService
from lantoa_testing.servers import NatsServer

sys.path.insert(0, str(Path(__file__).parents[2] / "unit" / "alert"))
from cap_signing import info, key_pair, message, signed

SHIFT = datetime.fromisoformat("2026-11-24T09:00:00+00:00").timestamp() - time.time()
"""Puts the service's clock on the day of the messages."""
HUNG = Caller("p-hung", "Hùng", (Grant("approver", "u-86"),))
SON = Caller("p-son", "Sơn", (Grant("approver", "u-86"),))
ADMIN = Caller("p-admin", "Quản trị", (Grant("admin", "u-86"),))
SMALL_ADMIN = Caller("p-small", "Quản trị xã", (Grant("admin", "u-29308"),))
ELSEWHERE = Caller("p-tu", "Tú", (Grant("approver", "u-29242"),))
AUTHOR = Caller("p-thao", "Thảo", (Grant("author", "u-86"),))
STRANGER = Caller("anonymous", "")
XML = {"content-type": "application/cap+xml"}
TIDE = "Triều cường vượt báo động 3"
UNITS = (
    ("u-86", "86", "Tỉnh Vĩnh Long", "province", None, None),
    ("u-29308", "29308", "Xã Cầu Kè", "commune", 9.87, 106.06),
    ("u-29242", "29242", "Phường Trà Vinh", "ward", 9.94, 106.34),
)


@pytest.fixture
async def alert(
    start_service: StartService, nats_server: NatsServer, events: EventProbe, feed: "Feed", unhurried: None
) -> Running:
    running = await start_service(
        "alert",
        AlertSettings,
        build,
        key_file=nats_server.ring.alert_file,
        turn_seconds=0.05,
        cap_poll_seconds=3600.0,
        cap_fetch_seconds=60.0,
        cap_private_hosts=(f"127.0.0.1:{feed.port}",),
        clock_shift_seconds=SHIFT,
    )
    for unit_id, code, name, kind, lat, lon in UNITS:
        path = ("u-86",) if unit_id == "u-86" else ("u-86", unit_id)
        unit = UnitChanged(
            unit_id=unit_id, ver=1, code=code, name=name, kind=kind, path=path, valid_from=None, valid_to=None, lat=lat,
            lon=lon,
        )  # fmt: skip
        await events.publish(UNIT_CHANGED, unit)
    await eventually(lambda: len(running.service.app.state.roster.units) == len(UNITS))
    return running


async def look(alert: Running) -> None:
    """Look at every source now."""
    await alert.service.app.state.cap_sources.look()


def fresh(caller: Caller) -> Caller:
    """Somebody who has just signed in, unless it is said when."""
    return caller if caller.signed_in_at else replace(caller, signed_in_at=int(time.time() + SHIFT))


async def notices(alert: Running) -> list[tuple[str, str]]:
    """State and headline of every notice, oldest first."""
    _, body, _ = await alert.call("GET", "/notices", HUNG)
    return [(one["state"], one["current"]["headline"]) for one in reversed(body["items"])]


async def confirm(alert: Running, notice_id: str, ver: int) -> None:
    status, body, _ = await alert.call("POST", f"/notices/{notice_id}/confirm", fresh(SON), json={"ver": ver})
    assert status == 200, body


async def post(alert: Running, xml: bytes, caller: Caller = HUNG, **headers: str) -> tuple[int, Any]:
    status, body, _ = await alert.call("POST", "/cap", fresh(caller), data=xml, headers={**XML, **headers})
    return status, body


def sent(minute: int) -> str:
    return f"2026-11-24T15:{minute:02d}:00+07:00"


def ref(identifier: str, minute: int, sender: str = "canhbao@kttv.example") -> str:
    return f"{sender},{identifier},{sent(minute)}"


# -- people -------------------------------------------------------------------------------------------------------


async def test_a_message_becomes_one_request_that_a_second_person_confirms(alert):
    status, first = await post(alert, message())
    assert (status, first["outcome"], first["verdict"]) == (200, "requested", "no_signature")
    _, again = await post(alert, message())
    assert (again["outcome"], again["notice_ids"]) == ("repeated", first["notice_ids"])
    assert await notices(alert) == [("requested", TIDE)]
    (notice_id,) = first["notice_ids"]
    status, body, _ = await alert.call("POST", f"/notices/{notice_id}/confirm", fresh(HUNG), json={"ver": 1})
    assert (status, body["code"]) == (409, "alert.own-request")
    await confirm(alert, notice_id, 1)
    assert await notices(alert) == [("in_force", TIDE)]


async def test_what_nobody_confirmed_may_be_asked_for_again_by_a_person(alert):
    _, first = await post(alert, message())
    path = f"/notices/{first['notice_ids'][0]}/refuse"
    assert (await alert.call("POST", path, fresh(SON), json={"reason": "Chưa chắc"}))[0] == 200
    _, second = await post(alert, message())
    assert second["outcome"] == "requested"
    assert second["notice_ids"] != first["notice_ids"]
    assert await notices(alert) == [("refused", TIDE), ("requested", TIDE)]
    assert (await post(alert, message()))[1]["outcome"] == "repeated"


async def test_an_update_and_a_cancel_find_their_notice_and_go_out_again_as_cap(alert):
    _, first = await post(alert, message(sent=sent(1)))
    (notice_id,) = first["notice_ids"]
    await confirm(alert, notice_id, 1)
    update = {"infos": info(headline="Nước rút"), "identifier": "vn-2", "sent": sent(2), "msg_type": "Update"}
    _, body = await post(alert, message(**update, references=ref("vn-1", 1)))
    assert body["notice_ids"] == [notice_id]
    await confirm(alert, notice_id, 2)
    both = f"{ref('vn-1', 1)} {ref('vn-2', 2)}"
    _, body = await post(alert, message("", identifier="vn-3", sent=sent(3), msg_type="Cancel", references=both))
    assert body["outcome"] == "cancelled"
    assert await notices(alert) == [("cancelled", "Nước rút")]
    status, xml, headers = await alert.call("GET", f"/notices/{notice_id}/cap.xml", STRANGER)
    assert (status, headers["content-type"]) == (200, "application/cap+xml")
    told = read(xml)
    assert (told.msg_type, [key.identifier for key in replaced(told)]) == (
        "Cancel",
        [f"{notice_id}.1", f"{notice_id}.2"],
    )
    assert told.infos[0].areas[0].geocodes == (("urn:lantoa:unit", "29308"),)
    status, body = await post(alert, message(**{**update, "identifier": "vn-4"}))
    assert (status, body["code"]) == (422, "alert.cap-references"), "an update that names nothing is none"


async def test_an_update_of_what_still_waits_takes_its_place(alert):
    await post(alert, message(sent=sent(1)))
    update = {"infos": info(headline="Mới"), "identifier": "vn-2", "sent": sent(2), "msg_type": "Update"}
    await post(alert, message(**update, references=ref("vn-1", 1)))
    assert await notices(alert) == [("refused", TIDE), ("requested", "Mới")]


async def test_an_update_that_overtook_its_alert_counts_and_the_alert_does_not(alert):
    late = message(info(headline="Mới"), identifier="vn-2", sent=sent(2), msg_type="Update", references=ref("vn-1", 1))
    assert (await post(alert, late))[1]["outcome"] == "requested"
    assert (await post(alert, message(sent=sent(1))))[1]["outcome"] == "superseded"
    assert await notices(alert) == [("requested", "Mới")]


async def test_a_cancel_that_overtook_its_alert_keeps_it_silent(alert):
    cancel = message("", identifier="vn-2", sent=sent(2), msg_type="Cancel", references=ref("vn-1", 1))
    assert (await post(alert, cancel))[1]["outcome"] == "cancelled"
    assert (await post(alert, message(sent=sent(1))))[1]["outcome"] == "superseded"
    assert await notices(alert) == []


async def test_an_update_sent_before_the_latest_word_changes_nothing(alert):
    await post(alert, message(sent=sent(1)))
    for identifier, minute in (("vn-3", 5), ("vn-2", 3)):
        words = info(headline=identifier)
        update = {"identifier": identifier, "sent": sent(minute), "msg_type": "Update", "references": ref("vn-1", 1)}
        _, body = await post(alert, message(words, **update))
    assert body["outcome"] == "superseded"
    assert await notices(alert) == [("refused", TIDE), ("requested", "vn-3")]


async def test_acks_are_noted_and_ask_for_nothing(alert):
    ack = message("", identifier="a-1", msg_type="Ack", references=ref("vn-1", 1))
    assert (await post(alert, ack))[1]["outcome"] == "noted"
    assert await notices(alert) == []


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"infos": info(areas="")}, "alert.cap-no-area"),
        ({"infos": info(areas="<area><areaDesc>Hà Nội</areaDesc></area>")}, "alert.cap-unknown-area"),
        ({"status": "System"}, "alert.cap-status"),
        ({"msg_type": "Cancel", "references": "a,b"}, "alert.cap-references"),
        ({"msg_type": "Update", "references": "other,vn-1,2026-11-24T15:00:00+07:00"}, "alert.cap-foreign-reference"),
    ],
)
async def test_what_is_refused_says_why_and_asks_for_nothing(alert, given, code):
    status, body = await post(alert, message(**given))
    assert (status, body["code"]) == (422, code)
    assert "{" not in body["detail"]
    assert await notices(alert) == []


async def test_the_same_name_for_another_message_is_refused(alert):
    await post(alert, message())
    status, body = await post(alert, message(info(headline="Khác")))
    assert (status, body["code"]) == (409, "alert.cap-identifier-reused")
    assert await notices(alert) == [("requested", TIDE)]


async def test_only_those_who_may_alert_the_area_hand_in_messages_and_only_xml(alert):
    assert (await post(alert, message(), AUTHOR))[0] == 403
    status, body = await post(alert, message(), ELSEWHERE)
    assert (status, body["code"]) == (403, "alert.outside-area")
    long_ago = replace(HUNG, signed_in_at=int(time.time() + SHIFT) - 3600)
    assert (await post(alert, message(), long_ago))[1]["code"] == "alert.sign-in-again"
    status, body = await post(alert, message(), **{"content-type": "application/json"})
    assert (status, body["code"]) == (415, "alert.cap-not-xml-type")
    status, body = await post(alert, b"<?xml version='1.0'?><wrapper/>")
    assert (status, body["code"]) == (422, "alert.cap-not-cap"), "a wrapper without an alert is no test alert"
    status, body = await post(alert, signed(message()))
    assert (status, body["code"]) == (422, "alert.cap-certificate"), "no source pins this certificate"
    assert await notices(alert) == []


async def test_work_that_broke_off_is_done_again_under_the_same_id(alert, monkeypatch):
    async def away(*_: Any, **__: Any) -> None:
        raise Unavailable("nats")

    with monkeypatch.context() as broken:
        broken.setattr(Notices, "from_cap", away)
        assert (await post(alert, message()))[0] == 503
    assert (await post(alert, message()))[1]["outcome"] == "requested"
    assert (await post(alert, message()))[1]["outcome"] == "repeated"
    assert await notices(alert) == [("requested", TIDE)]


async def test_the_feed_holds_real_notices_in_force_and_an_exercise_is_for_staff(alert):
    _, real = await post(alert, message())
    _, exercise = await post(alert, message(identifier="vn-2", status="Exercise"))
    for taken in (real, exercise):
        await confirm(alert, taken["notice_ids"][0], 1)
    status, feed, headers = await alert.call("GET", "/cap.atom", STRANGER)
    assert (status, headers["content-type"]) == (200, "application/atom+xml")
    assert feed.count(b"<entry") == 1
    assert f'href="notices/{real["notice_ids"][0]}/cap.xml"'.encode() in feed
    path = f"/notices/{exercise['notice_ids'][0]}/cap.xml"
    assert (await alert.call("GET", path, STRANGER))[0] == 404
    assert read((await alert.call("GET", path, HUNG))[1]).status == "Exercise"
    assert (await alert.call("GET", "/notices/ntc-none/cap.xml", HUNG))[0] == 404


# -- sources ------------------------------------------------------------------------------------------------------


class Feed:
    """A source on loopback: documents by path."""

    def __init__(self) -> None:
        self.port = 0
        self.documents: dict[str, bytes] = {}
        self.asked: list[str] = []

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append(request.path)
        found = self.documents.get(request.path)
        return web.Response(body=found) if found is not None else web.Response(status=404)

    def atom(self, *paths: str) -> None:
        entry = '<entry><id>urn:{0}</id><updated>2026-11-24T08:00:00Z</updated><link type="{1}" href="{0}"/></entry>'
        entries = "".join(entry.format(path, "application/cap+xml") for path in paths)
        self.documents["/atom"] = f'<feed xmlns="http://www.w3.org/2005/Atom">{entries}</feed>'.encode()


@pytest.fixture
async def feed() -> AsyncIterator[Feed]:
    found = Feed()
    app = web.Application()
    app.router.add_get("/{path:.*}", found.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    found.port = runner.addresses[0][1]
    yield found
    await runner.cleanup()


PEM = key_pair()[1].public_bytes(Encoding.PEM).decode()


async def add(alert: Running, feed: Feed, path: str = "/atom", caller: Caller = ADMIN, **given: Any) -> tuple[int, Any]:
    body = {"name": "KTTV", "url": f"http://127.0.0.1:{feed.port}{path}", "certificates": PEM, **given}
    status, answer, _ = await alert.call("POST", "/cap/sources", caller, json=body)
    return status, answer


async def sources(alert: Running) -> list[Any]:
    _, body, _ = await alert.call("GET", "/cap/sources", ADMIN)
    return body["items"]


async def test_every_entry_of_a_feed_is_taken_once(alert, feed):
    assert (await add(alert, feed))[0] == 201
    feed.atom("/1.xml", "/2.xml", "/gone.xml")
    feed.documents["/1.xml"] = signed(message())
    feed.documents["/2.xml"] = signed(message(info(headline="Hai"), identifier="vn-2"))
    await look(alert)
    await look(alert)
    assert await notices(alert) == [("requested", TIDE), ("requested", "Hai")]
    assert feed.asked.count("/1.xml") == 1
    (found,) = await sources(alert)
    assert (found["entries"], found["error"]) == (3, None)
    assert found["refusals"][0]["code"] == "alert.cap-fetch"
    assert "404" in found["refusals"][0]["detail"]


async def test_a_bare_message_and_rss_are_sources_too(alert, feed):
    await add(alert, feed, "/bare")
    await add(alert, feed, "/rss")
    feed.documents["/bare"] = signed(message())
    feed.documents["/2.xml"] = signed(message(identifier="vn-2"))
    feed.documents["/rss"] = b"<rss version='2.0'><channel><item><link>/2.xml</link></item></channel></rss>"
    await look(alert)
    assert [state for state, _ in await notices(alert)] == ["requested", "requested"]


async def test_an_automatic_source_issues_by_itself_but_never_before_its_time(alert, events, feed):
    await add(alert, feed, automatic=True)
    feed.atom("/now.xml", "/later.xml")
    later = info(times="<effective>2026-11-24T20:00:00+07:00</effective>")
    feed.documents["/now.xml"] = signed(message())
    feed.documents["/later.xml"] = signed(message(later, identifier="vn-2"))
    await look(alert)
    await look(alert)
    assert await notices(alert) == [("in_force", TIDE)]
    kept = await events.js.get_last_msg("KV_alert", "$KV.alert.unit.u-29308.alert")
    assert TIDE.encode() in kept.data, "devices have the order"
    assert feed.asked.count("/later.xml") == 2, "it is looked at again until its time has come"


async def test_an_automatic_source_updates_and_cancels_and_a_feed_may_begin_with_its_newest(alert, feed):
    await add(alert, feed, automatic=True)
    update = {"infos": info(headline="Mới"), "identifier": "vn-2", "sent": sent(2), "msg_type": "Update"}
    both = f"{ref('vn-1', 1)} {ref('vn-2', 2)}"
    feed.documents["/1.xml"] = signed(message(sent=sent(1)))
    feed.documents["/2.xml"] = signed(message(**update, references=ref("vn-1", 1)))
    end = message("", identifier="vn-3", sent=sent(3), msg_type="Cancel", references=both)
    feed.documents["/3.xml"] = signed(end)
    feed.documents["/9.xml"] = signed(message(info(headline="Chín"), identifier="vn-9", sent=sent(9)))
    old = {**update, "infos": info(headline="Mười"), "identifier": "vn-10", "sent": sent(10)}
    feed.documents["/10.xml"] = signed(message(**old, references=ref("vn-9", 9)))
    for paths, expected in (
        (("/1.xml",), [("in_force", TIDE)]),
        (("/2.xml", "/1.xml"), [("in_force", "Mới")]),
        (("/3.xml", "/2.xml", "/1.xml"), [("cancelled", "Mới")]),
        (("/10.xml", "/9.xml", "/3.xml"), [("cancelled", "Mới"), ("in_force", "Mười")]),
    ):
        feed.atom(*paths)
        await look(alert)
        assert await notices(alert) == expected


async def test_a_message_that_could_not_be_fetched_is_tried_again_at_the_next_look(alert, feed):
    await add(alert, feed)
    feed.atom("/1.xml")
    await look(alert)
    await look(alert)
    assert [one["code"] for one in (await sources(alert))[0]["refusals"]] == ["alert.cap-fetch"]
    feed.documents["/1.xml"] = signed(message())
    await look(alert)
    assert await notices(alert) == [("requested", TIDE)]


@pytest.mark.parametrize(
    ("xml", "code"),
    [
        (message(), "alert.cap-unsigned"),
        (signed(message(), "rsa"), "alert.cap-certificate"),
        (signed(message()).replace(b"Met<", b"Geo<"), "alert.cap-digest"),
        (b"<wrapper/>", "alert.cap-not-cap"),
    ],
)
async def test_a_source_that_signs_is_held_to_its_signature(alert, feed, xml, code):
    await add(alert, feed, automatic=True)
    feed.atom("/1.xml")
    feed.documents["/1.xml"] = xml
    await look(alert)
    assert await notices(alert) == []
    assert [one["code"] for one in (await sources(alert))[0]["refusals"]] == [code]


async def test_the_last_error_of_a_source_is_shown_and_goes_away(alert, feed):
    await add(alert, feed)
    await look(alert)
    (found,) = await sources(alert)
    assert (found["error"]["code"], found["ok_at"]) == ("alert.cap-fetch", None)
    assert "404" in found["error"]["detail"]
    feed.documents["/atom"] = b"<html/>"
    await look(alert)
    assert (await sources(alert))[0]["error"]["code"] == "alert.cap-not-feed"
    feed.atom()
    await look(alert)
    (found,) = await sources(alert)
    assert found["error"] is None
    assert found["ok_at"] == found["looked_at"]


async def test_one_source_cannot_change_what_another_said_nor_take_its_names(alert, feed):
    await add(alert, feed, "/a")
    await add(alert, feed, "/b")
    cancel = message(
        "", identifier="x", sent=sent(40), msg_type="Cancel", references=f"{ref('vn-1', 30)} {ref('vn-9', 35)}"
    )
    feed.documents["/a"] = signed(message(sent=sent(30)))
    feed.documents["/b"] = signed(cancel)
    await look(alert)
    feed.documents["/a"] = signed(message(info(headline="Chín"), identifier="vn-9", sent=sent(35)))
    await look(alert)
    assert [state for state, _ in await notices(alert)] == ["requested", "requested"]


async def test_sources_are_kept_by_those_who_administer_everything_and_every_change_is_told(alert, feed, events):
    for caller in (HUNG, SMALL_ADMIN, AUTHOR):
        assert (await add(alert, feed, caller=caller))[0] == 403
        assert (await alert.call("GET", "/cap/sources", caller))[0] == 403
    status, made = await add(alert, feed)
    assert (status, made["automatic"], len(made["fingerprints"][0])) == (201, False, 64)
    assert (await add(alert, feed))[1]["code"] == "alert.cap-source-known"
    assert [one["source_id"] for one in await sources(alert)] == [made["source_id"]]
    assert (await alert.call("DELETE", f"/cap/sources/{made['source_id']}", ADMIN))[0] == 204
    assert await sources(alert) == []
    assert (await alert.call("DELETE", f"/cap/sources/{made['source_id']}", ADMIN))[0] == 404
    for spec in (SOURCE_ADDED, SOURCE_REMOVED):
        assert [event.source_id for event in await events.all(spec)] == [made["source_id"]]
        newest = await events.client.jetstream().get_last_msg("EVT", spec.subject)
        assert newest.headers["lt-actor"] == ADMIN.id


@pytest.mark.parametrize(
    ("given", "status", "code"),
    [
        ({"url": "http://127.0.0.1:1/"}, 422, "alert.cap-address"),
        ({"url": "file:///etc/passwd"}, 422, "alert.cap-address"),
        ({"certificates": "xx"}, 422, "alert.cap-no-certificate"),
        ({"certificates": "", "automatic": True}, 422, "alert.cap-automatic-unsigned"),
        ({"certificates": "", "url": "http://kttv.example/"}, 422, "alert.cap-unsigned-plain"),
    ],
)
async def test_a_source_that_could_do_harm_is_not_kept(alert, feed, given, status, code):
    answered, body = await add(alert, feed, **given)
    assert (answered, body["code"] if "errors" not in body else code) == (status, code)
    assert await sources(alert) == []

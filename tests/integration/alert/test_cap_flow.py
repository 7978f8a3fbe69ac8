"""CAP messages from a person's file or a source's feed to notices, over a real NATS."""

import sys
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from cryptography.hazmat.primitives.serialization import Encoding

from lantoa_alert import consumers
from lantoa_alert.api.cap_parts import install
from lantoa_alert.domain.cap_areas import CapUnit
from lantoa_alert.settings import AlertSettings
from lantoa_runtime.errors import Unavailable
from lantoa_runtime.http import Caller, Grant
from lantoa_testing.plugin import EventProbe, Running, StartService

sys.path.insert(0, str(Path(__file__).parents[2] / "unit" / "alert"))
from cap_signing import info, key_pair, message, signed

UNITS = [
    CapUnit("u-86", "86", "Tỉnh Vĩnh Long", "province", ("u-86",)),
    CapUnit("u-29308", "29308", "Xã Cầu Kè", "commune", ("u-86", "u-29308"), lat=9.87, lon=106.06),
    CapUnit("u-29242", "29242", "Phường Trà Vinh", "ward", ("u-86", "u-29242"), lat=9.94, lon=106.34),
]
HUNG = Caller("p-hung", "Hùng", (Grant("approver", "u-86"),))
ADMIN = Caller("p-admin", "Quản trị", (Grant("admin", "u-86"),))
SMALL_ADMIN = Caller("p-small", "Quản trị xã", (Grant("admin", "u-29308"),))
AUTHOR = Caller("p-thao", "Thảo", (Grant("author", "u-86"),))
XML = {"content-type": "application/cap+xml"}
SHIFT = "2026-11-24T09:00:00+00:00"


class Desk:
    """Stands where notices are made, and writes down what is asked of it."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, ...]] = []
        self.down = False

    def check(self, drafts: Iterable[Any], origin: Any) -> None:
        pass

    async def request(self, notice_id: str, draft: Any, alert: Any, origin: Any) -> None:
        if self.down:
            raise Unavailable("nats")
        self.asked.append(("issue" if origin.automatic else "request", notice_id, draft.headline))

    async def update(self, notice_id: str, new_id: str, draft: Any, alert: Any, origin: Any) -> str:
        self.asked.append(("update", notice_id, draft.headline))
        return notice_id

    async def cancel(self, notice_id: str, alert: Any, origin: Any) -> None:
        self.asked.append(("cancel", notice_id))

    def own(self, notice_id: str) -> None:
        return None

    def current(self, now: Any) -> list[Any]:
        return []

    def cap_units(self) -> list[CapUnit]:
        return UNITS

    @property
    def kinds(self) -> list[str]:
        return [one[0] for one in self.asked]


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def look() -> list[Any]:
    """Looks at all sources now; filled by the service."""
    return []


@pytest.fixture
async def alert(start_service: StartService, events: EventProbe, desk: Desk, look: list[Any], feed: "Feed") -> Running:
    def build(service: Any) -> None:
        service.without_database = True
        consumers.register(service.bus)
        look.append(install(service, desk, desk, desk).look)

    return await start_service(
        "alert",
        AlertSettings,
        build,
        cap_poll_seconds=3600.0,
        cap_private_hosts=(f"127.0.0.1:{feed.port}",),
        clock_shift_seconds=_shift(),
    )


def _shift() -> float:
    """Puts the service's clock on the day of the messages."""
    from datetime import datetime

    from lantoa_runtime.clock import Clock

    return (datetime.fromisoformat(SHIFT) - Clock().now()).total_seconds()


async def post(alert: Running, xml: bytes, caller: Caller = HUNG, **headers: str) -> tuple[int, Any]:
    status, body, _ = await alert.call("POST", "/cap", caller, data=xml, headers={**XML, **headers})
    return status, body


def sent(minute: int) -> str:
    return f"2026-11-24T15:{minute:02d}:00+07:00"


def ref(identifier: str, minute: int, sender: str = "canhbao@kttv.example") -> str:
    return f"{sender},{identifier},{sent(minute)}"


# -- people -------------------------------------------------------------------------------------------------------


async def test_a_message_becomes_one_request_however_often_it_comes(alert, desk):
    status, first = await post(alert, message())
    assert (status, first["outcome"], first["verdict"]) == (200, "requested", "no_signature")
    _, again = await post(alert, message())
    assert (again["outcome"], again["notice_ids"]) == ("repeated", first["notice_ids"])
    assert desk.asked == [("request", first["notice_ids"][0], "Triều cường vượt báo động 3")]


async def test_an_update_and_a_cancel_find_their_notice(alert, desk):
    _, first = await post(alert, message(sent=sent(1)))
    update = {"infos": info(headline="Nước rút"), "identifier": "vn-2", "sent": sent(2), "msg_type": "Update"}
    _, body = await post(alert, message(**update, references=ref("vn-1", 1)))
    assert body["notice_ids"] == first["notice_ids"]
    both = f"{ref('vn-1', 1)} {ref('vn-2', 2)}"
    _, body = await post(alert, message("", identifier="vn-3", sent=sent(3), msg_type="Cancel", references=both))
    assert body["outcome"] == "cancelled"
    notice_id = first["notice_ids"][0]
    assert desk.asked[1:] == [("update", notice_id, "Nước rút"), ("cancel", notice_id)]
    status, body = await post(alert, message(**{**update, "identifier": "vn-4"}))
    assert (status, body["code"]) == (422, "alert.cap-references"), "an update that names nothing is none"


async def test_an_update_that_overtook_its_alert_counts_and_the_alert_does_not(alert, desk):
    late = message(info(headline="Mới"), identifier="vn-2", sent=sent(2), msg_type="Update", references=ref("vn-1", 1))
    assert (await post(alert, late))[1]["outcome"] == "requested"
    assert (await post(alert, message(sent=sent(1))))[1]["outcome"] == "superseded"
    assert desk.kinds == ["request"]


async def test_a_cancel_that_overtook_its_alert_keeps_it_silent(alert, desk):
    cancel = message("", identifier="vn-2", sent=sent(2), msg_type="Cancel", references=ref("vn-1", 1))
    assert (await post(alert, cancel))[1]["outcome"] == "cancelled"
    assert (await post(alert, message(sent=sent(1))))[1]["outcome"] == "superseded"
    assert desk.asked == []


async def test_an_update_sent_before_the_latest_word_changes_nothing(alert, desk):
    await post(alert, message(sent=sent(1)))
    for identifier, minute in (("vn-3", 5), ("vn-2", 3)):
        update = {"identifier": identifier, "sent": sent(minute), "msg_type": "Update", "references": ref("vn-1", 1)}
        _, body = await post(alert, message(**update))
    assert body["outcome"] == "superseded"
    assert desk.kinds == ["request", "update"]


async def test_acks_are_noted_and_ask_for_nothing(alert, desk):
    ack = message("", identifier="a-1", msg_type="Ack", references=ref("vn-1", 1))
    assert (await post(alert, ack))[1]["outcome"] == "noted"
    assert desk.asked == []


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
async def test_what_is_refused_says_why_and_asks_for_nothing(alert, desk, given, code):
    status, body = await post(alert, message(**given))
    assert (status, body["code"]) == (422, code)
    assert "{" not in body["detail"]
    assert desk.asked == []


async def test_the_same_name_for_another_message_is_refused(alert, desk):
    await post(alert, message())
    status, body = await post(alert, message(info(headline="Khác")))
    assert (status, body["code"]) == (409, "alert.cap-identifier-reused")
    assert len(desk.asked) == 1


async def test_only_those_who_may_approve_hand_in_messages_and_only_xml(alert):
    assert (await post(alert, message(), AUTHOR))[0] == 403
    status, body = await post(alert, message(), **{"content-type": "application/json"})
    assert (status, body["code"]) == (415, "alert.cap-not-xml-type")
    status, body = await post(alert, b"<?xml version='1.0'?><wrapper/>")
    assert (status, body["code"]) == (422, "alert.cap-not-cap"), "a wrapper without an alert is no test alert"


async def test_work_that_broke_off_is_done_again_under_the_same_id(alert, desk):
    desk.down = True
    assert (await post(alert, message()))[0] == 503
    desk.down = False
    _, body = await post(alert, message())
    assert body["outcome"] == "requested"
    assert (await post(alert, message()))[1]["outcome"] == "repeated"
    assert desk.asked == [("request", body["notice_ids"][0], "Triều cường vượt báo động 3")]


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


async def test_every_entry_of_a_feed_is_taken_once(alert, desk, feed, look):
    assert (await add(alert, feed))[0] == 201
    feed.atom("/1.xml", "/2.xml", "/gone.xml")
    feed.documents["/1.xml"] = signed(message())
    feed.documents["/2.xml"] = signed(message(info(headline="Hai"), identifier="vn-2"))
    await look[0]()
    await look[0]()
    assert [(kind, headline) for kind, _, headline in desk.asked] == [
        ("request", "Triều cường vượt báo động 3"),
        ("request", "Hai"),
    ]
    assert feed.asked.count("/1.xml") == 1
    (found,) = await sources(alert)
    assert (found["entries"], found["error"]) == (3, None)
    assert found["refusals"][0]["code"] == "alert.cap-fetch"
    assert "404" in found["refusals"][0]["detail"]


async def test_a_bare_message_and_rss_are_sources_too(alert, desk, feed, look):
    await add(alert, feed, "/bare")
    await add(alert, feed, "/rss")
    feed.documents["/bare"] = signed(message())
    feed.documents["/2.xml"] = signed(message(identifier="vn-2"))
    feed.documents["/rss"] = b"<rss version='2.0'><channel><item><link>/2.xml</link></item></channel></rss>"
    await look[0]()
    assert desk.kinds == ["request", "request"]


async def test_an_automatic_source_issues_by_itself_but_never_before_its_time(alert, desk, feed, look):
    await add(alert, feed, automatic=True)
    feed.atom("/now.xml", "/later.xml")
    later = info(times="<effective>2026-11-24T20:00:00+07:00</effective>")
    feed.documents["/now.xml"] = signed(message())
    feed.documents["/later.xml"] = signed(message(later, identifier="vn-2"))
    await look[0]()
    await look[0]()
    assert desk.kinds == ["issue"]
    assert feed.asked.count("/later.xml") == 2, "it is looked at again until its time has come"


@pytest.mark.parametrize(
    ("xml", "code"),
    [
        (message(), "alert.cap-unsigned"),
        (signed(message(), "rsa"), "alert.cap-certificate"),
        (signed(message()).replace(b"Met<", b"Geo<"), "alert.cap-digest"),
        (b"<wrapper/>", "alert.cap-not-cap"),
    ],
)
async def test_a_source_that_signs_is_held_to_its_signature(alert, desk, feed, look, xml, code):
    await add(alert, feed, automatic=True)
    feed.atom("/1.xml")
    feed.documents["/1.xml"] = xml
    await look[0]()
    assert desk.asked == []
    assert [one["code"] for one in (await sources(alert))[0]["refusals"]] == [code]


async def test_the_last_error_of_a_source_is_shown_and_goes_away(alert, feed, look):
    await add(alert, feed)
    await look[0]()
    (found,) = await sources(alert)
    assert (found["error"]["code"], found["ok_at"]) == ("alert.cap-fetch", None)
    feed.documents["/atom"] = b"<html/>"
    await look[0]()
    assert (await sources(alert))[0]["error"]["code"] == "alert.cap-not-feed"
    feed.atom()
    await look[0]()
    (found,) = await sources(alert)
    assert found["error"] is None
    assert found["ok_at"] == found["looked_at"]


async def test_one_source_cannot_change_what_another_said_nor_take_its_names(alert, desk, feed, look):
    await add(alert, feed, "/a")
    await add(alert, feed, "/b")
    cancel = message(
        "", identifier="x", sent=sent(40), msg_type="Cancel", references=f"{ref('vn-1', 30)} {ref('vn-9', 35)}"
    )
    feed.documents["/a"] = signed(message(sent=sent(30)))
    feed.documents["/b"] = signed(cancel)
    await look[0]()
    feed.documents["/a"] = signed(message(info(headline="Chín"), identifier="vn-9", sent=sent(35)))
    await look[0]()
    assert desk.kinds == ["request", "request"]


async def test_sources_are_kept_by_those_who_administer_everything(alert, feed):
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

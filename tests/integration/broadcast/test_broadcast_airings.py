"""From a station's proof to a confirmed airing."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from lantoa_contracts import catalogue
from lantoa_contracts.base import SignedDocument
from lantoa_signing import nkey
from lantoa_testing import eventually

TITLE = "Lịch tiêm chủng"


@pytest.fixture
async def told(province: Any) -> Any:
    """A station that was told to play one item: the station, what was issued, and the rundown."""
    station = province.new_station()
    await province.claim(station, province.commune)
    await province.approve(TITLE)
    return station, *await province.told(station, TITLE)


async def airings(province: Any) -> list[dict[str, Any]]:
    stored: list[dict[str, Any]] = await province.running.service.db["airings"].find({})
    return stored


async def test_a_proof_confirms_the_airing(province: Any, told: Any) -> None:
    station, issued, rundown = told
    proof = province.proof(issued, rundown, TITLE)

    await province.prove(station, proof)

    event = await province.events.wait(catalogue.AIRING_CONFIRMED)
    assert event.airing_id == f"{station.id}:{proof.entry_id}"
    assert (event.title, event.tasks, event.topic, event.priority) == (TITLE, ("08", "05"), "nong-nghiep", "normal")
    assert (event.unit_id, event.device_public_key, event.seconds) == (province.commune, station.public, 12.0)
    assert nkey.verify_by_nkey(event.proof, event.device_public_key) == proof.model_dump_json()


async def test_a_receiver_that_cannot_sign_is_believed_and_its_proof_marked(province: Any) -> None:
    station = province.new_station()
    await province.claim(station, province.commune, kind="both", link="mqtt")
    await province.approve(TITLE)
    issued, rundown = await province.told(station, TITLE)
    proof = province.proof(issued, rundown, TITLE)
    await province.prove(station, proof)  # Signed all the same: nobody can say by whom.
    await province.handled(catalogue.DEVICE_AIRED)
    assert await airings(province) == []

    await province.events.publish_device(catalogue.DEVICE_AIRED, station.id, proof.model_dump_json().encode())

    event = await province.events.wait(catalogue.AIRING_CONFIRMED)
    assert (event.device_public_key, event.proof.kid, event.proof.sig) == ("", "", "")
    (airing,) = await airings(province)
    assert [kept["signed"] for kept in airing["proofs"]] == [False]


async def test_a_bare_proof_of_a_station_with_a_key_is_dead(province: Any, told: Any) -> None:
    station, issued, rundown = told
    body = province.proof(issued, rundown, TITLE).model_dump_json().encode()
    await province.events.publish_device(catalogue.DEVICE_AIRED, station.id, body)
    await province.handled(catalogue.DEVICE_AIRED)
    assert await airings(province) == []


async def test_repeated_proofs_confirm_once(province: Any, told: Any) -> None:
    station, issued, rundown = told
    proof = province.proof(issued, rundown, TITLE)

    await asyncio.gather(*(province.prove(station, proof) for _ in range(5)))
    await province.prove(station, province.proof(issued, rundown, TITLE, attempt=2))
    await province.handled(catalogue.DEVICE_AIRED)

    (airing,) = await airings(province)
    assert sorted(proof["local_id"][-1] for proof in airing["proofs"]) == ["1", "2"]
    await province.events.wait(catalogue.AIRING_CONFIRMED)
    assert len(await province.confirmed()) == 1


@pytest.mark.parametrize("order", [("cut", "aired"), ("aired", "cut")])
async def test_a_cut_and_a_whole_attempt_are_one_airing(province: Any, told: Any, order: tuple[str, str]) -> None:
    station, issued, rundown = told
    attempts = {
        "cut": province.proof(issued, rundown, TITLE, attempt=1, outcome="cut", seconds=0.0),
        "aired": province.proof(issued, rundown, TITLE, attempt=2),
    }

    for outcome in order:
        await province.prove(station, attempts[outcome])
        await province.handled(catalogue.DEVICE_AIRED)

    (airing,) = await airings(province)
    assert (airing["state"], airing["seconds"], len(airing["proofs"])) == ("confirmed", 12.0, 2)
    await province.events.wait(catalogue.AIRING_CONFIRMED)
    assert len(await province.confirmed()) == 1


async def test_a_cut_alone_confirms_nothing(province: Any, told: Any) -> None:
    station, issued, rundown = told

    await province.prove(station, province.proof(issued, rundown, TITLE, outcome="cut", seconds=3.0))
    await province.handled(catalogue.DEVICE_AIRED)

    assert [airing["state"] for airing in await airings(province)] == ["cut"]
    assert await province.confirmed() == []


async def test_what_was_withdrawn_while_a_station_was_without_network_still_counts_as_heard(
    province: Any, told: Any
) -> None:
    station, issued, rundown = told
    (session,) = await province.sessions()
    item = province.approved(TITLE, item_id=session["entries"][0]["item"]["item_id"])
    await province.withdraw(item)
    await province.told(station)

    await province.prove(station, province.proof(issued, rundown, TITLE))

    assert (await province.events.wait(catalogue.AIRING_CONFIRMED)).item_id == item.item_id


async def test_forged_and_contradicting_proofs_are_dead_and_air_nothing(province: Any, told: Any) -> None:
    station, issued, rundown = told
    thief = province.new_station()
    await province.claim(thief, province.commune)
    await province.told(thief, TITLE)
    honest = province.proof(issued, rundown, TITLE)
    text = honest.model_dump_json()
    signed = nkey.sign_with_seed(station.seed, text)
    forged = [
        nkey.sign_with_seed(thief.seed, text),
        nkey.sign_with_seed(thief.seed, text).model_copy(update={"kid": station.public}),
        signed.model_copy(update={"p": text.replace('"outcome":"aired"', '"outcome":"cut"')}),
        signed.model_copy(update={"sig": "AAAA"}),
        nkey.sign_with_seed(station.seed, "not a proof"),
    ]
    contradicting = [
        honest.model_copy(update={"device_id": thief.id}),
        honest.model_copy(update={"audio_sha256": "0" * 64}),
        honest.model_copy(update={"entry_id": "0" * 20}),
        honest.model_copy(update={"session_id": "s-unknown"}),
        honest.model_copy(update={"rundown_sha256": "0" * 64}),
        honest.model_copy(update={"rundown_sha256": honest.audio_sha256}),
        honest.model_copy(update={"revision": 2}),
        honest.model_copy(update={"seconds": 14.5}),
        honest.model_copy(update={"seconds": 1.0}),
        honest.model_copy(update={"ended_at": honest.started_at - timedelta(seconds=1)}),
    ]

    for document in forged + contradicting:
        await province.prove(station, document)
    # The thief repeats the station's own words under its own name.
    await province.prove(thief, signed)
    await province.prove(thief, honest.model_copy(update={"device_id": thief.id}))
    await province.handled(catalogue.DEVICE_AIRED)

    dead = await province.events.dead("broadcast")
    assert len(dead) == len(forged) + len(contradicting) + 2
    assert {SignedDocument.model_validate_json(body).sig for body in dead} >= {document.sig for document in forged}
    assert await airings(province) == []


async def test_a_proof_of_a_station_that_nobody_claimed_is_tried_again_and_then_dead(province: Any, told: Any) -> None:
    _, issued, rundown = told
    stranger = province.new_station()

    await province.prove(stranger, province.proof(issued, rundown, TITLE, device_id=stranger.id))
    await province.handled(catalogue.DEVICE_AIRED)

    assert len(await province.events.dead("broadcast")) == 1
    assert await airings(province) == []


@pytest.mark.parametrize("province", [{"backoff_seconds": (0.05, *[0.5] * 48)}], indirect=True)
async def test_a_proof_waits_for_the_stations_claim(province: Any, told: Any) -> None:
    station, issued, rundown = told
    devices = province.running.service.db["devices"]
    await devices.delete_one({"_id": station.id})

    await province.prove(station, province.proof(issued, rundown, TITLE))
    js = province.events.js

    async def tried() -> bool:
        info = await js.consumer_info("ACK", catalogue.DEVICE_AIRED.durable("broadcast"))
        return bool(info.num_redelivered)

    await eventually(tried)
    await province.claim(station, province.commune)

    assert (await province.events.wait(catalogue.AIRING_CONFIRMED)).device_id == station.id


async def test_people_see_the_airings_of_their_units_page_by_page(province: Any) -> None:
    stations = [province.new_station() for _ in range(3)]
    for station in stations:
        await province.claim(station, province.commune)
    item = await province.approve(TITLE)
    for station in stations:
        issued, rundown = await province.told(station, TITLE)
        await province.prove(station, province.proof(issued, rundown, TITLE))
    await province.handled(catalogue.DEVICE_AIRED)
    call = province.running.call

    status, first, _ = await call("GET", f"/airings?item_id={item.item_id}&limit=2", province.caller("reporter"))
    assert status == 200
    _, rest, _ = await call(
        "GET", f"/airings?item_id={item.item_id}&limit=2&cursor={first['next']}", province.caller("reporter")
    )
    _, in_province, _ = await call(
        "GET", f"/airings?unit_id={province.root}", province.caller("reporter", province.root)
    )
    _, outside, _ = await call("GET", f"/airings?item_id={item.item_id}", province.caller("admin", province.neighbour))
    forbidden, _, _ = await call("GET", f"/airings?unit_id={province.commune}", province.caller("admin", "u-other"))
    bad, _, _ = await call("GET", f"/airings?item_id={item.item_id}&cursor=x", province.caller("reporter"))
    missing, _, _ = await call("GET", "/airings", province.caller("reporter"))

    found = first["items"] + rest["items"]
    assert sorted(airing["device_id"] for airing in found) == sorted(station.id for station in stations)
    assert (len(first["items"]), rest["next"]) == (2, None)
    assert {(airing["state"], airing["device_name"], airing["seconds"]) for airing in found} == {
        ("confirmed", "Loa ấp 1", 12.0)
    }
    assert found[0]["proofs"][0]["document"]["kid"] == next(s.public for s in stations if s.id == found[0]["device_id"])
    assert len(in_province["items"]) == 3
    assert outside["items"] == []
    assert (forbidden, bad, missing) == (403, 400, 422)

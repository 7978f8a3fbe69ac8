"""From a board's proof to a confirmed display."""

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
    """A board that was told to show one item: the board, what was issued, and the rundown."""
    board = province.new_board()
    await province.claim(board, province.commune)
    await province.approve(TITLE)
    return board, *await province.told(board, TITLE)


async def displays(province: Any) -> list[dict[str, Any]]:
    stored: list[dict[str, Any]] = await province.running.service.db["displays"].find({})
    return stored


async def test_a_proof_confirms_the_display_once_however_often_it_comes(province: Any, told: Any) -> None:
    board, issued, rundown = told
    proof = province.proof(issued, rundown, TITLE)

    await asyncio.gather(*(province.prove(board, proof) for _ in range(5)))
    await province.handled(catalogue.DEVICE_DISPLAYED)

    event = await province.events.wait(catalogue.DISPLAY_CONFIRMED)
    assert event.display_id == f"{board.id}:{proof.entry_id}"
    assert (event.title, event.tasks, event.topic, event.priority) == (TITLE, ("08", "05"), "nong-nghiep", "normal")
    assert (event.unit_id, event.device_public_key, event.seconds) == (province.commune, board.public, 10.0)
    assert nkey.verify_by_nkey(event.proof, event.device_public_key) == proof.model_dump_json()
    assert len(await province.confirmed()) == 1
    assert await province.events.dead("signboard") == []


async def test_a_receiver_that_cannot_sign_is_believed_and_its_proof_marked(province: Any) -> None:
    board = province.new_board()
    await province.claim(board, province.commune, kind="both", link="mqtt")
    await province.approve(TITLE)
    issued, rundown = await province.told(board, TITLE)
    body = province.proof(issued, rundown, TITLE).model_dump_json().encode()
    await province.events.publish_device(catalogue.DEVICE_DISPLAYED, board.id, body)
    event = await province.events.wait(catalogue.DISPLAY_CONFIRMED)
    assert (event.device_public_key, event.proof.sig) == ("", "")
    assert [kept["signed"] for shown in await displays(province) for kept in shown["proofs"]] == [False]


async def test_what_was_withdrawn_while_a_board_was_without_network_still_counts_as_shown(
    province: Any, told: Any
) -> None:
    board, issued, rundown = told
    item = province.approved(TITLE, item_id=rundown.entries[0].item_id)
    await province.withdraw(item)
    await province.told(board)

    await province.prove(board, province.proof(issued, rundown, TITLE))

    assert (await province.events.wait(catalogue.DISPLAY_CONFIRMED)).item_id == item.item_id


async def test_forged_and_contradicting_proofs_are_dead_and_show_nothing(province: Any, told: Any) -> None:
    board, issued, rundown = told
    thief = province.new_board()
    await province.claim(thief, province.commune)
    await province.told(thief, TITLE)
    honest = province.proof(issued, rundown, TITLE)
    text = honest.model_dump_json()
    signed = nkey.sign_with_seed(board.seed, text)
    forged = [
        nkey.sign_with_seed(thief.seed, text),
        nkey.sign_with_seed(thief.seed, text).model_copy(update={"kid": board.public}),
        signed.model_copy(update={"p": text.replace('"seconds":10.0', '"seconds":11.0')}),
        signed.model_copy(update={"sig": "AAAA"}),
        nkey.sign_with_seed(board.seed, "not a proof"),
    ]
    contradicting = [
        honest.model_copy(update={"device_id": thief.id}),
        honest.model_copy(update={"slide_sha256": "0" * 64}),
        honest.model_copy(update={"entry_id": "0" * 20}),
        honest.model_copy(update={"item_id": "i-unknown"}),
        honest.model_copy(update={"rundown_sha256": "0" * 64}),
        honest.model_copy(update={"revision": 2}),
        honest.model_copy(update={"seconds": 1.0}),
        honest.model_copy(update={"ended_at": honest.started_at - timedelta(seconds=1)}),
    ]

    for document in forged + contradicting:
        await province.prove(board, document)
    # The thief repeats the board's own words under its own name.
    await province.prove(thief, signed)
    await province.prove(thief, honest.model_copy(update={"device_id": thief.id}))
    await province.handled(catalogue.DEVICE_DISPLAYED)

    dead = await province.events.dead("signboard")
    assert len(dead) == len(forged) + len(contradicting) + 2
    assert {SignedDocument.model_validate_json(body).sig for body in dead} >= {document.sig for document in forged}
    assert await displays(province) == []


async def test_a_proof_of_a_board_that_nobody_claimed_is_tried_again_and_then_dead(province: Any, told: Any) -> None:
    _, issued, rundown = told
    stranger = province.new_board()

    await province.prove(stranger, province.proof(issued, rundown, TITLE, device_id=stranger.id))
    await province.handled(catalogue.DEVICE_DISPLAYED)

    assert len(await province.events.dead("signboard")) == 1
    assert await displays(province) == []


async def test_people_see_the_displays_of_their_units_page_by_page(province: Any) -> None:
    boards = [province.new_board() for _ in range(3)]
    for board in boards:
        await province.claim(board, province.commune)
    item = await province.approve(TITLE)
    for board in boards:
        issued, rundown = await province.told(board, TITLE)
        await province.prove(board, province.proof(issued, rundown, TITLE))
    await province.handled(catalogue.DEVICE_DISPLAYED)
    call = province.running.call

    status, first, _ = await call("GET", f"/displays?item_id={item.item_id}&limit=2", province.caller("reporter"))
    assert status == 200
    _, rest, _ = await call(
        "GET", f"/displays?item_id={item.item_id}&limit=2&cursor={first['next']}", province.caller("reporter")
    )
    _, in_province, _ = await call(
        "GET", f"/displays?unit_id={province.root}", province.caller("reporter", province.root)
    )
    _, outside, _ = await call("GET", f"/displays?item_id={item.item_id}", province.caller("admin", province.neighbour))
    forbidden, _, _ = await call("GET", f"/displays?unit_id={province.commune}", province.caller("admin", "u-other"))
    bad, _, _ = await call("GET", f"/displays?item_id={item.item_id}&cursor=x", province.caller("reporter"))
    missing, _, _ = await call("GET", "/displays", province.caller("reporter"))

    found = first["items"] + rest["items"]
    assert sorted(display["device_id"] for display in found) == sorted(board.id for board in boards)
    assert (len(first["items"]), rest["next"]) == (2, None)
    assert {(display["state"], display["device_name"]) for display in found} == {("confirmed", "Bảng tin chợ")}
    assert len(in_province["items"]) == 3
    assert outside["items"] == []
    assert (forbidden, bad, missing) == (403, 400, 422)


async def test_the_status_line_counts_entries_and_boards_within_the_callers_units(province: Any) -> None:
    here, there, station = [province.new_board() for _ in range(3)]
    await province.claim(here, province.commune)
    await province.claim(there, province.neighbour)
    await province.claim(station, province.commune, kind="radio")
    item = await province.approve(TITLE, province.root)
    issued, rundown = await province.told(here, TITLE)
    await province.told(there, TITLE)
    await province.prove(here, province.proof(issued, rundown, TITLE))

    async def line(unit_id: str) -> tuple[int, ...]:
        caller = province.caller("author", unit_id)
        _, body, _ = await province.running.call("GET", f"/items/{item.item_id}/status", caller)
        return tuple(body[name] for name in ("planned", "confirmed", "missed", "waiting"))

    async def shown_once() -> bool:
        return await line(province.root) == (2, 1, 0, 1)

    await eventually(shown_once)
    assert await line(province.neighbour) == (1, 0, 0, 1)
    assert await line("u-elsewhere") == (0, 0, 0, 0)

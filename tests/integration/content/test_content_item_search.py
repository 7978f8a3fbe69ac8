"""Items by the words of their titles: without accents, while they are typed, and only those that one may read."""

from datetime import timedelta

import pytest

from lantoa_content.usecases import words
from lantoa_content.usecases.search import Indexing
from lantoa_content.usecases.words import WORDS, item_words
from lantoa_runtime.clock import Clock
from lantoa_runtime.http import Caller, Grant


@pytest.fixture
async def office(open_office):
    return await open_office(speech_command=("/nonexistent",), backoff_seconds=(60.0,))


async def _found(office, question, caller=None, more=""):
    path = f"/items?q={question}{more}"
    status, page, _ = await office.running.call("GET", path, caller or office.author)
    assert status == 200
    return [item["title"] for item in page["items"]]


async def test_an_item_is_found_by_what_its_title_says_now_within_ones_own_units(office):
    shots, light = "Lịch tiêm chủng tháng 11", "Lịch cúp điện ấp Chợ"
    _, item, _ = await office.write(title=shots)
    await office.write(title=light)
    await office.write(office.elsewhere, title="Lịch họp dân", unit_id=office.other_unit_id)

    assert await _found(office, "lich") == [light, shots]
    assert await _found(office, "LỊCH tiê ch") == [shots]
    assert await _found(office, "ap dien") == [light]
    assert await _found(office, "cho 11") == []
    assert await _found(office, "trạm y tế") == []  # Words of the body.
    assert await _found(office, "lich", office.elsewhere) == ["Lịch họp dân"]
    assert len(await _found(office, "li", office.approver)) == 3  # All of the province.
    assert await _found(office, "lich", office.approver, f"&unit_id={office.unit_id}&state=draft") == [light, shots]
    assert await _found(office, "%3F..") == []
    assert await _found(office, "%20") == [light, shots]  # Nothing was asked for.
    for hostile in ("$gt", "[$ne]", ".*", "|", "u-86-2025|lich", "%00", "'; --"):
        await _found(office, hostile)

    await office.change(item, title="Tiêm chủng mở rộng")
    assert await _found(office, "lich tiem") == []
    assert await _found(office, "mo rong") == ["Tiêm chủng mở rộng"]

    items = office.running.service.db["items"]
    await items.update_one({"_id": item["id"]}, {"$unset": dict.fromkeys(WORDS, "")})
    assert await _found(office, "mo rong") == []
    await Indexing(office.running.service.db["posts"], items)()
    assert await _found(office, "mo rong") == ["Tiêm chủng mở rộng"]


async def test_a_page_looks_at_so_many_items_and_none_is_lost_or_told_twice(office, monkeypatch):
    monkeypatch.setattr(words, "_FEW", 5)
    monkeypatch.setattr(words, "_MOST_LOOKED_AT", 7)
    _, first, _ = await office.write()
    items, now = office.running.service.db["items"], Clock().now()
    document = await items.find_one({"_id": first["id"]})
    await items.delete_one({"_id": first["id"]})
    expected = []
    for number in range(28):
        # Of one place many and of late, of the other few and from long ago; some at the same time.
        unit_id = office.other_unit_id if number % 13 == 12 else office.unit_id
        title = "Tin họp dân" if number % 5 == 0 else "Tin họp"
        path = [document["path"][0], unit_id]
        own = {"_id": f"i-{number:02}", "title": title, "unit_id": unit_id, "path": path, **item_words(title, path)}
        at = now - timedelta(minutes=number // 2)
        await items.insert_one(document | own | {"updated_at": at})
        expected.append((at, own["_id"], title))
    expected.sort(reverse=True)
    caller = Caller("p-2", "Hai xã", (Grant("author", office.unit_id), Grant("author", office.other_unit_id)))

    async def walked(question):
        found, lengths, cursor = [], [], ""
        while cursor is not None:
            path = f"/items?q={question}&limit=3" + (f"&cursor={cursor}" if cursor else "")
            _, page, _ = await office.running.call("GET", path, caller)
            found += [item["id"] for item in page["items"]]
            lengths.append(len(page["items"]))
            cursor = page["next"]
        return found, lengths

    found, lengths = await walked("tin hop")
    assert found == [item_id for _, item_id, _ in expected]
    assert max(lengths) == 3
    found, _ = await walked("hop dan")
    assert found == [item_id for _, item_id, title in expected if title == "Tin họp dân"]

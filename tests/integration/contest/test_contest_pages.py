"""A citizen takes part on the public pages, with no script, and finds a page for whatever stands in the way."""

import hashlib
import re

from lantoa_contracts import catalogue
from lantoa_contracts.receipts import attempt_receipt


def picked(page, right):
    """The form of somebody who knows all answers: finds them among the labels, as a reader would."""
    form = {}
    for name in page.fields:
        labels = re.findall(rf'name="{name}" value="(\d)"[^>]*><span lang="vi">([^<]+)<', page.text)
        form[name] = next(value for value, label in labels if label in right.values())
    return form


async def test_a_citizen_walks_from_the_list_to_a_receipt(province):
    contest = await province.published()
    here, paper = f"/thi/{contest}", f"/thi/{contest}/lam-bai"
    listed = await province.browse("/thi")
    assert here in listed.text
    assert "Sắp mở" in listed.text
    soon = await province.browse(here)
    _, view = await province.call("GET", f"/contests/{contest}")
    assert view["rules_sha256"] in soon.text
    assert view["answer_key_sha256"] in soon.text
    assert (await province.browse(f"{here}/dap-an.json")).status == 404
    early = await province.browse(paper, province.citizen())
    assert (early.status, "Cuộc thi chưa mở" in early.text) == (409, True)

    province.travel(seconds=61)
    assert "Vào làm bài" in (await province.browse(here)).text
    stranger = await province.browse(f"{paper}?lang=en")
    assert stranger.status == 303
    back = f"%2Fthi%2F{contest}%2Flam-bai%3Flang%3Den"
    assert stranger.headers["Location"] == f"/cong-dan?next={back}&lang=en"

    citizen = province.citizen()
    start = await province.browse(paper, citizen)
    offered = re.findall(r'<option value="([^"]+)"', start.text)
    assert offered == sorted([province.commune, province.ward], key=offered.index)
    assert {province.commune, province.ward} == set(offered)
    reloaded = await province.browse(f"{here}/bat-dau?lang=en", citizen)
    assert (reloaded.status, reloaded.headers["Location"]) == (303, f"{paper}?lang=en")
    begun = await province.browse(f"{here}/bat-dau", citizen, {"unit_id": province.commune})
    assert (begun.status, begun.headers["Location"]) == (303, paper)
    shown = await province.browse(paper, citizen)
    assert shown.headers["Cache-Control"] == "no-store"
    assert [len(values) for values in shown.fields.values()].count(4) == 1
    assert 'lang="km"' in shown.text
    assert "<script" not in shown.text
    assert (await province.browse(paper, citizen)).text == shown.text

    answers = picked(shown, province.RIGHT)
    unfinished = await province.browse(paper, citizen, {"q1": answers["q1"]})
    assert (unfinished.status, "Còn câu chưa chọn" in unfinished.text) == (422, True)
    assert f'name="q1" value="{answers["q1"]}" required checked' in unfinished.text
    done = await province.browse(paper, citizen, answers)
    assert done.status == 303
    receipt = await province.browse(done.headers["Location"], citizen)
    assert (receipt.status, "Đúng 3 trên 3 câu" in receipt.text) == (200, True)

    [event] = await province.events.all(catalogue.ATTEMPT_ACCEPTED)
    assert event.receipt in receipt.text
    assert event.receipt == attempt_receipt(event.model_dump(mode="json"))
    assert (event.score, event.max_score, event.unit_id) == (3, 3, province.commune)
    assert (event.contest_unit_id, event.tasks, event.topic) == (province.root, ("01", "06"), "security")
    assert citizen.id not in event.model_dump_json()

    again = await province.browse(paper, citizen)
    assert (again.status, "Bạn đã dự thi rồi" in again.text) == (409, True)
    assert done.headers["Location"] in again.text
    twice = await province.browse(paper, citizen, dict.fromkeys(answers, "0"))
    assert (twice.status, twice.headers["Location"]) == (303, done.headers["Location"])
    other = await province.browse(done.headers["Location"], province.citizen())
    assert (other.status, event.receipt in other.text) == (404, False)
    assert (await province.browse(done.headers["Location"])).status == 303


async def test_when_it_is_over_everybody_can_check_rules_key_and_ranking(province):
    contest = await province.open()
    first, second = province.citizen(), province.citizen()
    for citizen, wrong in ((second, 1), (first, 0)):
        attempt = await province.start(contest, citizen)
        province.travel(seconds=30)
        assert (await province.submit(contest, citizen, province.right(attempt, wrong)))[0] == 200
    province.travel(days=1)
    province.travel(minutes=2)

    page = await province.browse(f"/thi/{contest}?lang=en")
    assert (page.status, page.headers["Content-Language"]) == (200, "en")
    assert "2 took part, 1 had everything right." in page.text
    _, view = await province.call("GET", f"/contests/{contest}")
    for name, document in (("the-le", "rules"), ("dap-an", "answer_key")):
        file = await province.browse(f"/thi/{contest}/{name}.json")
        assert file.status == 200
        assert hashlib.sha256(file.text.encode()).hexdigest() == view[f"{document}_sha256"]
        assert file.text == view[f"{document}_document"]
    _, ranking = await province.call("GET", f"/contests/{contest}/ranking")
    assert [place["score"] for place in ranking["items"]] == [3, 2]
    assert (ranking["attempts"], ranking["all_correct"], ranking["final"]) == (2, 1, True)
    receipts = sorted(place["receipt"] for place in ranking["items"])
    assert ranking["ledger_sha256"] == hashlib.sha256("".join(f"{one}\n" for one in receipts).encode()).hexdigest()
    assert ranking["items"][0]["receipt"][:16] in page.text
    closed = await province.browse(f"/thi/{contest}/lam-bai")
    assert (closed.status, "Cuộc thi đã đóng" in closed.text) == (409, True)


async def test_what_is_handed_in_late_is_refused_with_a_page_that_says_so(province):
    province.stop_the_clock()
    contest = await province.open()
    citizen, paper = province.citizen(), f"/thi/{contest}/lam-bai"
    attempt = await province.start(contest, citizen)
    answers = {f"q{n}": str(place) for n, place in enumerate(province.right(attempt), 1)}
    province.travel(minutes=10, seconds=9)
    assert (await province.browse(paper, citizen)).status == 200
    province.travel(seconds=2)
    for form in (None, answers):
        page = await province.browse(paper, citizen, form)
        assert (page.status, "Đã hết giờ làm bài" in page.text) == (409, True)
    status, problem = await province.submit(contest, citizen, province.right(attempt))
    assert (status, problem["code"]) == (409, "contest.time-over")
    assert await province.events.all(catalogue.ATTEMPT_ACCEPTED) == []
    never = await province.browse(paper, province.citizen(), answers)
    assert (never.status, "Chưa bắt đầu làm bài" in never.text) == (409, True)


async def test_forms_of_attackers_get_a_page_and_change_nothing(province):
    contest = await province.open()
    citizen, here = province.citizen(), f"/thi/{contest}"
    attempts = province.running.service.db["attempts"]
    nobody = {"u-khong-co", province.root, province.gone, province.body, '{"$gt":""}', "", "\x00", "x" * 5000}
    for form in [*({"unit_id": unit} for unit in nobody), {"unit_id[$gt]": ""}, {}, b"\xff\xfe", b"a=1&" * 5000]:
        page = await province.browse(f"{here}/bat-dau", citizen, form)
        assert (page.status, "Xin chọn một xã hoặc phường" in page.text) == (422, True), form
    assert await attempts.count({"contest_id": contest}) == 0
    await province.start(contest, citizen)
    for value in ('{"$gt":""}', "-1", "9", "4", "٣", "00", "1e0", "", "<script>alert(1)</script>"):
        page = await province.browse(f"{here}/lam-bai", citizen, {"q1": value, "q2": "0", "q3": "0"})
        assert page.status == 422, value
        assert "alert(1)" not in page.text
    for form in ({"q1[$gt]": "", "q2": "0", "q3": "0"}, b"\xff", b"q=1&" * 100):
        assert (await province.browse(f"{here}/lam-bai", citizen, form)).status == 422
    for path in ("/thi/$gt", "/thi/khong-co", f"{here}/ket-qua/x", "/thi/pages.css/x", f"/thi/{'x' * 300}"):
        page = await province.browse(path, citizen)
        assert page.status in (404, 422), path
    assert [one["state"] for one in await attempts.find({"contest_id": contest})] == ["started"]


async def test_no_page_and_no_answer_gives_the_key_away_before_the_end(province):
    province.stop_the_clock()
    contest = await province.open()
    stored = await province.running.service.db["contests"].find_one({"_id": contest})
    citizen, late = province.citizen(), province.citizen()
    attempt = await province.start(contest, citizen)
    await province.start(contest, late)
    await province.submit(contest, citizen, province.right(attempt))
    callers = [
        citizen,
        late,
        province.citizen(),
        province.approver,
        province.staff("admin"),
        province.staff("reporter"),
    ]
    paths = ["", "/ranking", "/ledger", "/attempts/mine"]
    for who in [*callers, province.staff("author")]:
        for path in paths:
            await province.call("GET", f"/contests/{contest}{path}", who)
        await province.call("GET", "/contests", who)
    for who in callers[:3]:
        for path in ("", "/lam-bai", "/the-le.json", "/dap-an.json", f"/ket-qua/{attempt['attempt_id']}"):
            await province.browse(f"/thi/{contest}{path}", who)
    province.travel(days=1, seconds=-60)  # Closed, and what was handed in in time may still be on its way.
    _, view = await province.call("GET", f"/contests/{contest}")
    assert view["phase"] == "settling"
    assert "Kết quả và đáp án được công bố sau ít phút" in (await province.browse(f"/thi/{contest}")).text
    await province.call("GET", f"/contests/{contest}", province.approver)
    await province.browse(f"/thi/{contest}/dap-an.json", late)
    assert len(province.said) > 50
    for secret in (stored["salt"], stored["pepper"], "'right'", '"right"', citizen.id):
        assert not [body for body in province.said if secret in body]
    province.travel(minutes=1)
    _, view = await province.call("GET", f"/contests/{contest}")
    assert stored["salt"] in view["answer_key_document"]
    assert stored["pepper"] not in str(view)

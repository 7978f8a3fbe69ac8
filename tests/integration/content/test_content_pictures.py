"""Formatted text and its pictures, from the author's desk to a stranger."""

import hashlib
import io
import re

from PIL import Image

from lantoa_content.usecases import pictures
from lantoa_testing import eventually

UNKNOWN = "cd" * 32


def picture(kind="JPEG", colour="teal", size=(400, 300)):
    made = io.BytesIO()
    Image.new("RGB", size, colour).save(made, kind)
    return made.getvalue()


async def put(office, item, data, caller=None, kind="image/jpeg"):
    path, headers = f"/items/{item['id']}/pictures", {"Content-Type": kind}
    status, body, _ = await office.running.call(
        "POST", path, caller or office.author, headers=headers, data=io.BytesIO(data)
    )
    return status, body


async def seen(office, path, caller):
    """What staff get of an item."""
    return await office.running.call("GET", f"/items/{path}", caller)


async def stranger(office, path):
    """What everybody gets under the public address."""
    async with office.running.session.get(f"{office.running.url}/tin/{path}") as answer:
        return answer.status, await answer.read()


def formatted(sha256, alt="Bà con ở chợ"):
    return (
        "<h1 onclick=x>Cần mang theo</h1><ul><li>Sổ tiêm chủng</li></ul>"
        '<p>Xem <a href="https://a.vn/x" target=_blank>ở đây</a><script>x</script>.</p>'
        f'<img src="pictures/{sha256}" alt="{alt}">'
    )


async def test_a_picture_is_seen_by_staff_first_and_by_strangers_once_the_item_is_approved(office):
    _, item, _ = await office.write(body_html="<p>Sáng thứ Bảy tiêm chủng.</p>")
    assert item["body"] == "Sáng thứ Bảy tiêm chủng."
    status, made = await put(office, item, picture())
    assert (status, made["width"], made["height"]) == (201, 400, 300)
    assert (await put(office, item, picture()))[1] == made
    _, item, _ = await office.change(item, body_html=formatted(made["sha256"]))
    assert item["pictures"] == [made]
    assert item["body"] == "# Cần mang theo\n\n- Sổ tiêm chủng\n\nXem ở đây."
    assert "script" not in item["body_html"]
    assert (await office.change(item, body_html=item["body_html"]))[1]["ver"] == item["ver"]

    await office.act(item, "submit", office.author)
    item = await office.until(item["id"], "in_review")
    public, staff = f"{item['id']}/hinh/{made['sha256']}", f"{item['id']}/pictures/{made['sha256']}"
    renditions = f"{item['id']}/renditions"
    assert (await stranger(office, public))[0] == 404
    assert (await seen(office, staff, None))[0] == 401
    assert (await seen(office, staff, office.elsewhere))[0] == 404
    _, data, headers = await seen(office, staff, office.approver)
    assert hashlib.sha256(data).hexdigest() == made["sha256"]
    assert headers["Content-Type"] == "image/webp"
    # The approver's preview carries the picture, the approved page its address; the slide carries it always.
    page = (await seen(office, f"{renditions}/web", office.approver))[1].decode()
    assert f'src="/tin/{public}"' in page
    _, preview, policy = await seen(office, f"{renditions}/web?pictures=inside", office.approver)
    assert b"data:image/webp;base64," in preview
    assert "img-src data:" in policy["Content-Security-Policy"]
    assert b"data:image/webp;base64," in (await seen(office, f"{renditions}/board", office.approver))[1]

    await office.act(item, "approve", office.approver, approval_sha256=item["approval_sha256"])
    await office.posted(item["id"])
    status, data = await stranger(office, public)
    assert (status, hashlib.sha256(data).hexdigest()) == (200, made["sha256"])
    shown = (await stranger(office, item["id"]))[1].decode()
    assert re.search(r"<article>.*</article>", shown, re.DOTALL).group() in page
    assert f'src=\\"http://127.0.0.1:9/tin/{public}\\"' in (await stranger(office, "feed.json"))[1].decode()
    # Only what the approved article shows: another picture of the item is nobody's yet.
    _, other = await put(office, item, picture(colour="navy"))
    assert (await stranger(office, f"{item['id']}/hinh/{other['sha256']}"))[0] == 404

    # The next revision can be compared with the first, and with it the picture is gone.
    _, item, _ = await office.change(await office.read(item["id"]), body="Chiều thứ Bảy tiêm chủng.")
    assert (item["body_html"], item["pictures"], item["revision"]) == (None, [], 2)
    first = (await seen(office, f"{item['id']}/revisions/1", office.approver))[1]
    assert first["body"].startswith("# Cần mang theo")
    assert made["sha256"] in first["body_html"]
    assert (await seen(office, f"{item['id']}/revisions/2", office.approver))[0] == 404

    async def gone():
        return (await stranger(office, public))[0] == 404

    await eventually(gone)


async def test_what_is_no_picture_or_not_ones_own_is_refused_and_nothing_is_kept(office, monkeypatch):
    _, item, _ = await office.write()
    refused = {
        "content.picture-kind": (415, b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "image/png"),
        "content.picture-size": (422, picture("PNG", size=(8, 900)), "image/png"),
        "content.picture-broken": (422, picture()[:500], "image/jpeg"),
        "http-413": (413, picture() + bytes(5 * 1024 * 1024), "image/jpeg"),
    }
    for code, (status, data, kind) in refused.items():
        answered, problem = await put(office, item, data, kind=kind)
        assert (answered, problem["code"] if status != 413 else code) == (status, code)
    # What it says to be is of no interest.
    assert (await put(office, item, picture("PNG"), kind="text/html"))[0] == 201
    assert (await put(office, item, picture(), office.author_and_approver))[0] == 403
    assert (await put(office, item, picture(), office.elsewhere))[0] == 404
    assert await office.running.service.db["pictures"].count({}) == 1

    for html, code in (
        (formatted(UNKNOWN), "content.unknown-picture"),
        (formatted(UNKNOWN, alt=""), "content.picture-without-words"),
        ("<p>x</p>", "content.body-length"),
        ("<script>" + "x" * 60 + "</script>", "content.body-length"),
    ):
        status, problem, _ = await office.change(item, body_html=html)
        assert (status, problem["code"]) == (422, code)
        assert problem["errors"][0]["pointer"] == "/body_html"
    assert (await office.write(body_html=formatted(UNKNOWN)))[0] == 422
    assert (await office.change(item, body="x"))[0] == 422
    assert (await office.read(item["id"]))["ver"] == item["ver"]

    monkeypatch.setattr(pictures, "MOST_KEPT", 1)
    assert (await put(office, item, picture(colour="gold")))[1]["code"] == "content.pictures-full"

import asyncio
import hashlib
import json
import time
from datetime import UTC, datetime, timedelta

from argon2 import extract_parameters
from joserfc.jwk import OKPKey

from lantoa_directory.adapters.secrets import Argon2Passwords
from lantoa_directory.usecases.attempts import Attempts
from lantoa_runtime.http.auth import HEADER, Caller, TokenSigner
from lantoa_signing.documents import b64
from lantoa_testing.patience import stop_clock


def key_of(session_id):
    return {"_id": hashlib.sha256(session_id.encode()).hexdigest()}


async def resolve(loaded, who, session_id):
    return await loaded.call("POST", "/sessions/resolve", who.gateway, {"session_id": session_id})


async def test_the_right_password_gives_a_session_and_the_person_with_unit_names(sign_in, loaded, who):
    status, body, _ = await sign_in()
    assert status == 200
    signed_in_at = datetime.fromisoformat(body["person"].pop("signed_in_at"))
    assert abs(loaded.service.clock.now() - signed_in_at) < timedelta(minutes=2)
    assert body["person"] == {
        "id": "p-lan",
        "name": "Nguyễn Thị Phương Lan",
        "title": "Chuyên viên",
        "grants": [{"role": "author", "unit_id": "u-1", "unit_name": "Phường Trà Vinh", "held_by": None}],
    }
    status, resolved, _ = await resolve(loaded, who, body["session_id"])
    # Looking at a session does not make its sign-in any fresher.
    assert datetime.fromisoformat(resolved["person"].pop("signed_in_at")) == signed_in_at
    assert (status, resolved["person"]) == (200, body["person"])


async def test_a_password_is_the_same_typed_composed_or_decomposed_but_blanks_count(sign_in):
    import unicodedata

    assert (await sign_in("  LÂN ", unicodedata.normalize("NFD", " Mật khẩu của Lan 1 ")))[0] == 200
    assert (await sign_in(password="Mật khẩu của Lan 1"))[0] == 401


async def test_a_wrong_password_and_an_unknown_login_look_and_cost_the_same(sign_in, monkeypatch):
    costs = []
    verify = Argon2Passwords._verify

    def counted(self, stored, password):
        costs.append(extract_parameters(stored))
        return verify(self, stored, password)

    monkeypatch.setattr(Argon2Passwords, "_verify", counted)

    async def answered(login):
        costs.clear()
        status, problem, _ = await sign_in(login, "wrong")
        problem.pop("trace_id")
        return status, problem, [*costs]

    known = await answered("lan")
    assert known == await answered("nobody")
    assert (known[0], len(known[2])) == (401, 1)


async def test_after_five_failures_a_login_waits_and_says_so_known_or_not(sign_in, loaded):
    attempts = loaded.service.db["attempts"]
    for login in ("lan", "nobody"):
        assert [(await sign_in(login, "wrong"))[0] for _ in range(5)] == [401] * 5
        counted = await attempts.find_one({"failures": 5})
        assert counted["until"] - counted["at"] == timedelta(seconds=1)
        later = {"until": datetime.now(UTC) + timedelta(seconds=400), "failures": 9}
        await attempts.update_one({"_id": counted["_id"]}, {"$set": later})
        status, problem, headers = await sign_in(login, "wrong")
        assert (status, problem["code"]) == (429, "directory.too-many-attempts")
        assert 300 < int(headers["Retry-After"]) <= 400
        assert problem["detail"].startswith(f"Xin chờ {headers['Retry-After']} giây")
    assert (await sign_in())[0] == 429
    assert (await sign_in("vinh", "một câu dài khác"))[0] == 200


async def test_the_right_password_after_the_wait_signs_in_and_clears_the_count(sign_in, loaded):
    for _ in range(5):
        await sign_in(password="wrong")
    attempts = loaded.service.db["attempts"]
    past = datetime.now(UTC) - timedelta(seconds=1)
    assert (await attempts.update_one({"failures": 5}, {"$set": {"until": past}})).matched == 1
    assert (await sign_in())[0] == 200
    assert await attempts.count({}) == 0


async def test_fifty_tries_at_once_are_not_fifty_first_tries(sign_in, loaded, monkeypatch):
    stop_clock(loaded.service, monkeypatch)
    statuses = [status for status, _, _ in await asyncio.gather(*(sign_in(password=f"guess {n}") for n in range(50)))]
    # Whoever loses the race to be counted too often has to wait as well: five get through at most.
    assert 1 <= statuses.count(401) <= 5
    assert set(statuses) == {401, 429}


async def test_of_two_first_tries_at_once_the_one_that_is_counted_last_need_not_wait(loaded):
    attempts, now = Attempts(loaded.service.db["attempts"]), datetime.now(UTC)
    await attempts.count("lan", now)
    await attempts.count("lan", now - timedelta(seconds=1))  # It began first.
    assert (await loaded.service.db["attempts"].find_one({"_id": "lan"}))["failures"] == 2


async def test_what_was_typed_as_login_is_not_kept(sign_in, loaded):
    await sign_in("my secret password", "x")
    assert "secret" not in str(await loaded.service.db["attempts"].find({}))


async def test_the_database_holds_no_session_id_and_no_password(sign_in, loaded):
    session_id = (await sign_in())[1]["session_id"]
    kept = str(await loaded.service.db["sessions"].find({})) + str(await loaded.service.db["people"].find({}))
    assert session_id not in kept
    assert "Mật khẩu" not in kept
    assert "$argon2id$" in kept


async def test_an_idle_session_ends(sign_in, loaded, who):
    session_id = (await sign_in())[1]["session_id"]
    past = datetime.now(UTC) - timedelta(seconds=1)
    await loaded.service.db["sessions"].update_one(key_of(session_id), {"$set": {"ends_at": past}})
    status, problem, _ = await resolve(loaded, who, session_id)
    assert (status, problem["code"]) == (401, "sign-in-required")


async def test_use_keeps_a_session_but_not_beyond_its_eighth_hour(sign_in, loaded, who):
    session_id = (await sign_in())[1]["session_id"]
    sessions = loaded.service.db["sessions"]
    begun = datetime.now(UTC) - timedelta(hours=7, minutes=50)
    await sessions.update_one(key_of(session_id), {"$set": {"created_at": begun}})
    assert (await resolve(loaded, who, session_id))[0] == 200
    ends_at = (await sessions.find_one(key_of(session_id)))["ends_at"]
    assert abs(ends_at - begun - timedelta(hours=8)) < timedelta(seconds=1)


async def test_a_session_that_ended_stays_ended(sign_in, loaded, who):
    session_id = (await sign_in())[1]["session_id"]
    assert (await loaded.call("POST", "/sessions/end", who.gateway, {"session_id": session_id}))[0] == 204
    assert (await resolve(loaded, who, session_id))[0] == 401
    assert (await loaded.call("POST", "/sessions/end", who.gateway, {"session_id": session_id}))[0] == 204


async def test_a_new_password_ends_the_sessions(sign_in, loaded, who, small_import):
    session_id = (await sign_in())[1]["session_id"]
    lan = {**small_import["people"][0], "password": "mật khẩu mới"}
    await loaded.call("POST", "/import", who.operator, {"people": [lan]})
    assert (await resolve(loaded, who, session_id))[0] == 401
    assert (await sign_in(password="mật khẩu mới"))[0] == 200


WRONG_BODIES = [
    {"login": {"$gt": ""}, "password": "x"},
    {"login": "lan", "password": {"$gt": ""}},
    {"login": ["lan"], "password": "x"},
    {"login": "lan", "password": "x", "role": "admin"},
    {"login": "lan"},
    {"login": "", "password": "x"},
    {"login": "a" * 65, "password": "x"},
    {"login": "lan", "password": "x" * 257},
    {"login": "\ud800", "password": "x"},
]


async def test_a_sign_in_that_is_not_two_texts_is_refused(loaded, who):
    for body in WRONG_BODIES:
        options = {"data": json.dumps(body).encode(), "headers": {"content-type": "application/json"}}
        status, problem, _ = await loaded.call("POST", "/sign-in", who.gateway, **options)
        assert (status, problem["code"]) == (422, "invalid-request"), body
        assert problem["errors"][0]["message"]


async def call_with(loaded, token):
    return (await loaded.call("GET", "/units", headers={HEADER: token}))[0]


async def test_tokens_for_others_unsigned_expired_or_signed_by_others_are_refused(loaded, who):
    ours = TokenSigner(OKPKey.import_key(json.loads(loaded.ring.gateway_file.read_text())))
    theirs = TokenSigner(OKPKey.generate_key("Ed25519", auto_kid=True))
    now = time.time()
    good = ours.sign(who.author, "directory", now)
    assert await call_with(loaded, good) == 200
    _, claims, signature = good.split(".")
    none = b64(b'{"alg":"none","typ":"int+jwt"}')
    hmac = b64(b'{"alg":"HS256","typ":"int+jwt"}')
    mightier = b64(json.dumps({"iss": "lantoa-gateway", "aud": "directory", "exp": now + 60}).encode())
    for token in (
        ours.sign(who.author, "content", now),
        ours.sign(who.author, "directory", now - 3600),
        theirs.sign(who.author, "directory", now),
        f"{none}.{claims}.",
        f"{none}.{claims}.{signature}",
        f"{hmac}.{claims}.{signature}",
        f"{good.split('.')[0]}.{mightier}.{signature}",
        "",
        "x",
        "..",
    ):
        assert await call_with(loaded, token) == 401, token


async def test_a_person_named_gateway_is_not_the_gateway(loaded, who):
    impostor = Caller("gateway", "gateway", who.admin.grants)
    assert (await loaded.call("POST", "/sign-in", impostor, {"login": "lan", "password": "x"}))[0] == 403

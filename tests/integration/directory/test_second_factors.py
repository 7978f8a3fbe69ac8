import asyncio
import base64
import hashlib
import secrets
from datetime import UTC, datetime, timedelta

import pytest

from lantoa_contracts.catalogue import ACCOUNT_SECURED, ACCOUNT_SIGNED_IN, SIGN_IN_REFUSED
from lantoa_directory.domain.factors import totp
from lantoa_testing.authenticator import SoftKey

LAN = {"login": "lan", "password": " Mật khẩu của Lan 1 "}
VINH = {"login": "vinh", "password": "một câu dài khác"}
SITE = "https://lantoa.vinhlong.gov.vn"


class Person:
    """Somebody at a browser, as the gateway speaks for them."""

    def __init__(self, running, who, login=LAN):
        self.running = running
        self.gateway = who.gateway
        self.login = login
        self.session_id = None
        self.secret = b""
        self.codes = []
        self.step = 0

    async def ask(self, path, **body):
        status, answer, _ = await self.running.call("POST", path, self.gateway, body)
        return status, answer

    async def own(self, path, **body):
        status, answer = await self.ask(path, session_id=self.session_id, **body)
        if status == 200 and "session_id" in answer:
            self.session_id = answer["session_id"]
        return status, answer

    async def sign_in(self):
        status, answer = await self.ask("/sign-in", device="Chrome, Android", **self.login)
        assert status == 200, answer
        self.session_id = answer.get("session_id")
        return answer

    async def second(self, ticket, **proof):
        status, answer = await self.ask("/sign-in/second-factor", ticket=ticket, origin=SITE, **proof)
        if status == 200:
            self.session_id = answer.get("session_id")
        return status, answer

    def code(self):
        """A code that was not used yet: each counts once, and one of the step to come counts already.

        None of the step before: it might be too old when it arrives.
        """
        now = int(datetime.now(UTC).timestamp()) // 30
        self.step = max(self.step + 1, now)
        assert self.step <= now + 1, "this test needs more codes than there are in its time"
        return totp(self.secret, self.step)

    async def add_totp(self):
        _, begun = await self.own("/factors/totp/begin")
        self.secret = base64.b32decode(begun["secret"])
        status, confirmed = await self.own("/factors/totp/confirm", code=self.code())
        assert status == 200, confirmed
        self.codes = confirmed["recovery_codes"]
        return confirmed

    async def add_passkey(self, key):
        _, options = await self.own("/factors/passkeys/begin", origin=SITE)
        credential = key.create(options)
        return await self.own("/factors/passkeys/add", origin=SITE, name="Điện thoại", credential=credential)


@pytest.fixture
async def lan(loaded, who):
    person = Person(loaded, who)
    await person.sign_in()
    return person


async def test_a_code_is_asked_for_once_there_is_one_and_counts_once(lan):
    confirmed = await lan.add_totp()
    assert confirmed["factors"] == {"totp": True, "passkeys": 0, "recovery_left": 10}
    first = await lan.sign_in()
    assert (first["next"], first["ways"], lan.session_id) == ("second-factor", ["totp", "recovery"], None)
    code = lan.code()
    status, answer = await lan.second(first["ticket"], totp=code)
    assert (status, answer["person"]["id"]) == (200, "p-lan")
    again = await lan.sign_in()
    status, problem = await lan.second(again["ticket"], totp=code)
    assert (status, problem["code"]) == (401, "directory.wrong-factor")


async def test_a_ticket_is_good_once_and_for_five_tries(lan):
    await lan.add_totp()
    ticket = (await lan.sign_in())["ticket"]
    assert (await lan.second(ticket, totp=lan.code()))[0] == 200
    assert (await lan.second(ticket, recovery=lan.codes[0]))[1]["code"] == "directory.ticket-over"
    ticket = (await lan.sign_in())["ticket"]
    answers = await asyncio.gather(*(lan.second(ticket, recovery=f"wrong-{n:05}") for n in range(12)))
    codes = [answer["code"] for _, answer in answers]
    assert codes.count("directory.ticket-over") >= 7
    assert (await lan.second(ticket, recovery=lan.codes[0]))[1]["code"] == "directory.ticket-over"
    assert (await lan.ask("/sign-in/second-factor", ticket="x" * 43, totp="123456"))[1]["code"] == (
        "directory.ticket-over"
    )


async def test_a_stranger_without_the_password_keeps_nobody_from_their_code(lan, loaded):
    await lan.add_totp()
    for _ in range(8):
        await lan.ask("/sign-in", login="lan", password="guess")
        await lan.ask("/sign-in/second-factor", ticket="A" * 43, totp="000000")
    account = await loaded.service.db["accounts"].find_one({"person_id": "p-lan"})
    assert account["failures"] == 0
    past = datetime.now(UTC) - timedelta(seconds=1)
    await loaded.service.db["attempts"].update_many({}, {"$set": {"until": past}})
    ticket = (await lan.sign_in())["ticket"]
    assert (await lan.second(ticket, totp=lan.code()))[0] == 200


async def test_who_has_the_password_guesses_codes_slowly_and_a_key_is_never_kept_waiting(lan, loaded, who):
    await lan.add_totp()
    key = SoftKey(SITE)
    await lan.add_passkey(key)
    for _ in range(2):
        ticket = (await lan.sign_in())["ticket"]
        for n in range(3):
            await lan.second(ticket, recovery=f"{n:05}-wrong")
    later = {"until": datetime.now(UTC) + timedelta(seconds=600)}
    await loaded.service.db["accounts"].update_one({"person_id": "p-lan"}, {"$set": later})
    ticket = (await lan.sign_in())["ticket"]
    status, problem = await lan.second(ticket, totp=lan.code())
    assert (status, problem["code"]) == (429, "directory.too-many-attempts")
    _, options = await lan.ask("/sign-in/question", ticket=ticket, origin=SITE)
    assert (await lan.second(ticket, passkey=key.get(options)))[0] == 200


async def test_a_recovery_code_opens_once_however_it_is_typed(lan):
    await lan.add_totp()
    assert len(set(lan.codes)) == 10
    typed = lan.codes[3].upper().replace("-", " ")
    status, answer = await lan.second((await lan.sign_in())["ticket"], recovery=typed)
    assert (status, answer["factors"]["recovery_left"]) == (200, 9)
    _, fresh = await lan.own("/factors/recovery")
    assert (await lan.second((await lan.sign_in())["ticket"], recovery=typed))[0] == 401
    assert (await lan.second((await lan.sign_in())["ticket"], recovery=lan.codes[5]))[0] == 401
    assert (await lan.second((await lan.sign_in())["ticket"], recovery=fresh["recovery_codes"][0]))[0] == 200


async def test_the_database_holds_no_secret_no_code_no_ticket(lan, loaded, nats_server):
    await lan.add_totp()
    ticket = (await lan.sign_in())["ticket"]
    kept = "".join([str(await loaded.service.db[name].find({})) for name in ("accounts", "tickets", "sessions")])
    for secret in (base64.b32encode(lan.secret).decode(), lan.secret.hex(), ticket, *lan.codes):
        assert secret not in kept
        assert secret.replace("-", "") not in kept
    sealed = (await loaded.service.db["accounts"].find_one({"person_id": "p-lan"}))["totp"]["sealed"]
    await loaded.service.db["accounts"].insert_one(
        {"_id": "account-p-vinh", "person_id": "p-vinh", "ver": 1, "totp": {"sealed": sealed, "step": 0}}
    )
    # Another's secret, carried over in the database, opens nothing.
    vinh = Person(loaded, lan, VINH)
    vinh.gateway = lan.gateway
    first = await vinh.sign_in()
    status, _ = await vinh.second(first["ticket"], totp=lan.code())
    assert status == 500


async def test_a_key_signs_in_alone_and_as_second_factor(lan, who):
    key = SoftKey(SITE)
    status, made = await lan.add_passkey(key)
    assert (status, made["passkey"]["name"], len(made["recovery_codes"])) == (200, "Điện thoại", 10)
    _, options = await lan.ask("/sign-in/question", origin=SITE)
    assert (options["rpId"], options["userVerification"]) == ("lantoa.vinhlong.gov.vn", "required")
    assert options["allowCredentials"] == []
    status, answer = await lan.ask("/sign-in/passkey", passkey=key.get(options), origin=SITE)
    assert (status, answer["person"]["id"]) == (200, "p-lan")
    ticket = (await lan.sign_in())["ticket"]
    _, options = await lan.ask("/sign-in/question", ticket=ticket, origin=SITE)
    assert [one["id"] for one in options["allowCredentials"]] == [made["passkey"]["id"]]
    assert (await lan.second(ticket, passkey=key.get(options)))[0] == 200


async def _answer_of(lan, key, **options):
    _, asked = await lan.ask("/sign-in/question", origin=SITE)
    return await lan.ask("/sign-in/passkey", passkey=key.get({**asked, **options}), origin=SITE)


async def test_a_key_s_answer_proves_nothing_elsewhere_again_unverified_or_from_a_copy(lan):
    key = SoftKey(SITE)
    await lan.add_passkey(key)
    _, asked = await lan.ask("/sign-in/question", origin=SITE)
    used = key.get(asked)
    assert (await lan.ask("/sign-in/passkey", passkey=used, origin=SITE))[0] == 200
    refused = {"replayed": await lan.ask("/sign-in/passkey", passkey=used, origin=SITE)}
    refused["challenge of its own"] = await _answer_of(lan, key, challenge="QQ" * 21 + "Q")
    refused["other site's name"] = await _answer_of(lan, key, rpId="evil.example")
    key.origin = "https://evil.example"
    refused["other site"] = await _answer_of(lan, key)
    key.origin = SITE
    key.verifies = False
    refused["nobody verified"] = await _answer_of(lan, key)
    key.verifies = True
    key.count = 0
    refused["a copy"] = await _answer_of(lan, key)
    stranger = SoftKey(SITE, id=key.id, count=100)
    refused["another's signature"] = await _answer_of(lan, stranger)
    refused["unknown"] = await _answer_of(lan, SoftKey(SITE))
    refused["no answer"] = await lan.ask("/sign-in/passkey", passkey={"id": 1, "response": []}, origin=SITE)
    for what, (status, problem) in refused.items():
        assert (status, problem["code"]) == (401, "directory.wrong-passkey"), what
    key.count = 200
    assert (await _answer_of(lan, key))[0] == 200


async def test_a_key_of_one_person_is_no_second_factor_of_another(lan, loaded, who):
    vinh, key = Person(loaded, who, VINH), SoftKey(SITE)
    await vinh.sign_in()
    await vinh.add_passkey(key)
    await lan.add_totp()
    ticket = (await lan.sign_in())["ticket"]
    _, options = await lan.ask("/sign-in/question", origin=SITE)
    status, problem = await lan.second(ticket, passkey=key.get(options))
    assert (status, problem["code"]) == (401, "directory.wrong-passkey")


async def test_a_key_is_taken_up_by_whose_session_asked_and_only_verified(lan, loaded, who):
    vinh = Person(loaded, who, VINH)
    await vinh.sign_in()
    _, options = await lan.own("/factors/passkeys/begin", origin=SITE)
    body = {"origin": SITE, "name": "x"}
    assert (await vinh.own("/factors/passkeys/add", credential=SoftKey(SITE).create(options), **body))[0] == 422
    _, options = await lan.own("/factors/passkeys/begin", origin=SITE)
    unverified = SoftKey(SITE, verifies=False).create(options)
    assert (await lan.own("/factors/passkeys/add", credential=unverified, **body))[0] == 422
    key = SoftKey(SITE)
    assert (await lan.add_passkey(key))[0] == 200
    await vinh.sign_in()
    status, problem = await vinh.add_passkey(key)
    assert (status, problem["code"]) == (409, "directory.passkey-known")
    status, problem = await lan.own("/factors/passkeys/begin", origin="http://127.0.0.1:8080")
    assert (status, problem["code"]) == (422, "directory.no-passkeys-here")


async def test_who_owes_a_second_factor_holds_nothing_until_it_is_there(start_directory, who, small_import):
    directory = await start_directory(directory_second_factor="required")
    await directory.call("POST", "/import", who.operator, small_import)
    vinh, lan = Person(directory, who, VINH), Person(directory, who)
    assert (await lan.sign_in())["must_add_factor"] is False
    first = await vinh.sign_in()
    assert (first["must_add_factor"], first["person"]["grants"]) == (True, [])
    resolved = (await vinh.own("/sessions/resolve"))[1]
    assert (resolved["must_add_factor"], resolved["person"]["grants"]) == (True, [])
    assert (await vinh.own("/tokens/list"))[1]["grantable"] == []
    confirmed = await vinh.add_totp()
    assert (confirmed["must_add_factor"], confirmed["person"]["grants"][0]["role"]) == (False, "admin")
    status, problem = await vinh.own("/factors/totp/remove")
    assert (status, problem["code"]) == (409, "directory.last-factor")
    await vinh.add_passkey(SoftKey(SITE))
    status, answer = await vinh.own("/factors/totp/remove")
    assert (status, answer["factors"]) == (200, {"totp": False, "passkeys": 1, "recovery_left": 10})


async def test_a_change_of_factors_asks_for_a_fresh_sign_in_and_ends_the_other_sessions(lan, loaded, who):
    elsewhere = Person(loaded, who)
    await elsewhere.sign_in()
    before = lan.session_id
    await lan.add_totp()
    assert lan.session_id != before
    assert (await elsewhere.own("/sessions/resolve"))[0] == 401
    assert (await lan.ask("/sessions/resolve", session_id=before))[0] == 401
    old = {"signed_in_at": datetime.now(UTC) - timedelta(minutes=16)}
    await loaded.service.db["sessions"].update_many({}, {"$set": old})
    for path in ("totp/begin", "totp/remove", "recovery", "passkeys/begin"):
        status, problem = await lan.own(f"/factors/{path}")
        assert (status, problem["code"]) == (403, "directory.sign-in-again"), path
    status, answer = await lan.own("/sessions/again", totp=lan.code())
    assert status == 200
    assert datetime.now(UTC) - datetime.fromisoformat(answer["person"]["signed_in_at"]) < timedelta(minutes=1)
    assert (await lan.own("/factors/totp/remove"))[1]["factors"] == {"totp": False, "passkeys": 0, "recovery_left": 0}
    assert "session_id" in await lan.sign_in()


async def test_without_a_key_to_seal_with_there_are_no_second_factors(start_directory, who, small_import):
    directory = await start_directory(directory_key_file=None)
    await directory.call("POST", "/import", who.operator, small_import)
    lan = Person(directory, who)
    await lan.sign_in()
    status, problem = await lan.own("/factors/totp/begin")
    assert (status, problem["code"]) == (503, "directory.no-factors")


async def test_sign_ins_and_changes_are_events_without_secrets(loaded, events, who, small_import):
    # Events are told apart by the ids that they are made of; this person is of this test alone.
    name, place = f"p-{secrets.token_hex(6)}", "203.0.113.0/24"
    person = {**small_import["people"][0], "id": name, "login": name}
    await loaded.call("POST", "/import", who.operator, {"people": [person]})
    lan = Person(loaded, who, {**LAN, "login": name, "place": place})
    await lan.sign_in()
    session = hashlib.sha256(lan.session_id.encode()).hexdigest()
    signed_in = await events.wait(ACCOUNT_SIGNED_IN, lambda event: event.session == session)
    assert (signed_in.person_id, signed_in.way, signed_in.mfa, signed_in.place) == (name, "password", False, place)
    confirmed = await lan.add_totp()
    secured = await events.wait(ACCOUNT_SECURED, lambda event: event.person_id == name)
    assert secured.what == "totp"
    await lan.ask("/sign-in", login=name, password="sai rồi", place=place)
    await lan.ask("/sign-in", login="mật khẩu gõ nhầm ô", password="x", place=place)
    known = await events.wait(SIGN_IN_REFUSED, lambda event: event.person_id == name)
    assert (known.because, known.place) == ("password", place)
    said = [await events.all(spec) for spec in (ACCOUNT_SIGNED_IN, ACCOUNT_SECURED, SIGN_IN_REFUSED)]
    for secret in ("gõ nhầm", "sai rồi", lan.session_id, *confirmed["recovery_codes"]):
        assert secret not in str(said)

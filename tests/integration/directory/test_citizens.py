import asyncio
import json
import secrets
import stat
from datetime import UTC, datetime, timedelta

import pytest

from lantoa_directory.main import INDEXES, build
from lantoa_directory.settings import DirectorySettings
from lantoa_directory.usecases.sessions import digest
from lantoa_runtime.http.auth import Caller
from lantoa_testing.patience import stop_clock

CONSENT = {"purpose": "sign-in", "text_sha256": "a" * 64, "version": "1"}


@pytest.fixture
def number():
    return f"09{secrets.randbelow(10**8):08}"


class Phones:
    """The directory as the gateway uses it for citizens, and the file into which the demo writes codes."""

    def __init__(self, running, who, codes):
        self.running, self.who, self.codes = running, who, codes
        self.db = running.service.db

    async def ask(self, phone, **options):
        return await self.running.call("POST", "/citizen/code", self.who.gateway, {"phone": phone}, **options)

    def last_code(self, phone):
        lines = [json.loads(line) for line in self.codes.read_text().splitlines()]
        return [line["code"] for line in lines if line["phone"] == "+84" + phone[1:]][-1]

    async def enter(self, phone, code, consent=CONSENT):
        body = {"phone": phone, "code": code, "consent": consent}
        return await self.running.call("POST", "/citizen/sign-in", self.who.gateway, body)

    async def sign_in(self, phone):
        assert (await self.ask(phone))[0] == 202
        status, body, _ = await self.enter(phone, self.last_code(phone))
        assert status == 200, body
        return body

    async def resolve(self, session_id):
        return await self.running.call("POST", "/sessions/resolve", self.who.gateway, {"session_id": session_id})

    async def challenge(self, phone):
        return await self.db["challenges"].find_one({"_id": digest("+84" + phone[1:])})

    async def change_challenge(self, phone, **fields):
        await self.db["challenges"].update_one({"_id": digest("+84" + phone[1:])}, {"$set": fields})


@pytest.fixture
async def phones(start_service, who, tmp_path):
    codes = tmp_path / "codes" / "sent.jsonl"
    running = await start_service("directory", DirectorySettings, build, INDEXES, directory_codes_file=codes)
    return Phones(running, who, codes)


def other(code):
    return f"{(int(code) + 1) % 1_000_000:06}"


async def test_a_code_from_the_phone_gives_a_session_of_a_citizen_with_a_masked_name(phones, number):
    status, body, _ = await phones.ask(f" +84 {number[1:4]}.{number[4:7]}-{number[7:]} ")
    shown = f"09•• ••• {number[-3:]}"
    assert (status, body) == (202, {"phone": shown, "seconds": 300})
    body = (await phones.enter(number, phones.last_code(number)))[1]
    assert body["citizen"] == {"id": body["citizen"]["id"], "name": shown}
    assert body["citizen"]["id"].startswith("c-")
    assert len(body["citizen"]["id"]) == 22
    assert (await phones.resolve(body["session_id"]))[1] == {"kind": "citizen", "citizen": body["citizen"]}
    assert stat.S_IMODE(phones.codes.stat().st_mode) == 0o600


async def test_the_same_number_is_the_same_citizen_in_another_session_and_consents_are_kept_once(phones, number):
    first, again = await phones.sign_in(number), await phones.sign_in(number)
    assert first["citizen"] == again["citizen"]
    assert first["session_id"] != again["session_id"]
    await phones.ask(number)
    newer = {**CONSENT, "version": "2", "text_sha256": "b" * 64}
    assert (await phones.enter(number, phones.last_code(number), newer))[0] == 200
    kept = await phones.db["citizens"].find_one({"_id": first["citizen"]["id"]})
    assert [{**consent, "at": None} for consent in kept["consents"]] == [{**CONSENT, "at": None}, {**newer, "at": None}]
    assert kept["phone"] == "+84" + number[1:]
    assert all(abs(consent["at"] - datetime.now(UTC)) < timedelta(minutes=1) for consent in kept["consents"])


async def test_five_wrong_tries_end_a_code_even_for_who_knows_it(phones, number):
    await phones.ask(number)
    code = phones.last_code(number)
    for left in (4, 3, 2, 1, 0):
        status, problem, _ = await phones.enter(number, other(code))
        assert (status, problem["code"]) == (401, "directory.wrong-code")
        assert f"Còn {left} lần" in problem["detail"]
    status, problem, _ = await phones.enter(number, code)
    assert (status, problem["code"]) == (401, "directory.code-expired")


async def test_fifty_tries_at_once_are_still_five(phones, number):
    await phones.ask(number)
    code = phones.last_code(number)
    answers = await asyncio.gather(*(phones.enter(number, other(code)) for _ in range(50)))
    codes = [problem["code"] for _, problem, _ in answers]
    assert 1 <= codes.count("directory.wrong-code") <= 5
    assert set(codes) == {"directory.wrong-code", "directory.code-expired"}


async def test_a_code_is_good_once_also_for_two_who_come_at_once(phones, number):
    await phones.ask(number)
    code = phones.last_code(number)
    statuses = [status for status, _, _ in await asyncio.gather(*(phones.enter(number, code) for _ in range(8)))]
    assert sorted(statuses) == [200] + [401] * 7
    assert (await phones.enter(number, code))[1]["code"] == "directory.code-expired"


async def test_a_code_holds_five_minutes_and_a_new_one_replaces_it(phones, number):
    await phones.ask(number)
    code = phones.last_code(number)
    lasts = (await phones.challenge(number))["ends_at"] - datetime.now(UTC)
    assert timedelta(minutes=4) < lasts <= timedelta(minutes=5)
    await phones.change_challenge(number, ends_at=datetime.now(UTC) - timedelta(seconds=1))
    assert (await phones.enter(number, code))[1]["code"] == "directory.code-expired"
    await phones.ask(number)
    if phones.last_code(number) != code:
        assert (await phones.enter(number, code))[1]["code"] == "directory.wrong-code"
    assert (await phones.enter(number, phones.last_code(number)))[0] == 200


async def test_three_codes_in_ten_minutes_and_ten_a_day_known_or_not(phones, number, monkeypatch):
    stop_clock(phones.running.service, monkeypatch)
    assert [(await phones.ask(number))[0] for _ in range(3)] == [202] * 3
    status, problem, headers = await phones.ask(number)
    assert (status, problem["code"], problem["retryable"]) == (429, "directory.too-many-codes", True)
    assert headers["Retry-After"] == "600"
    now = phones.running.service.clock.now()
    await phones.change_challenge(number, sent=[now - timedelta(hours=23 - hour) for hour in range(10)])
    assert (await phones.ask(number))[2]["Retry-After"] == "3600"
    await phones.change_challenge(number, sent=[now - timedelta(hours=24 + hour) for hour in range(10)])
    assert (await phones.ask(number))[0] == 202


async def test_twenty_requests_at_once_do_not_slip_under_the_limit(phones, number):
    statuses = [status for status, _, _ in await asyncio.gather(*(phones.ask(number) for _ in range(20)))]
    assert sorted(statuses) == [202] * 3 + [429] * 17
    assert len(phones.codes.read_text().splitlines()) == 3


async def test_the_database_holds_no_code_and_its_challenges_no_number(phones, number):
    body = await phones.sign_in(number)
    await phones.ask(number)
    challenges = str(await phones.db["challenges"].find({}))
    assert number[1:] not in challenges
    assert phones.last_code(number) not in challenges
    assert body["session_id"] not in str(await phones.db["sessions"].find({}))


async def test_an_erased_citizen_is_nobody_at_once_and_another_when_coming_back(phones, number):
    body = await phones.sign_in(number)
    elsewhere = (await phones.sign_in(number))["session_id"]
    citizen = Caller(body["citizen"]["id"], body["citizen"]["name"], citizen=True)
    assert (await phones.running.call("POST", "/citizen/erase", citizen))[0] == 204
    for session_id in (body["session_id"], elsewhere):
        assert (await phones.resolve(session_id))[0] == 401
    kept = await phones.db["citizens"].find_one({"_id": citizen.id})
    assert set(kept) == {"_id", "consents", "created_at", "erased_at"}
    assert await phones.db["citizens"].find({}, {"_id": 0, "name": 1, "phone": 1}) == [{}]
    assert (await phones.running.call("POST", "/citizen/erase", citizen))[0] == 401
    second = f"08{number[2:]}"
    later = await phones.sign_in(second)
    assert later["citizen"]["id"] != citizen.id
    assert (await phones.sign_in(number))["citizen"]["id"] not in (citizen.id, later["citizen"]["id"])
    erased_too = Caller(later["citizen"]["id"], "", citizen=True)
    assert (await phones.running.call("POST", "/citizen/erase", erased_too))[0] == 204


async def test_only_the_gateway_asks_for_codes_and_only_a_citizen_is_forgotten(phones, number, who):
    citizen = Caller("c-" + "0" * 20, "09•• ••• 123", citizen=True)
    refused = {who.author: 403, who.admin: 403, who.operator: 403, citizen: 403, who.anonymous: 401}
    for caller, status in refused.items():
        for path, body in (
            ("/citizen/code", {"phone": number}),
            ("/citizen/sign-in", {"phone": number, "code": "123456", "consent": CONSENT}),
            ("/sessions/resolve", {"session_id": "x"}),
        ):
            assert (await phones.running.call("POST", path, caller, body))[0] == status
    for caller, status in ((who.author, 403), (who.admin, 403), (who.anonymous, 401), (citizen, 401)):
        assert (await phones.running.call("POST", "/citizen/erase", caller))[0] == status
    for path in ("/units", "/people"):
        assert (await phones.running.call("GET", path, citizen))[0] in (401, 403)


WRONG = [
    ("/citizen/code", {"phone": {"$gt": ""}}),
    ("/citizen/code", {"phone": "0912"}),
    ("/citizen/code", {"phone": "0212345678"}),
    ("/citizen/code", {"phone": "٠٩١٢٣٤٥٦٧٨"}),
    ("/citizen/code", {"phone": "0912345678", "x": 1}),
    ("/citizen/code", {}),
    ("/citizen/sign-in", {"phone": "0912345678", "code": "123456"}),
    ("/citizen/sign-in", {"phone": "0912345678", "code": {"$gt": ""}, "consent": CONSENT}),
    ("/citizen/sign-in", {"phone": "0912345678", "code": "12345", "consent": CONSENT}),
    ("/citizen/sign-in", {"phone": "0912345678", "code": "١٢٣٤٥٦", "consent": CONSENT}),
    ("/citizen/sign-in", {"phone": "0912345678", "code": "123456", "consent": {**CONSENT, "text_sha256": "z" * 64}}),
    ("/citizen/sign-in", {"phone": "0912345678", "code": "123456", "consent": {**CONSENT, "at": "2020"}}),
]


async def test_what_is_no_number_code_or_consent_is_refused(phones, who):
    for path, body in WRONG:
        status, problem, _ = await phones.running.call("POST", path, who.gateway, body)
        assert (status, problem["title"] != "") == (422, True), body
    assert not phones.codes.exists()


async def test_without_a_sender_nobody_gets_a_code_and_production_refuses_the_demos(start_service, who, tmp_path):
    running = await start_service("directory", DirectorySettings, build, INDEXES)
    status, problem, _ = await running.call("POST", "/citizen/code", who.gateway, {"phone": "0912345678"})
    assert (status, problem["code"], problem["retryable"]) == (503, "directory.no-code-sender", False)
    with pytest.raises(ValueError, match="CODES_FILE"):
        DirectorySettings(env="production", directory_codes_file=tmp_path / "codes")


async def test_a_sender_that_fails_is_a_503_that_can_be_tried_again(phones, number):
    phones.codes.mkdir(parents=True)
    status, problem, _ = await phones.ask(number)
    assert (status, problem["code"], problem["retryable"]) == (503, "unavailable", True)

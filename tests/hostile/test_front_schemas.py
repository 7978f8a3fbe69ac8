"""The gateway, and every service behind it, answer as the documents say that it serves; whatever comes."""

import asyncio
import base64
import hashlib
import json
import secrets
import time
from collections import Counter
from urllib.parse import urlencode

import pytest
import pytest_asyncio
from front_world import APP, BACK, CONSENT, LEARNER, PASSWORD, SITE, Visitor, code_of, new_phone, open_front
from hostile_answers import Answers, fire, titles, wrong_with
from hostile_shots import filled, shots, takes_json
from hostile_world import COMMUNE, EVERYBODY, VALID, hurry
from schema_attack import attack

from lantoa_runtime.http.middleware import MOST_BODY_BYTES
from lantoa_signing.documents import SigningKey
from lantoa_signing.media import signed_path
from lantoa_testing.authenticator import SoftKey
from lantoa_testing.issuer import Issuer
from lantoa_testing.plugin import EventProbe, services_on, settings_on

pytestmark = pytest.mark.asyncio(loop_scope="module")
STREAM = "gateway_hints"
"""Its answer has no end; tests/integration/gateway/test_live.py has it."""
OF_ITS_OWN = "gateway_"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def front(nats_server, mongo_url, database_prefix, tmp_path_factory):
    """One world for all: nothing that is refused changes it."""
    folder = tmp_path_factory.mktemp("front")
    with pytest.MonkeyPatch.context() as patch:
        hurry(patch)
        for name in ("BURST", "PER_MINUTE", "STEPS_BURST", "STEPS_PER_MINUTE"):
            patch.setattr(f"lantoa_gateway.api.door.{name}", 10**6)
        client = await nats_server.connect()
        async with (
            Issuer().running() as issuer,
            services_on(settings_on(nats_server, mongo_url, folder, database_prefix), nats_server) as start,
        ):
            yield await open_front(start, EventProbe(client), nats_server, folder, issuer.url)
        await client.close()


@pytest.fixture
def visitor(front):
    return Visitor(front, Answers(front.document))


# -- what the gateway's own document says ------------------------------------------------------------------------------


async def _first_factors(visitor):
    """An authenticator, and in again by what stands in for it."""
    secret = (await visitor("gateway_begin_totp"))["secret"]
    await visitor("gateway_confirm_totp", {"code": code_of(secret)})
    codes = (await visitor("gateway_renew_recovery"))["recovery_codes"]
    await visitor("gateway_sign_out")
    step = await visitor("gateway_sign_in", {"login": LEARNER, "password": PASSWORD})
    await visitor("gateway_second_factor", {"ticket": step["ticket"], "recovery": codes[0]})
    await visitor("gateway_remove_totp")


async def _passkeys(visitor):
    key = SoftKey(SITE)
    options = await visitor("gateway_begin_passkey")
    await visitor("gateway_add_passkey", {"name": "Điện thoại", "credential": key.create(options)})
    asked = await visitor("gateway_passkey_options", {})
    await visitor("gateway_passkey_sign_in", {"passkey": key.get(asked)})
    (listed,) = (await visitor("gateway_list_passkeys"))["items"]
    await visitor("gateway_remove_passkey", None, listed["id"])


async def _sessions(visitor):
    await visitor.front.sign_in(LEARNER)
    listed = (await visitor("gateway_list_sessions"))["items"]
    await visitor("gateway_end_session", None, next(one["id"] for one in listed if not one["here"]))
    await visitor("gateway_end_others")
    await visitor("gateway_change_password", {"old": PASSWORD, "new": f"{PASSWORD} nữa"})
    await visitor("gateway_change_password", {"old": f"{PASSWORD} nữa", "new": PASSWORD})
    await visitor("gateway_again", {"password": PASSWORD})


async def _programs(visitor):
    wanted = {"name": "Cổng", "permissions": ["content.item.read"], "days": 1}
    made = await visitor("gateway_make_token", wanted)
    assert [one["id"] for one in (await visitor("gateway_list_tokens"))["items"]] == [made["item"]["id"]]
    await visitor("gateway_end_token", None, made["item"]["id"])
    verifier = secrets.token_urlsafe(48)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    asked = {"client_id": APP["client_id"], "redirect_uri": BACK}
    proof = {"response_type": "code", "code_challenge": challenge, "code_challenge_method": "S256"}
    cookie = {"Cookie": f"__Host-sid={visitor.cookies['__Host-sid']}"}
    _, said, _ = await visitor.front.ask("POST", f"/auth/app/authorize?{urlencode(asked | proof)}", headers=cookie)
    code = said["location"].partition("code=")[2].partition("&")[0]
    form = {"grant_type": "authorization_code", **asked, "code": code, "code_verifier": verifier}
    tokens = await visitor("gateway_token", data=form)
    await visitor("gateway_revoke", data={"client_id": APP["client_id"], "token": tokens["refresh_token"]})


async def _a_password_that_was_given(visitor):
    admin = {"Cookie": f"__Host-sid={visitor.front.sid}"}
    path = "/api/v1/directory/people/p-hoc-viec/password"
    given = json.loads((await visitor.front.ask("POST", path, headers=admin))[2])
    step = await visitor("gateway_sign_in", {"login": LEARNER, "password": given["password"]})
    await visitor("gateway_new_password", {"ticket": step["ticket"], "password": PASSWORD})


async def _citizens(visitor):
    phone = new_phone()
    assert (await visitor("gateway_consent"))["text_sha256"] == CONSENT
    await visitor("gateway_send_code", {"phone": phone})
    entered = {"phone": phone, "code": visitor.front.code(phone), "consent": {"text_sha256": CONSENT}}
    await visitor("gateway_citizen_sign_in", entered)
    await visitor("gateway_citizen_me")
    await visitor("gateway_citizen_erase")
    await visitor("gateway_citizen_sign_out")


async def test_whatever_succeeds_at_the_door_is_answered_as_its_document_says(front, visitor, nats_server):
    await visitor("gateway_ways")
    await visitor("gateway_sign_in", {"login": LEARNER, "password": PASSWORD})
    await visitor("gateway_me")
    await visitor("gateway_link")
    await _first_factors(visitor)
    await _passkeys(visitor)
    await _sessions(visitor)
    await _programs(visitor)
    await _a_password_that_was_given(visitor)
    await _citizens(visitor)
    blob = await front.running.service.blobs.put(b"am thanh", "audio/ogg")
    key = SigningKey(nats_server.ring.fleet_file.read_bytes())
    query = signed_path(key, blob.sha256, "d-1", int(time.time()) + 60).partition("?")[2]
    for part in ({}, {"Range": "bytes=0-1"}):
        await visitor("gateway_media", None, f"{blob.sha256}?{query}", headers=part)
    assert visitor.faults == []
    assert set(visitor.answers.operations) - visitor.done == {STREAM}, "nobody has seen these succeed"


class _Callers:
    """Readers keep their session; whoever changes something has one of its own, which may end by it."""

    NEW = "a session of its own"
    COOKIES = {"session": "__Host-sid", "citizen": "__Host-citizen"}

    def __init__(self, front, readers):
        self.front = front
        self.readers = readers
        self.loop = asyncio.get_running_loop()

    def shows(self, case):
        for scheme in (one for asked in case.operation.definition.raw.get("security", ()) for one in asked):
            value = self.readers[scheme] if case.method == "GET" else self.NEW
            case.cookies = {**(case.cookies or {}), self.COOKIES[scheme]: value}

    def before(self, case):
        for scheme, name in self.COOKIES.items():
            if (case.cookies or {}).get(name) == self.NEW:
                case.cookies[name] = self._signed_in(scheme)

    def _signed_in(self, scheme):
        entry = self.front.citizen() if scheme == "citizen" else self.front.sign_in(LEARNER)
        return asyncio.run_coroutine_threadsafe(entry, self.loop).result(timeout=60)


async def test_whatever_comes_to_the_door_is_answered_as_its_document_says(front):
    callers = _Callers(front, {"session": front.sid, "citizen": await front.citizen()})
    url = front.running.url
    # Every way in that there is was seen to succeed above, and every field is shot at below: states are what is left.
    outcome = await asyncio.to_thread(attack, front.document, url, callers.shows, [STREAM], callers.before, False)
    assert not outcome.faults, str(outcome)
    assert outcome.statuses[201], "no token was made: the attack proves nothing"
    assert outcome.statuses[204], "nothing was taken back"
    assert outcome.statuses[401]
    assert outcome.statuses[422]
    assert (await front.ask("GET", "/auth/me", headers=front.shows(EVERYBODY)))[0] == 200


# -- hostile bodies ----------------------------------------------------------------------------------------------------


async def test_hostile_requests_at_the_door_are_refused_in_the_readers_language_and_write_nothing(front):
    known = {language: titles(language, "gateway", "directory") for language in ("vi", "en")}
    before = await front.counts()
    faults, seen = [], Counter()
    document = {**front.document, "paths": {k: v for k, v in front.document["paths"].items() if k.startswith("/auth/")}}
    for number, shot in enumerate(shots(document)):
        language = ("vi", "en")[number % 2]
        answer = await fire(front, shot, EVERYBODY, language)
        seen[answer[0]] += 1
        if fault := wrong_with(shot, answer, language, known):
            faults.append(f"{shot.method} {shot.path[:90]} [{shot.what}]: {fault}")
    assert not faults, f"{len(faults)} faults:\n" + "\n".join(faults[:60])
    assert seen[422] > 400
    assert await front.counts() == before


FORMS = {
    "a field of a field": "client_id[$gt]=&grant_type=refresh_token&refresh_token[$ne]=x",
    "an operator as text": urlencode(dict.fromkeys(("client_id", "refresh_token", "token"), '{"$gt":""}')),
    "twice": "client_id=a&client_id=vn.lantoa.field&token=x&token=y",
    "no text": "client_id=%ff%fe&token=%ed%a0%80&grant_type=refresh_token",
    "control characters": "client_id=%00&token=%00%1b&grant_type=refresh_token&refresh_token=%00",
    "too long": f"client_id={'x' * 501}&token=x&grant_type=refresh_token",
    "JSON": '{"client_id":{"$gt":""}}',
    "very many fields": "&".join(f"a{number}=" for number in range(2000)),
}


@pytest.mark.parametrize("form", FORMS)
async def test_hostile_forms_of_apps_are_refused_as_their_document_says(front, form):
    answers = Answers(front.document)
    for operation in ("gateway_token", "gateway_revoke"):
        path = answers.operations[operation][0]
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        status, said, body = await front.ask("POST", path, data=FORMS[form].encode(), headers=headers)
        assert answers.fault(operation, status, said.get("content-type", ""), body) is None
        # A token that nobody knows is none to take back, which is no error (RFC 7009, 2.2).
        assert status in ((400, 422) if operation == "gateway_token" else (200, 400, 422)), (operation, status)


FREE = {"gateway_second_factor": "passkey", "gateway_passkey_sign_in": "passkey", "gateway_add_passkey": "credential"}
"""Fields whose inside only the directory looks at."""


@pytest.mark.parametrize("operation", FREE)
async def test_what_is_nested_or_grows_on_its_way_to_the_directory_is_the_senders_fault(front, operation):
    answers = Answers(front.document)
    path, name = answers.operations[operation][0], FREE[operation]
    deep = [b'{"a":' * levels + b"1" + b"}" * levels for levels in (60, 70, 300, 990, 100_000)]
    # Every sign of it takes three bytes here and six where it goes.
    wide = json.dumps({"a": "ế" * (MOST_BODY_BYTES // 3 - 1000)}, ensure_ascii=False).encode()
    rest = {key: value for key, value in VALID[operation].items() if key != name}
    for inner in (*deep, wide):
        body = json.dumps({**rest, name: "@"}).encode().replace(b'"@"', inner)
        headers = {**front.shows(EVERYBODY), "Content-Type": "application/json"}
        status, said, answer = await front.ask("POST", path, data=body, headers=headers)
        assert answers.fault(operation, status, said["content-type"], answer) is None
        assert 400 <= status < 500, (operation, len(inner), status)


# -- the platform's document -------------------------------------------------------------------------------------------

MAKES = {
    "directory_create_person": "person_id",
    "directory_order_act": "act_id",
    "content_create": "item_id",
    "alert_request": "notice_id",
    "alert_add_cap_source": "source_id",
    "fleet_make_receiver": "device_id",
    "contest_create": "contest_id",
}
"""What is made, and the part of other addresses that names it."""


class _Crowd:
    """Asks for every operation of the platform, as each of those who may."""

    def __init__(self, front, answers, credentials):
        self.front = front
        self.answers = answers
        self.credentials = credentials
        self.ids = {}
        self.faults = []
        self.statuses = Counter()

    async def ask(self, operation, headers):
        path, method, said = self.answers.operations[operation]
        for name, value in self.ids.items():
            path = path.replace(f"{{{name}}}", value)
        queries = [one["name"] for one in said.get("parameters", ()) if one["in"] == "query" and one.get("required")]
        query = "&".join(f"{name}={COMMUNE}" for name in queries)
        sent = {"Idempotency-Key": secrets.token_hex(8), "If-Match": '"1"', "Sec-Fetch-Site": "same-origin", **headers}
        body = {}
        if takes_json(said):
            body = {"json": VALID[operation]}
        elif "requestBody" in said:
            body = {"data": b"x"}
            sent["Content-Type"] = next(iter(said["requestBody"]["content"]))
        return await self.front.ask(method.upper(), f"{filled(path)}?{query}", headers=sent, **body)

    async def held(self, operation, who):
        """The answer to somebody, once it was held against the document."""
        status, headers, body = await self.ask(operation, self.credentials[who])
        fault = self.answers.fault(operation, status, headers.get("content-type", ""), body)
        self.faults += [f"{who}: {fault}"] if fault else []
        self.statuses[status] += 1
        if status < 300 and operation in MAKES:
            made = json.loads(body)
            self.ids.setdefault(MAKES[operation], made.get("id") or made[MAKES[operation]])
        return status

    async def visit(self, operation):
        """Everybody whom the document names is let in, and nobody else."""
        security = self.answers.operations[operation][2].get("security", [])
        schemes = [scheme for one in security for scheme in one]
        strange = await self.held(operation, "stranger")
        if (strange == 401) != bool(schemes):
            self.faults.append(f"{operation}: a stranger gets {strange}, the document asks for {schemes}")
        for who in schemes:
            if await self.held(operation, who) == 401:
                self.faults.append(f"{operation}: {who} is not enough")


async def test_the_platforms_document_says_what_is_answered_through_the_door(front):
    _, _, body = await front.ask("GET", "/api/openapi.json")
    answers = Answers(json.loads(body))
    made = await front.ask(
        "POST",
        "/auth/tokens",
        json={"name": "Chương trình", "permissions": ["content.item.read", "fleet.device.read"], "days": 1},
        headers=front.shows(EVERYBODY),
    )
    credentials = {
        "stranger": {},
        "session": front.shows(EVERYBODY),
        "citizen": {"Cookie": f"__Host-citizen={await front.citizen()}"},
        "token": {"Authorization": f"Bearer {json.loads(made[2])['token']}"},
    }
    crowd = _Crowd(front, answers, credentials)
    behind = [name for name in answers.operations if not name.startswith(OF_ITS_OWN)]
    for operation in sorted(behind, key=lambda name: name not in MAKES):
        await crowd.visit(operation)
    assert crowd.faults == []
    assert set(MAKES.values()) == set(crowd.ids), "nothing was made: the document was held against refusals"

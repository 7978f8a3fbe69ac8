"""Simulated devices enter a running demo as real ones do: they enrol with proof of possession and are claimed."""

import asyncio
import json
import random
import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import aiohttp

from lantoa_cli import demo
from lantoa_cli.errors import Refused
from lantoa_cli.layout import Layout
from lantoa_contracts.base import DeviceKind
from lantoa_devicekit.clock import DeviceClock
from lantoa_devicekit.enrolment import PATH, Accepted
from lantoa_devicekit.files import write_durably
from lantoa_signing import nkey
from lantoa_signing.documents import open_key_set, unb64
from lantoa_testing.platform import Answer, Person, Platform
from lantoa_testing.simulator.device import Trust
from lantoa_testing.simulator.pace import Who

SITES = ("hamlet", "market", "school", "commune_office", "crossroads")
_AT_ONCE = 16
_SPREAD_DEGREES = 0.03
"""About three kilometres around the commune's point."""
_random = random.SystemRandom()


@dataclass(frozen=True)
class Enlisted:
    """What is kept of a simulated device between runs."""

    kind: DeviceKind
    mqtt: bool
    secret: str
    device_id: str
    claimed: bool = False


class Roster:
    """The simulated devices of one installation, in ``<data>/simulated.json``, readable by the owner alone."""

    def __init__(self, layout: Layout, http: aiohttp.ClientSession, told: Callable[[str], None]) -> None:
        self._layout = layout
        self._http = http
        self._told = told
        self._file = layout.data / "simulated.json"
        self._communes = [
            unit
            for unit in demo.read(layout, "units.json")["units"]
            if unit["kind"] in ("commune", "ward") and unit["valid_to"] is None and unit["lat"] is not None
        ]
        self._all: dict[str, Enlisted] = {}
        if self._file.exists():
            self._all = {row["device_id"]: Enlisted(**row) for row in json.loads(self._file.read_text())}

    async def enlist(self, radios: int, boards: int, receivers: int) -> tuple[list[Who], list[Who], Trust | None]:
        """So many devices on NATS and receivers on MQTT, claimed by the demo's technician, and what they were told.

        Those of an earlier run are taken first.

        Raises:
            Refused: the platform does not run or did not let them in.
        """
        login = self._technician()
        try:
            person = await Platform(self._layout, {}).sign_in(self._http, login)
        except (aiohttp.ClientError, AssertionError, KeyError) as error:
            raise Refused(f"không đăng nhập được {login} ở {self._layout.gateway_url}: {error}") from error
        wanted = [*self._keys("radio", radios), *self._keys("board", boards)]
        self._save()
        await self._each("đăng ký", wanted, lambda one: self._bring_in(person, one))
        mqtt = await self._receivers(person, receivers)
        trust = await self._trust(self._all[wanted[0].device_id]) if wanted else None
        return [_who(one) for one in wanted], [_who(one) for one in mqtt], trust

    def _technician(self) -> str:
        for person in demo.read(self._layout, "people.json")["people"]:
            if any(grant["role"] == "technician" for grant in person["grants"]):
                return str(person["login"])
        raise Refused("không có kỹ thuật viên trong dữ liệu trình diễn")

    def _keys(self, kind: DeviceKind, count: int) -> list[Enlisted]:
        known = [one for one in self._all.values() if one.kind == kind and not one.mqtt][:count]
        for _ in range(count - len(known)):
            seed = nkey.new_seed(secrets.token_bytes(32))
            known.append(Enlisted(kind, mqtt=False, secret=seed, device_id=nkey.device_id(nkey.public_of(seed))))
        self._all |= {one.device_id: one for one in known}
        return known

    async def _receivers(self, person: Person, count: int) -> list[Enlisted]:
        known = [one for one in self._all.values() if one.mqtt][:count]

        async def make(number: int) -> None:
            body = {"kind": "radio", **self._place("Loa MQTT", number)}
            made = _taken(await person.call("POST", "/api/v1/fleet/receivers", body))
            one = Enlisted("radio", mqtt=True, secret=made["token"], device_id=made["device_id"], claimed=True)
            self._all[one.device_id] = one
            known.append(one)

        await self._each("tạo bộ thu MQTT", range(len(known), count), make)
        return known

    async def _bring_in(self, person: Person, one: Enlisted) -> None:
        if one.claimed:
            return
        waiting = await self._enrol(one)
        body = self._place("Bảng" if one.kind == "board" else "Loa", int(one.device_id[2:8], 16))
        if "claim_code" in waiting:
            claim = {**body, "claim_code": waiting["claim_code"]}
            _taken(await person.call("POST", "/api/v1/fleet/devices/claim", claim))
        self._all[one.device_id] = replace(one, claimed=True)

    async def _enrol(self, one: Enlisted) -> dict[str, Any]:
        public, at = nkey.public_of(one.secret), DeviceClock().wall().isoformat()
        text = f"enrol\n{public}\n{one.kind}\nsimulated\n{at}"
        signature = nkey.sign_with_seed(one.secret, text).sig
        body = {"public_key": public, "kind": one.kind, "model": "simulated", "at": at, "signature": signature}
        answer: dict[str, Any] = _taken(await Person(self._layout.gateway_url, self._http).call("POST", PATH, body))
        return answer

    async def _trust(self, one: Enlisted) -> Trust:
        told = Accepted.model_validate(await self._enrol(one))
        return Trust(open_key_set(told.key_set, unb64(told.root_public_key)), told.nats_urls)

    def _place(self, name: str, number: int) -> dict[str, Any]:
        """A place in a commune of the demo province, near its point."""
        unit = self._communes[number % len(self._communes)]
        off = {axis: _random.uniform(-_SPREAD_DEGREES, _SPREAD_DEGREES) for axis in ("lat", "lon")}
        at = {axis: round(unit[axis] + far, 6) for axis, far in off.items()}
        site = SITES[number % len(SITES)]
        return {"name": f"{name} {number} {unit['name']}", "unit_id": unit["unit_id"], "site_type": site, **at}

    async def _each(self, what: str, items: Sequence[Any], work: Callable[[Any], Awaitable[None]]) -> None:
        """Do it for all, a few at once; what was reached is kept whatever happens."""
        gate, done = asyncio.Semaphore(_AT_ONCE), 0

        async def one(item: Any) -> None:
            nonlocal done
            async with gate:
                await work(item)
            done += 1
            if done % 100 == 0:
                self._told(f"{what} {done}/{len(items)}")

        try:
            await asyncio.gather(*map(one, items))
        finally:
            self._save()

    def _save(self) -> None:
        rows = [asdict(one) for one in self._all.values()]
        write_durably(self._file, json.dumps(rows).encode(), mode=0o600)


def _who(one: Enlisted) -> Who:
    return Who(one.device_id, one.kind, one.secret)


def _taken(answer: Answer) -> Any:
    if answer.status >= 400:
        raise Refused(f"{answer.status}: {answer.body}")
    return answer.body

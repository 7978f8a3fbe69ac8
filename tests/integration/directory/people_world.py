"""A small province with people in it, and callers who are what the directory says they are."""

import itertools
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from lantoa_calendar.periods import ZONE
from lantoa_directory.usecases.grants import held_by
from lantoa_runtime.http.auth import HEADER, Caller, Grant
from lantoa_testing.plugin import Running, token_for

PASSWORD = "một câu dài của mọi người"
PEOPLE = [
    ("p-lan", "Nguyễn Thị Phương Lan", "b-1", [("author", "u-1")]),
    ("p-hung", "Trần Văn Hùng", "b-1", [("approver", "u-1")]),
    ("p-tam", "Lê Minh Tâm", "b-1", [("admin", "u-1")]),
    ("p-thao", "Thạch Ngọc Thảo", "u-2", [("author", "u-2")]),
    ("p-cuc", "Võ Thị Cúc", "u-p", [("approver", "u-p")]),
    ("p-vinh", "Đỗ Quang Vinh", "u-p", [("admin", "u-p")]),
    ("p-kiem", "Phạm Kiểm", "u-p", [("auditor", "u-p")]),
]
UNITS = [
    {"unit_id": "u-p", "code": "86", "name": "Tỉnh Vĩnh Long", "kind": "province", "parent": None},
    {"unit_id": "u-1", "code": "1", "name": "Phường Trà Vinh", "kind": "ward", "parent": "u-p"},
    {"unit_id": "b-1", "code": "UBND", "name": "Ủy ban nhân dân phường Trà Vinh", "kind": "body", "parent": "u-1"},
    {"unit_id": "u-2", "code": "2", "name": "Xã Cầu Kè", "kind": "commune", "parent": "u-p"},
]
OPERATOR = Caller("operator", "operator", (Grant("system", "*"),))
GATEWAY = Caller("gateway", "gateway", (Grant("system", "*"),))


@dataclass
class Town:
    """The directory, spoken to as the people that it knows."""

    running: Running
    _keys: Any = field(default_factory=itertools.count)

    @property
    def today(self) -> date:
        return self.running.service.clock.now().astimezone(ZONE).date()

    def day(self, days: int) -> str:
        return (self.today + timedelta(days=days)).isoformat()

    async def load(self) -> None:
        people = [
            {
                "id": person_id,
                "login": person_id[2:],
                "name": name,
                "body": body,
                "grants": [{"role": role, "unit_id": unit} for role, unit in grants],
                # Hashing costs, and nobody else signs in.
                **({"password": PASSWORD} if person_id == "p-lan" else {}),
            }
            for person_id, name, body, grants in PEOPLE
        ]
        status, _, _ = await self.running.call("POST", "/import", OPERATOR, {"units": UNITS, "people": people})
        assert status == 200

    async def sign_in(self, login: str, password: str = PASSWORD) -> Any:
        status, answer, _ = await self.running.call("POST", "/sign-in", GATEWAY, {"login": login, "password": password})
        return answer if status == 200 else status

    async def resolved(self, session_id: str) -> Any:
        status, answer, _ = await self.running.call("POST", "/sessions/resolve", GATEWAY, {"session_id": session_id})
        return answer["person"] if status == 200 else status

    async def caller(self, login: str, origin: str = "10.0.0.7") -> Caller:
        """Somebody as the gateway would say of them who signed in now."""
        people, units = (self.running.service.db[name] for name in ("people", "units"))
        person = await people.find_one({"_id": f"p-{login}"})
        assert person
        held = await held_by(people, units, person, self.today)
        grants = tuple(Grant(grant.role, grant.unit_id) for grant in held)
        return Caller(person["_id"], person["name"], grants, origin=origin)

    async def call(self, who: Caller, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if path == "/people" and method == "POST":
            sent.setdefault("Idempotency-Key", f"key-{next(self._keys):08}")
        status, answer, _ = await self.running.call(method, path, who, body, sent)
        return status, answer

    async def lines(self, who: Caller, path: str) -> tuple[int, bytes]:
        """Status and body of an answer that is no JSON document."""
        address = f"{self.running.url}/api/v1/directory{path}"
        headers = {HEADER: token_for(self.running.ring, who, "directory")}
        async with self.running.session.get(address, headers=headers) as answer:
            return answer.status, await answer.read()

    async def grant(self, who: Caller, person: str, role: str, unit: str, **days: str) -> tuple[int, Any]:
        body = {"role": role, "unit_id": unit, "reason": "Quyết định 12/QĐ-UBND", **days}
        return await self.call(who, "POST", f"/people/{person}/grants", body)

    async def lend(
        self, who: Caller, lender: str, to: str, roles: list[str], unit: str, **days: str
    ) -> tuple[int, Any]:
        body = {"to": to, "roles": roles, "unit_id": unit, "from": self.day(0), "to_day": self.day(4), **days}
        return await self.call(who, "POST", f"/people/{lender}/delegations", body | {"reason": "Nghỉ phép"})

    async def holds(self, login: str) -> set[tuple[str, str]]:
        """What somebody may use who signs in now."""
        return {(grant.role, grant.unit_id) for grant in (await self.caller(login)).grants}

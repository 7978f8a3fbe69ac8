"""The demo province: real units, the plan, people with random passwords, devices that are claimed by their codes."""

import asyncio
import hashlib
import json
import os
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lantoa_cli.errors import Refused
from lantoa_cli.layout import BOARD, STATIONS, Layout
from lantoa_cli.loading import new_password
from lantoa_signing.nkey import public_of, sign_with_seed

if TYPE_CHECKING:
    from lantoa_cli.operator import Operator

_FILES = ("units.json", "plan75.json", "people.json", "devices.json", "grids.json", "contest.json")
_CLAIM_TRIES = 150
_OPENS_IN = timedelta(seconds=3)
"""From the demo contest's publication to its opening: it must be published before it opens."""


def read(layout: Layout, name: str) -> Any:
    """A file of the demo province."""
    return json.loads((layout.root / "demo" / name).read_text("utf-8"))


def root_units(layout: Layout) -> tuple[str, ...]:
    """Units without a parent."""
    return tuple(unit["unit_id"] for unit in read(layout, "units.json")["units"] if unit["parent"] is None)


def operator(layout: Layout) -> "Operator":
    """The operator of this installation."""
    from lantoa_cli.operator import Operator  # Loads the HTTP framework, which a second start does not need.

    return Operator(layout.ring, layout.url, root_units(layout))


def passwords(layout: Layout) -> dict[str, str]:
    """Password by login; made when somebody is new among the people, readable by the owner alone."""
    file = layout.passwords_file
    found: dict[str, str] = json.loads(file.read_text()) if file.exists() else {}
    new = [person["login"] for person in read(layout, "people.json")["people"] if person["login"] not in found]
    if new:
        found |= {login: new_password() for login in new}
        made = file.with_suffix(".new")
        made.unlink(missing_ok=True)
        with os.fdopen(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
            json.dump(found, out)
        made.replace(file)
    return found


def _mark(layout: Layout) -> Path:
    return layout.data / "demo_loaded"


def _digest(layout: Layout) -> str:
    data = b"".join((layout.root / "demo" / name).read_bytes() for name in _FILES)
    return hashlib.sha256(data).hexdigest()


def is_loaded(layout: Layout) -> bool:
    """Whether this very demo data was loaded before."""
    return _mark(layout).exists() and _mark(layout).read_text() == _digest(layout)


async def load(layout: Layout) -> None:
    """Load units, people, plan, grids and the contest; safe to repeat.

    Raises:
        Refused: a service did not take it.
    """
    units, people = read(layout, "units.json"), read(layout, "people.json")
    secret = passwords(layout)
    bodies = [{**body, "lat": None, "lon": None} for body in people["bodies"]]
    door = operator(layout)
    await door.call(
        "directory",
        "POST",
        "/import",
        {
            "units": [_unit(unit) for unit in [*units["units"], *bodies]],
            "successors": units["successors"],
            "people": [{**_person(person), "password": secret[person["login"]]} for person in people["people"]],
        },
    )
    await door.call("reporting", "POST", "/plan", read(layout, "plan75.json"))
    for grid in read(layout, "grids.json")["grids"]:
        await _put_grid(door, grid)
    await publish_contest(door, read(layout, "contest.json"))
    _mark(layout).write_text(_digest(layout))


def _unit(unit: dict[str, Any]) -> dict[str, Any]:
    return {
        key: unit.get(key)
        for key in ("unit_id", "code", "name", "kind", "parent", "valid_from", "valid_to", "lat", "lon")
    }


def _person(person: dict[str, Any]) -> dict[str, Any]:
    return {"id": f"p-{person['login']}", **{key: person[key] for key in ("login", "name", "title", "grants")}}


async def _put_grid(door: "Operator", grid: dict[str, Any]) -> None:
    body = {key: grid["sessions"][0][key] for key in ("rule", "at", "max_minutes")}
    for _ in range(100):
        try:
            have = await door.call("broadcast", "GET", f"/grids/{grid['unit_id']}")
            await door.call("broadcast", "PUT", f"/grids/{grid['unit_id']}", body, ver=have.get("ver", 0))
        except Refused as refused:
            # The unit's event has not reached broadcast yet.
            if "unknown-unit" not in str(refused) and "not-found" not in str(refused):
                raise
            await asyncio.sleep(0.1)
        else:
            return
    raise Refused(f"grid of {grid['unit_id']}: its unit never reached broadcast")


async def publish_contest(door: "Operator", demo: dict[str, Any]) -> None:
    """Publish the demo's contest, which then opens in a moment; nothing when it is published already.

    Raises:
        Refused: the service did not take it.
    """
    from lantoa_runtime.clock import Clock

    waits_for = ("unknown-unit", "opens-before-publishing")  # The unit's event has not come, or we were too slow.
    for _ in range(100):
        opens_at = Clock().now() + _OPENS_IN
        times = {"opens_at": opens_at, "closes_at": opens_at + timedelta(days=demo["open_days"])}
        body = {**demo["contest"], **{name: moment.isoformat() for name, moment in times.items()}}
        try:
            contest = await _draft_contest(door, body)
            if contest["state"] == "draft":
                await door.call("contest", "POST", f"/contests/{contest['id']}/publish", ver=contest["ver"])
        except Refused as refused:
            if not any(code in str(refused) for code in waits_for):
                raise
            await asyncio.sleep(0.1)
        else:
            return
    raise Refused("the contest's unit never reached contest")


async def _draft_contest(door: "Operator", body: dict[str, Any]) -> Any:
    """The contest as it is when it was published before, else as a draft that opens at the times of ``body``."""
    contest_id = body["id"]
    try:
        have = await door.call("contest", "GET", f"/contests/{contest_id}")
    except Refused as refused:
        if "not-found" not in str(refused):
            raise
        return await door.call("contest", "POST", "/contests", body)
    if have["state"] != "draft":
        return have
    change = {name: value for name, value in body.items() if name != "id"}
    return await door.call("contest", "PUT", f"/contests/{contest_id}", change, ver=have["ver"])


async def claim_devices(layout: Layout) -> None:
    """Claim the demo's devices by the codes that they show, as a technician would.

    Raises:
        Refused: a device did not show up or could not be claimed.
    """
    names = [name for name in (*STATIONS, BOARD) if not _claimed(layout, name).exists()]
    if not names:
        return
    devices = {device["key"]: device for device in read(layout, "devices.json")["devices"]}
    door = operator(layout)
    await asyncio.gather(*(_claim(layout, door, name, devices[name]) for name in names))


def _claimed(layout: Layout, name: str) -> Path:
    """Stands beside a device's data once it was claimed."""
    return layout.data / "devices" / name / "claimed"


def _enrolment(layout: Layout, seed_file: Path, name: str) -> dict[str, str]:
    """The device's own question, for the answer has the code that its screen shows."""
    from lantoa_runtime.clock import Clock

    seed, environment = seed_file.read_text().strip(), layout.device_env(name, "board" if name == BOARD else "radio")
    kind, model = environment["LANTOA_DEVICE_KIND"], environment["LANTOA_DEVICE_MODEL"]
    public, at = public_of(seed), Clock().now().isoformat()
    signature = sign_with_seed(seed, f"enrol\n{public}\n{kind}\n{model}\n{at}").sig
    return {"public_key": public, "kind": kind, "model": model, "at": at, "signature": signature}


async def _claim(layout: Layout, door: "Operator", name: str, device: dict[str, Any]) -> None:
    seed_file = layout.data / "devices" / name / "device.nk"
    refusal = Refused(f"{name} has made no key yet")
    for _ in range(_CLAIM_TRIES):
        if seed_file.exists():
            body = {key: device[key] for key in ("name", "unit_id", "site_type")}
            try:
                asked = await door.call("fleet", "POST", "/enrolments", _enrolment(layout, seed_file, name))
                if asked["state"] == "pending":
                    body["claim_code"] = asked["claim_code"]
                    await door.call("fleet", "POST", "/devices/claim", body)
            except Refused as refused:
                refusal = refused
            else:
                _claimed(layout, name).touch()
                return
        await asyncio.sleep(0.1)
    raise refusal


async def start_session(layout: Layout, unit_id: str, in_seconds: int) -> Any:
    """Bring a unit's next session forward to now; refused in production by broadcast itself."""
    return await operator(layout).call(
        "broadcast", "POST", "/sessions/start-now", {"unit_id": unit_id, "in_seconds": in_seconds}
    )

"""New programs for devices, wave by wave: who is told next, when a wave is over, when to stop. Pure."""

import collections
import hashlib
import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from lantoa_runtime.errors import Invalid

MOST_FILES = 500
LEAST_FAILURES = 2
"""A single device's failure stops nothing but a first wave of few."""
_WAVE = re.compile(r"([1-9][0-9]{0,4})(%?)")
_PATH = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*(?:/[A-Za-z0-9_][A-Za-z0-9._-]*)*")

DeviceState = Literal["waiting", "told", "done", "failed"]
Verdict = Literal["run", "stop", "finish"]


def checked_waves(waves: Sequence[str]) -> tuple[str, ...]:
    """Waves as told: devices in all (``1``) or a share of them (``25%``), each at least as large as the one before.

    Raises:
        Invalid: not so written, or the last is not ``100%``.
    """
    for number, wave in enumerate(waves):
        match = _WAVE.fullmatch(wave)
        if match is None or (match[2] and int(match[1]) > 100):
            raise Invalid("fleet.bad-wave", f"/waves/{number}")
    if not waves or waves[-1] != "100%":
        raise Invalid("fleet.last-wave", "/waves")
    return tuple(waves)


def wave_ends(waves: Sequence[str], total: int) -> list[int]:
    """How many devices have been told at the end of each wave; it never falls, the last is all."""
    ends: list[int] = []
    for wave in waves:
        end = math.ceil(int(wave[:-1]) * total / 100) if wave.endswith("%") else int(wave)
        ends.append(min(total, max(end, ends[-1] if ends else 1)))
    return ends


def checked_path(path: str, pointer: str) -> str:
    """A file's place inside a release: relative, without a way out of it.

    Raises:
        Invalid: it is not.
    """
    if len(path) > 200 or not _PATH.fullmatch(path):
        raise Invalid("fleet.bad-path", pointer)
    return path


def manifest_text(version: str, files: Iterable[Mapping[str, Any]]) -> str:
    """What is signed: the version and every file of it by hash."""
    listed = [{name: file[name] for name in ("path", "sha256", "bytes")} for file in files]
    return json.dumps({"kind": "update", "version": version, "files": listed}, separators=(",", ":"))


def turn_of(update_id: str, device_id: str) -> str:
    """Where a device stands in the order of an update: by lot, so that the first are not always the same."""
    return hashlib.sha256(f"{update_id}\n{device_id}".encode()).hexdigest()


@dataclass(slots=True)
class Target:
    """A device that is to get the update."""

    device_id: str
    state: DeviceState = "waiting"
    wave: int = 0
    """Number of the wave it was told in, from 1."""
    told_at: datetime | None = None
    reason: str = ""
    earlier: str | None = None
    """The version that it ran before."""


@dataclass(frozen=True)
class Seen:
    """What is known of a device at a moment."""

    online: bool
    version: str | None
    answer: str
    """State of its command: ``""``, ``sent``, ``received``, ``finished``, ``failed`` or ``expired``."""
    detail: str = ""


@dataclass(frozen=True)
class Step:
    """What to do now: targets that changed by what was seen, devices to tell, and what becomes of the update."""

    changed: tuple[Target, ...]
    tell: tuple[Target, ...]
    wave: int
    verdict: Verdict
    reason: str = ""


def judge(target: Target, seen: Seen, version: str, now: datetime, patience: timedelta) -> bool:
    """Take up what was seen of a device that was told; whether its state changed.

    Done is who answers ``finished`` and then says the new version in a heartbeat. Whoever did not get the command at
    all (it was away) waits for another turn: that is no failure of the program.
    """
    if target.state != "told" or target.told_at is None:
        return False
    if seen.version == version and seen.answer in ("finished", "expired"):
        target.state, target.reason = "done", ""
    elif seen.answer == "failed":
        target.state, target.reason = "failed", seen.detail or "failed"
    elif seen.answer == "expired" and not seen.online:
        target.state, target.wave, target.told_at = "waiting", 0, None
    elif now - target.told_at > patience:
        target.state, target.reason = "failed", "no-new-version" if seen.answer == "finished" else "no-answer"
    else:
        return False
    return True


def step(
    targets: Sequence[Target],
    seen: Mapping[str, Seen],
    waves: Sequence[str],
    wave: int,
    version: str,
    error_limit: float,
    now: datetime,
    patience: timedelta,
    forgiven: int = 0,
) -> Step:
    """The next step of a running update. ``targets`` in their order; they are changed in place by what was seen.

    ``forgiven`` failures were seen by somebody who let it go on after it had stopped: only further ones count.

    A wave takes devices that are there; it is over when each of it is done or failed, and the next begins only then.
    Devices that are away get their turn when they come.
    """
    changed = [target for target in targets if judge(target, seen[target.device_id], version, now, patience)]
    in_wave = collections.Counter(target.state for target in targets if target.wave == wave)
    in_all = collections.Counter(target.state for target in targets)
    failed = min(in_wave["failed"], in_all["failed"] - forgiven)
    tried = in_wave["done"] + in_wave["failed"] + in_wave["told"]
    if failed >= min(LEAST_FAILURES, max(1, tried)) and failed > error_limit * tried:
        return Step(tuple(changed), (), wave, "stop", "errors")
    if not in_all["waiting"] and not in_all["told"]:
        return Step(tuple(changed), (), wave, "finish")
    ends = wave_ends(waves, len(targets))
    begun = in_all["done"] + in_all["failed"] + in_all["told"]
    if not in_all["told"]:
        while wave < len(ends) and begun >= ends[wave - 1]:
            wave += 1
    room = ends[wave - 1] - begun
    tell = [target for target in targets if target.state == "waiting" and seen[target.device_id].online]
    return Step(tuple(changed), tuple(tell[: max(0, room)]), wave, "run")

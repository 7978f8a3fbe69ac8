"""The sound of a notice: spoken or recorded, heard before it is confirmed, never waited for."""

import asyncio
import hashlib
import io

import numpy as np
import soundfile
from alert_world import CAU_KE, TRA_CU, person
from prometheus_client import REGISTRY

from lantoa_alert.adapters.speech import Speaker
from lantoa_testing import eventually


def wav(seconds: float, rate: int = 16_000, level: float = 0.3) -> bytes:
    """A recording: two tones, as a browser would send them."""
    time = np.arange(int(seconds * rate)) / rate
    sound = level * (np.sin(2 * np.pi * 300 * time) + 0.5 * np.sin(2 * np.pi * 900 * time))
    file = io.BytesIO()
    soundfile.write(file, sound, rate, format="WAV", subtype="PCM_16")
    return file.getvalue()


async def put(province, notice_id, body, kind="audio/wav"):
    status, answer, _ = await province.running.call(
        "PUT", f"/notices/{notice_id}/sound", person("hung"), data=body, headers={"Content-Type": kind}
    )
    return status, answer


async def test_speech_is_heard_by_who_confirms_and_its_parts_reach_the_area(province):
    words = "Triều cường vượt báo động ba. Bà con ven sông đưa người già, trẻ em lên chỗ cao trước hai mươi giờ. " * 3
    _, asked = await province.ask(person("hung"), speak=True, texts={"vi": words})
    path = f"/notices/{asked['id']}"

    async def spoken():
        return (await province.get(path))["current"]["sound"]

    sound = await eventually(spoken)
    assert sound["spoken"] is True
    heard = await province.get(f"{path}/sound", person("son"))
    assert hashlib.sha256(heard).hexdigest() == sound["sha256"]
    decoded, rate = soundfile.read(io.BytesIO(heard))
    assert abs(len(decoded) / rate - sound["seconds"]) < 0.1
    assert 0.05 < float(np.sqrt(np.mean(decoded**2))) < 0.4
    assert len(heard) > 48 * 1024
    status, issued = await province.step(person("son"), asked["id"], "confirm")
    assert status == 200, issued
    order = await province.ears.order(f"dev.bc.unit.{CAU_KE}.alert", says=1)
    assert order.notices[0].sound.sha256 == sound["sha256"]
    await eventually(lambda: province.ears.sound(f"unit.{CAU_KE}", sound["sha256"]) == heard)
    # Called off, its sound leaves the bucket: a mark lies where each part was.
    await province.step(person("hung"), asked["id"], "cancel")
    js = province.events.js

    async def gone():
        part = await js.get_last_msg("KV_alert", f"$KV.alert.unit.{CAU_KE}.sound.{sound['sha256']}.0")
        return (part.headers or {}).get("KV-Operation") == "DEL"

    await eventually(gone)


async def test_an_alert_goes_out_before_its_speech_is_made_and_gets_it_later(province, monkeypatch):
    speak, is_out = Speaker.speak, asyncio.Event()

    async def speak_late(self, text):
        await is_out.wait()
        return await speak(self, text)

    monkeypatch.setattr(Speaker, "speak", speak_late)
    _, asked = await province.ask(person("hung"), speak=True)
    status, issued = await province.step(person("son"), asked["id"], "confirm")
    assert (status, issued["current"]["sound"]) == (200, None)
    first = await province.ears.order(f"dev.bc.unit.{CAU_KE}.alert", says=1)
    assert first.notices[0].sound is None
    is_out.set()

    def with_sound():
        return [one for one in province.ears.orders(f"dev.bc.unit.{CAU_KE}.alert") if one.notices[0].sound]

    later = await eventually(with_sound)
    assert (later[0].notices[0].ver, later[0].seq > first.seq) == (1, True)
    sha256 = later[0].notices[0].sound.sha256
    await eventually(lambda: hashlib.sha256(province.ears.sound(f"unit.{CAU_KE}", sha256)).hexdigest() == sha256)
    await eventually(lambda: REGISTRY.get_sample_value("lantoa_alert_devices_silent") == 2)


async def test_a_recording_takes_the_place_of_speech_until_somebody_has_confirmed(province):
    _, asked = await province.ask(person("hung"), scopes=[TRA_CU], texts={"km": "ទឹកឡើង។"}, speak=True)
    assert asked["current"]["sound_state"] == "none"
    for body, kind, code in (
        (b"no sound at all", "audio/wav", "alert.sound-unreadable"),
        (wav(1, level=0.0), "audio/wav", "alert.sound-silent"),
        (wav(200, rate=2000), "audio/wav", "alert.sound-too-long"),
        (wav(1), "text/html", "alert.sound-type"),
    ):
        status, answer = await put(province, asked["id"], body, kind)
        assert (status >= 400, answer["code"]) == (True, code)
    status, answer = await put(province, asked["id"], wav(4))
    assert (status, answer["current"]["sound"]["spoken"]) == (200, False)
    assert abs(answer["current"]["sound"]["seconds"] - 4) < 0.3
    await province.step(person("son"), asked["id"], "confirm")
    status, answer = await put(province, asked["id"], wav(2))
    assert (status, answer["code"]) == (409, "alert.sound-too-late")
    order = await province.ears.order(f"dev.bc.unit.{TRA_CU}.alert", says=1)
    assert order.notices[0].sound.media_type == "audio/ogg"


async def test_an_exercise_is_told_and_brings_no_sound(province):
    _, asked = await province.ask(person("hung"), status="exercise")
    await put(province, asked["id"], wav(1))
    await province.step(person("son"), asked["id"], "confirm")
    order = await province.ears.order(f"dev.bc.unit.{CAU_KE}.alert", says=1)
    assert (order.notices[0].status, order.notices[0].sound) == ("exercise", None)
    assert not [subject for subject, _ in province.ears.heard if ".sound." in subject]

"""One request is one trace through every service that it moves, and holds nothing that is nobody's business."""

import asyncio
import json
import secrets
from collections import Counter

from conftest import TECHNICIAN
from google.protobuf.json_format import MessageToJson
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from lantoa_broadcast.usecases import rundowns
from lantoa_contracts.catalogue import DEVICE_CLAIMED, DEVICE_REPORTED
from lantoa_runtime.errors import NotReady
from lantoa_runtime.http.auth import HEADER
from lantoa_signing import nkey
from lantoa_testing import eventually
from lantoa_testing.plugin import token_for

CLAIM = "POST /api/v1/fleet/devices/claim"
CLAIMED = "evt.fleet.device.claimed.v1"
ISSUED = "evt.broadcast.rundown.issued.v1"


def attributes(span):
    return {pair.key: pair.value.string_value or pair.value.int_value for pair in span.attributes}


async def spans_of(collector, provider, trace_id, *names):
    """The spans of a trace by name, as soon as all of these have come: so many of a name as it is told times."""

    async def there():
        await asyncio.to_thread(provider.force_flush)
        spans = [span for span in collector.spans if span.trace_id.hex() == trace_id]
        came = Counter(span.name for span in spans)
        return {span.name: span for span in spans} if Counter(names) <= came else None

    return await eventually(there)


async def test_a_claim_is_one_trace_from_the_request_to_the_last_services_database(
    collector, export_to, start_network, log_lines, monkeypatch
):
    provider = export_to(collector.url)
    network = await start_network()
    seed = nkey.new_seed(secrets.token_bytes(32))
    code = await network.enrol(seed)
    handle, failures = rundowns.device_claimed, []

    async def once_not_ready(*arguments):
        if not failures:
            failures.append(1)
            raise NotReady(TECHNICIAN.name)
        await handle(*arguments)

    monkeypatch.setattr(rundowns, "device_claimed", once_not_ready)
    token, key, trace_id = token_for(network.fleet.ring, TECHNICIAN, "fleet"), "key-nobody-knows", secrets.token_hex(16)
    caller = f"00-{trace_id}-{secrets.token_hex(8)}-01"

    status, answer, _ = await network.fleet.call(
        "POST",
        f"/devices/claim?token={key}",
        json=network.place(code),
        headers={HEADER: token, "Idempotency-Key": key, "traceparent": caller},
    )
    assert status == 200, answer
    await network.synced(answer["device_id"])

    sent, issued, put = f"send {CLAIMED}", f"send {ISSUED}", "send $KV.desired.{device_id}"
    twice = [f"process {CLAIMED}"] * 2
    spans = await spans_of(collector, provider, trace_id, CLAIM, sent, issued, put, f"process {ISSUED}", *twice)
    every = [span for span in collector.spans if span.trace_id.hex() == trace_id]
    tries = sorted((s for s in every if s.name == f"process {CLAIMED}"), key=lambda s: s.end_time_unix_nano)

    assert spans[CLAIM].parent_span_id.hex() == caller.split("-")[2]
    assert spans[sent].parent_span_id == spans[CLAIM].span_id
    assert {span.parent_span_id for span in tries} == {spans[sent].span_id}
    # Whatever is handled may come once more: its acknowledgement was late.
    assert [attributes(span)["lantoa.deliveries"] for span in tries][:2] == [1, 2]
    assert spans[issued].parent_span_id == tries[1].span_id
    assert spans[f"process {ISSUED}"].parent_span_id == spans[issued].span_id
    last = {span.span_id for span in every if span.name == f"process {ISSUED}"}
    written = [span for span in every if span.name == "update_one devices" and span.parent_span_id in last]
    assert written

    assert [spans[name].kind for name in (CLAIM, sent, f"process {ISSUED}")] == [
        Span.SPAN_KIND_SERVER,
        Span.SPAN_KIND_PRODUCER,
        Span.SPAN_KIND_CONSUMER,
    ]
    assert [(link.trace_id, link.span_id) for link in tries[1].links] == [(spans[sent].trace_id, spans[sent].span_id)]
    assert (
        attributes(spans[CLAIM]).items()
        >= {
            "http.request.method": "POST",
            "http.route": "/api/v1/fleet/devices/claim",
            "http.response.status_code": 200,
        }.items()
    )
    assert (
        attributes(spans[sent]).items()
        >= {
            "messaging.system": "nats",
            "messaging.operation.name": "send",
            "messaging.operation.type": "send",
            "messaging.destination.name": CLAIMED,
            "messaging.destination.template": CLAIMED,
        }.items()
    )
    assert attributes(tries[0])["messaging.consumer.group.name"] == DEVICE_CLAIMED.durable("broadcast")
    assert attributes(written[0]) == {
        "db.system.name": "mongodb",
        "db.operation.name": "update_one",
        "db.collection.name": "devices",
    }
    assert (tries[0].status.code, attributes(tries[0])["error.type"]) == (Status.STATUS_CODE_ERROR, "NotReady")

    told = [line for line in map(json.loads, log_lines) if line["event"] == "message is tried again"]
    assert [(line["trace_id"], line["span_id"]) for line in told] == [(trace_id, tries[0].span_id.hex())]

    everything = " ".join(MessageToJson(span, ensure_ascii=False) for span in collector.spans)
    secret = (token, key, TECHNICIAN.name, TECHNICIAN.id, "Kim Sa", code, seed, "?")
    assert [word for word in secret if word in everything] == []
    assert [span.name for span in collector.spans if answer["device_id"] in span.name] == []


async def test_an_event_that_a_sweep_found_goes_on_in_its_own_trace_and_the_sweep_is_linked_to_it(
    collector, export_to, start_network, monkeypatch
):
    provider = export_to(collector.url)
    network = await start_network()
    code = await network.enrol(nkey.new_seed(secrets.token_bytes(32)))
    devices = network.fleet.service._aggregates[0]
    with monkeypatch.context() as lost:
        lost.setattr(devices._outbox, "send", lambda *_, **__: None)
        trace_id = secrets.token_hex(16)
        status, answer, _ = await network.fleet.call(
            "POST",
            "/devices/claim",
            TECHNICIAN,
            network.place(code),
            {"traceparent": f"00-{trace_id}-{secrets.token_hex(8)}-01"},
        )
        assert status == 200, answer
    await network.synced(answer["device_id"])

    spans = await spans_of(collector, provider, trace_id, CLAIM, f"process {CLAIMED}", f"process {ISSUED}")
    request = spans[CLAIM]
    (sweep,) = (span for span in collector.spans if span.name == f"send {CLAIMED}")
    assert spans[f"process {CLAIMED}"].parent_span_id == request.span_id
    assert sweep.trace_id != request.trace_id
    assert sweep.parent_span_id == b""
    assert sweep.kind == Span.SPAN_KIND_CLIENT
    assert [(link.trace_id, link.span_id) for link in sweep.links] == [(request.trace_id, request.span_id)]


async def test_a_device_cannot_choose_the_trace_that_its_messages_belong_to(collector, export_to, start_network):
    provider = export_to(collector.url)
    network = await start_network()
    forged = secrets.token_hex(16)
    subject = DEVICE_REPORTED.subject.replace("*", "d-forger")
    await network.events.client.jetstream().publish(
        subject, b"{}", headers={"traceparent": f"00-{forged}-{secrets.token_hex(8)}-01"}
    )
    name = f"process {DEVICE_REPORTED.subject.replace('*', '{device_id}')}"

    async def seen():
        await asyncio.to_thread(provider.force_flush)
        return next((span for span in collector.spans if span.name == name), None)

    span = await eventually(seen)
    assert span.trace_id.hex() != forged
    assert list(span.links) == []
    assert "d-forger" not in str(span)

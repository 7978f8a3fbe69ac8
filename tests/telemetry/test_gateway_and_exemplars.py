"""The trace goes through the gateway, and a metric leads to it."""

import asyncio
import re
import secrets

from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from lantoa_gateway.main import build as build_gateway
from lantoa_gateway.settings import GatewaySettings
from lantoa_runtime.errors import Forbidden
from lantoa_runtime.http import Routes
from lantoa_runtime.settings import RuntimeSettings
from lantoa_signing.documents import SigningKey, b64
from lantoa_testing import eventually

OPENMETRICS = {"Accept": "application/openmetrics-text; version=1.0.0"}


def build_refusing(service):
    service.stateless = True
    router = Routes()

    @router.post("/enrolments")
    async def enrol() -> None:
        raise Forbidden("fleet.device-revoked")

    service.routes(router)


async def test_the_gateways_own_request_is_a_client_span_between_two_server_spans_and_an_exemplar_names_the_trace(
    start_service, nats_server, collector, export_to
):
    provider = export_to(collector.url)
    fleet = await start_service("fleet", RuntimeSettings, build_refusing)
    ring = nats_server.ring
    gateway = await start_service(
        "gateway",
        GatewaySettings,
        build_gateway,
        gateway_upstreams={"fleet": fleet.url},
        gateway_key_file=ring.gateway_file,
        gateway_device_keys_file=ring.key_set_file,
        gateway_root_public=b64(SigningKey(ring.root_file.read_bytes()).public),
    )
    await eventually(lambda: gateway.server.started and fleet.server.started)
    trace_id = secrets.token_hex(16)
    traceparent = {"traceparent": f"00-{trace_id}-{secrets.token_hex(8)}-01"}

    status, _, _ = await gateway.call("POST", "/api/v1/fleet/enrolments?s=secret-word", json={}, headers=traceparent)
    assert status == 403

    async def all_there():
        await asyncio.to_thread(provider.force_flush)
        found = {span.name + str(span.kind): span for span in collector.spans if span.trace_id.hex() == trace_id}
        return found if len(found) == 3 else None

    spans = await eventually(all_there)
    outer = spans[f"POST /api/v1/fleet/*{Span.SPAN_KIND_SERVER}"]
    asked = spans[f"POST /api/v1/fleet/*{Span.SPAN_KIND_CLIENT}"]
    inner = spans[f"POST /api/v1/fleet/enrolments{Span.SPAN_KIND_SERVER}"]
    assert (asked.parent_span_id, inner.parent_span_id) == (outer.span_id, asked.span_id)
    # 4xx is an error to the one who asked, and none of the one who answered (semantic conventions).
    assert asked.status.code == Status.STATUS_CODE_ERROR
    assert {outer.status.code, inner.status.code} == {Status.STATUS_CODE_UNSET}
    assert "secret-word" not in str(collector.spans)

    async def bucket(headers):
        async with gateway.session.get(f"{fleet.url}/metrics", headers=headers) as answer:
            text = await answer.text()
        pattern = r'^lantoa_http_request_seconds_bucket\{.*route="/api/v1/fleet/enrolments".*$'
        return " ".join(re.findall(pattern, text, re.MULTILINE))

    assert f'trace_id="{trace_id}"' in await bucket(OPENMETRICS)
    assert trace_id not in await bucket({"Accept": "text/plain"})

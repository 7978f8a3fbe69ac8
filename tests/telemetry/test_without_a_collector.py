"""Telemetry is a guest: when its collector is away or silent, requests do not notice."""

import asyncio
import socket

import pytest

from lantoa_cli.servers import free_port
from lantoa_runtime.http import Routes
from lantoa_runtime.settings import RuntimeSettings
from lantoa_testing import eventually


@pytest.fixture
async def service(start_service):
    def build(service):
        service.stateless = True
        router = Routes()

        @router.get("/answer")
        async def answer() -> str:
            return "yes"

        service.routes(router)

    return await start_service("content", RuntimeSettings, build)


async def answered(service, times):
    return [(await service.call("GET", "/answer"))[:2] for _ in range(times)]


async def test_requests_are_answered_while_the_first_batch_still_waits_for_a_silent_collector(
    service, collector, export_to, monkeypatch
):
    monkeypatch.setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "1")
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "10")
    collector.release.clear()
    export_to(collector.url)

    assert await answered(service, 50) == [(200, "yes")] * 50

    await eventually(lambda: collector.asked)
    assert await answered(service, 50) == [(200, "yes")] * 50
    assert (collector.asked, collector.spans) == (1, [])
    collector.release.set()


async def test_what_a_silent_collector_does_not_take_is_dropped_and_not_kept(
    service, collector, export_to, monkeypatch
):
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "8")
    monkeypatch.setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "4")
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "10")
    collector.release.clear()
    provider = export_to(collector.url)
    await answered(service, 100)

    collector.release.set()
    await asyncio.to_thread(provider.force_flush)

    assert 1 <= len(collector.spans) < 50


async def test_requests_are_answered_while_the_collector_refuses_connections(service, export_to, monkeypatch):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")
    export_to(f"http://127.0.0.1:{free_port()}")
    assert await answered(service, 50) == [(200, "yes")] * 50


async def test_requests_are_answered_while_the_collector_swallows_what_it_is_sent(service, export_to, monkeypatch):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")
    with socket.create_server(("127.0.0.1", 0)) as hole:
        export_to(f"http://127.0.0.1:{hole.getsockname()[1]}")
        assert await answered(service, 50) == [(200, "yes")] * 50


async def test_nothing_is_recorded_where_no_collector_is_set_but_log_lines_and_answers_have_their_trace(
    service, export_to
):
    provider = export_to(None)
    with provider.get_tracer("test").start_as_current_span("any") as span:
        assert not span.is_recording()
        assert span.get_span_context().is_valid
    status, problem, _ = await service.call("GET", "/nowhere")
    assert (status, len(problem["trace_id"])) == (404, 32)

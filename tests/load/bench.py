"""`make bench`: figures of this machine, each beside a baseline of the same run; table and ``build/bench.json``."""

import argparse
import asyncio
import json
import sys
import tempfile
from pathlib import Path

import bench_bus
import bench_fleet
import bench_gateway
import bench_live
import bench_platform
from bench_rows import Row, table

from lantoa_cli.layout import checkout, chromium
from lantoa_runtime.telemetry import configure_logs
from lantoa_testing.platform import make_platform

_FLEET_PARTS = ("storm", "series", "alert", "steady", "cluster")
_PARTS = ("bus", "gateway", "live", "platform", *_FLEET_PARTS)


def _bus_rows(folder: Path, rounds: int, count: int) -> list[Row]:
    servers = bench_bus.start_servers(folder)
    try:
        return asyncio.run(bench_bus.rows(servers, rounds, count))
    finally:
        servers.stop()


def _platform_rows(folder: Path, parts: list[str], rounds: int, count: int) -> list[Row]:
    """One platform for all: under load without a Chromium, then started again as `make up` does, with one."""
    made: list[Row] = []
    quiet = make_platform(folder / "data")
    quiet.start()
    try:
        if "gateway" in parts:
            made += asyncio.run(bench_gateway.rows(quiet, rounds, count))
    finally:
        quiet.stop()
    if "platform" in parts:
        whole = make_platform(folder / "data", LANTOA_CHROMIUM=chromium() or "")
        try:
            made.append(bench_platform.warm_starts(whole, rounds))
            made += asyncio.run(bench_platform.memory_rows(whole))
        finally:
            whole.stop()
    return made


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="pairs of blocks; the median counts")
    parser.add_argument("--count", type=int, default=1500, help="changes, hops, operations or requests in a block")
    parser.add_argument("--only", action="append", choices=_PARTS, help="one part: printed, not written")
    parser.add_argument("--devices", type=int, default=5000, help="simulated devices; twice as many in steady state")
    parser.add_argument("--steady", type=float, default=300, help="seconds of steady state")
    arguments = parser.parse_args()
    parts = arguments.only or list(_PARTS)
    configure_logs("bench", "WARNING")
    made: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="lantoa-bench-") as folder:
        if "bus" in parts:
            made += _bus_rows(Path(folder), arguments.rounds, arguments.count)
        if {"gateway", "platform"} & set(parts):
            made += _platform_rows(Path(folder), parts, arguments.rounds, arguments.count)
        if "live" in parts:
            made += asyncio.run(bench_live.rows(Path(folder) / "live", arguments.rounds))
        fleet_parts = [part for part in parts if part in _FLEET_PARTS]
        if fleet_parts:
            work = bench_fleet.rows(
                Path(folder) / "fleet", arguments.rounds, arguments.devices, arguments.steady, fleet_parts
            )
            made += asyncio.run(work)
    sys.stdout.write(table(made) + "\n")
    if arguments.only:
        return  # The file always holds one whole run.
    out = checkout() / "build" / "bench.json"
    out.parent.mkdir(exist_ok=True)
    out.write_text(json.dumps([line.public() for line in made], indent=1, ensure_ascii=False) + "\n")
    sys.stdout.write(f"written: {out}\n")


if __name__ == "__main__":
    main()

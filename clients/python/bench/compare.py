#!/usr/bin/env python3
"""Operations a second of kv_client on kv-server, beside redis-py on redis-server, in one interleaved run.

    KV_SERVER=build/release/bin/kv-server clients/python/bench/compare.py [--rounds N] [--seconds S]

Starts both servers itself, on loopback and on free ports, in memory alone, and stops them. Each round runs each load
with each client in turn, and the order moves on by one from round to round; the table has the medians.
"""

from __future__ import annotations

import argparse
import asyncio
import platform
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Awaitable, Callable, Dict, List, Tuple

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "src"), str(ROOT / "tests")]

import redis
import redis.asyncio

import kv_client
import kv_client.sync
from support import LiveServer

KEYS = [f"key:{number:012}" for number in range(1000)]
VALUE = "x" * 32
DEPTH = 64
TASKS = 50

Step = Callable[[], int]
AsyncStep = Callable[[], Awaitable[int]]
Measure = Callable[[float], float]
"""Runs for so many seconds and returns the operations a second."""


class RedisServer:
    """A redis-server that keeps nothing on disk."""

    def __enter__(self) -> RedisServer:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self._folder = tempfile.TemporaryDirectory()
        command = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir"]
        self._process = subprocess.Popen([*command, self._folder.name], stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 20
        while True:
            try:
                redis.Redis(port=self.port).ping()
                return self
            except redis.ConnectionError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(20)
        self._folder.cleanup()


def measured(step: Step) -> Measure:
    def measure(seconds: float) -> float:
        began = time.perf_counter()
        count = 0
        while time.perf_counter() - began < seconds:
            count += step()
        return count / (time.perf_counter() - began)

    return measure


def measured_async(loop: asyncio.AbstractEventLoop, step: AsyncStep) -> Measure:
    async def run(seconds: float) -> float:
        began = time.perf_counter()
        count = 0
        while time.perf_counter() - began < seconds:
            count += await step()
        return count / (time.perf_counter() - began)

    return lambda seconds: loop.run_until_complete(run(seconds))


def steps_of(client: Any, **pipeline: Any) -> Dict[str, Step]:
    """The loads of a blocking client; a step is some hundred operations."""

    def each(call: Callable[[str], Any]) -> Step:
        def step() -> int:
            for key in KEYS[:200]:
                call(key)
            return 200

        return step

    def in_pipeline(call: Callable[[Any, str], Any]) -> Step:
        def step() -> int:
            pipe = client.pipeline(**pipeline)
            for key in KEYS[:DEPTH]:
                call(pipe, key)
            return len(pipe.execute())

        return step

    return {
        "blocking, GET": each(client.get),
        "blocking, SET": each(lambda key: client.set(key, VALUE)),
        f"blocking, pipeline of {DEPTH} GETs": in_pipeline(lambda pipe, key: pipe.get(key)),
        f"blocking, pipeline of {DEPTH} SETs": in_pipeline(lambda pipe, key: pipe.set(key, VALUE)),
    }


def async_steps_of(client: Any, **pipeline: Any) -> Dict[str, AsyncStep]:
    """The same for an asynchronous client, and many tasks that share it."""

    async def get() -> int:
        for key in KEYS[:200]:
            await client.get(key)
        return 200

    async def set_() -> int:
        for key in KEYS[:200]:
            await client.set(key, VALUE)
        return 200

    async def tasks() -> int:
        await asyncio.gather(*[get() for _ in range(TASKS)])
        return 200 * TASKS

    async def get_pipeline() -> int:
        pipe = client.pipeline(**pipeline)
        for key in KEYS[:DEPTH]:
            pipe.get(key)
        return len(await pipe.execute())

    async def set_pipeline() -> int:
        pipe = client.pipeline(**pipeline)
        for key in KEYS[:DEPTH]:
            pipe.set(key, VALUE)
        return len(await pipe.execute())

    return {
        "async, GET": get,
        "async, SET": set_,
        f"async, GET, {TASKS} tasks": tasks,
        f"async, pipeline of {DEPTH} GETs": get_pipeline,
        f"async, pipeline of {DEPTH} SETs": set_pipeline,
    }


Contestants = Dict[str, Dict[str, Measure]]


def contestants(kv: LiveServer, redis_port: int, loop: asyncio.AbstractEventLoop) -> Contestants:
    """Every client and its loads."""

    async def opened(what: Any) -> Any:
        return await what

    tasks_pool = kv_client.PoolConfig(kv.address, min_size=1, max_size=10, acquire_timeout=60)
    blocking: List[Tuple[str, Any, Dict[str, Any]]] = [
        ("KvClient", kv_client.sync.KvClient.connect(kv.address), {}),
        ("KvPool", kv_client.sync.KvPool.connect(kv_client.sync.PoolConfig(kv.address, min_size=1)), {}),
        ("redis-py", redis.Redis(port=redis_port), {"transaction": False}),
    ]
    asynchronous: List[Tuple[str, Any, Dict[str, Any]]] = [
        ("KvClient", loop.run_until_complete(opened(kv_client.KvClient.connect(kv.address))), {}),
        ("KvPool", loop.run_until_complete(opened(kv_client.KvPool.connect(tasks_pool))), {}),
        ("redis-py", redis.asyncio.Redis(port=redis_port), {"transaction": False}),
    ]
    found: Contestants = {name: {} for name, _, _ in blocking}
    for name, client, pipeline in blocking:
        for key in KEYS:
            client.set(key, VALUE)
        for load, step in steps_of(client, **pipeline).items():
            found[name][load] = measured(step)
    for name, client, pipeline in asynchronous:
        for load, async_step in async_steps_of(client, **pipeline).items():
            found[name][load] = measured_async(loop, async_step)
    return found


def table(results: Dict[Tuple[str, str], List[float]], names: List[str], loads: List[str]) -> str:
    """Medians as Markdown, and how many times the last client's figure the first client's is."""
    lines = [f"|  | {' | '.join(names)} | {names[0]} / {names[-1]} |", f"| --- |{' ---: |' * (len(names) + 1)}"]
    for load in loads:
        medians = [statistics.median(results[name, load]) for name in names]
        cells = [f"{median:,.0f}" for median in medians]
        lines.append(f"| {load} | {' | '.join(cells)} | {medians[0] / medians[-1]:.2f} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.4)
    options = parser.parse_args()
    loop = asyncio.new_event_loop()
    results: Dict[Tuple[str, str], List[float]] = {}
    with LiveServer() as kv, RedisServer() as other:
        found = contestants(kv, other.port, loop)
        names, loads = list(found), list(found["KvClient"])
        for round_number in range(options.rounds):
            for load in loads:
                for turn in range(len(names)):
                    name = names[(turn + round_number) % len(names)]
                    results.setdefault((name, load), []).append(found[name][load](options.seconds))
    spread = max(max(figures) / min(figures) for figures in results.values()) - 1
    print(f"Python {platform.python_version()}, redis-py {redis.__version__}, values of {len(VALUE)} bytes.")
    how = f"medians of {options.rounds} rounds of {options.seconds:g} s, up to {spread:.0%} apart"
    print(f"Operations a second, {how}.")
    print()
    print(table(results, names, loads))


if __name__ == "__main__":
    main()

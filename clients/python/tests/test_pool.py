"""Pools: bounded, fair, looking after their connections."""

from __future__ import annotations

import asyncio
import gc
import json
import threading
import weakref
from typing import Any

import pytest

import kv_client.sync
from kv_client import (
    ClosedError,
    KvClient,
    KvConnectionError,
    KvPool,
    KvTimeoutError,
    Lock,
    PoolConfig,
    PoolStats,
    PoolTimeoutError,
    Retry,
)
from kv_client import _bounded, _pool_config
from kv_client.sync import _bounded as sync_bounded
from support import DEADLINE, FakeServer, LiveServer, Peer, eventually, eventually_async, in_memory, run_threads

QUICK = Retry(attempts=3, base=0.001, cap=0.002)


def stalls(peer: Peer) -> None:
    while peer.sock.recv(1000):
        pass


async def test_a_pool_begins_with_min_size_and_grows_to_max_size(address: str) -> None:
    async with KvPool.connect(PoolConfig(address, min_size=2, max_size=4)) as pool:
        assert pool.stats() == PoolStats(idle=2, active=0, max_size=4)
        calls = [asyncio.ensure_future(pool.set(f"k{number}", number)) for number in range(40)]
        await asyncio.sleep(0)
        assert pool.stats().active == 4
        await asyncio.gather(*calls)
        assert pool.stats() == PoolStats(idle=4, active=0, max_size=4)
        assert pool.namespace == address.split("/", 1)[1]


def test_a_pool_for_threads_never_has_more_than_max_size() -> None:
    with LiveServer() as live:
        config = kv_client.sync.PoolConfig(live.address, min_size=1, max_size=3)
        with kv_client.sync.KvPool.connect(config) as pool, kv_client.sync.KvClient.connect(live.address) as other:
            assert pool.stats() == PoolStats(idle=1, active=0, max_size=3)

            def work() -> None:
                for _ in range(60):
                    pool.incr("n")

            run_threads(*[work for _ in range(8)])
            assert pool.get("n") == 480 and pool.stats().active == 0 and pool.stats().idle <= 3
            assert json.loads(other.info("clients"))["connected"] <= 4
        with kv_client.sync.KvClient.connect(live.address) as other:
            eventually(lambda: json.loads(other.info("clients"))["connected"] == 1, "the end of all connections")


async def test_who_waits_is_served_in_the_order_of_coming(address: str) -> None:
    async with KvPool.connect(PoolConfig(address, min_size=1, max_size=1)) as pool:
        await asyncio.gather(*[pool.cas("order", number or None, number + 1) for number in range(30)])
        assert await pool.get("order") == 30


async def test_a_pool_that_is_all_busy_says_so() -> None:
    with FakeServer(stalls) as fake:
        config = PoolConfig(fake.address, min_size=1, max_size=2, acquire_timeout=0.05)
        async with KvPool.connect(config) as pool:
            calls = [asyncio.ensure_future(pool.get("k")) for _ in range(2)]
            await asyncio.sleep(0)
            with pytest.raises(PoolTimeoutError, match="all 2 connections were busy for 0.05 s") as raised:
                await pool.get("k")
            assert isinstance(raised.value, KvTimeoutError) and not raised.value.outcome_unknown
            assert pool.stats().active == 2
            for call in calls:
                call.cancel()
            await asyncio.gather(*calls, return_exceptions=True)
            await eventually_async(lambda: pool.stats().active == 0)


def test_a_pool_for_threads_that_is_all_busy_says_so() -> None:
    with FakeServer(stalls) as fake:
        config = kv_client.sync.PoolConfig(fake.address, min_size=0, max_size=1, acquire_timeout=0.05, timeout=None)
        pool = kv_client.sync.KvPool.connect(config)

        def wait() -> None:
            with pytest.raises(ClosedError):
                pool.get("k")

        thread = threading.Thread(target=wait, daemon=True)
        thread.start()
        eventually(lambda: pool.stats().active == 1)
        with pytest.raises(PoolTimeoutError, match="all 1 connections"):
            pool.get("k")
        pool.close()
        thread.join(DEADLINE)
        assert not thread.is_alive()
        with pytest.raises(ClosedError):
            pool.get("k")


async def test_closing_a_pool_wakes_those_who_wait() -> None:
    with FakeServer(stalls) as fake:
        pool = await KvPool.connect(PoolConfig(fake.address, min_size=0, max_size=1))
        calls = [asyncio.ensure_future(pool.get("k")) for _ in range(3)]
        await asyncio.sleep(0.01)
        await pool.close()
        results = await asyncio.gather(*calls, return_exceptions=True)
        assert [type(result) for result in results] == [ClosedError] * 3
        with pytest.raises(ClosedError):
            await pool.get("k")


async def test_long_idle_connections_are_closed_down_to_min_size(address: str) -> None:
    config = PoolConfig(address, min_size=1, max_size=5, idle_timeout=0.05)
    async with KvPool.connect(config) as pool:
        calls = [asyncio.ensure_future(pool.ping()) for _ in range(20)]
        await asyncio.sleep(0)
        assert pool.stats().active == 5
        await asyncio.gather(*calls)
        await eventually_async(lambda: pool.stats().idle == 1)
        assert await pool.ping() == "PONG"


def test_long_idle_connections_of_threads_are_closed_too(address: str) -> None:
    config = kv_client.sync.PoolConfig(address, min_size=1, max_size=5, idle_timeout=0.05)
    with kv_client.sync.KvPool.connect(config) as pool:
        run_threads(*[lambda: [pool.ping() for _ in range(20)] for _ in range(5)])
        eventually(lambda: pool.stats().idle == 1)
        assert pool.ping() == "PONG"


async def test_a_connection_that_ended_while_it_was_idle_is_not_used() -> None:
    live = LiveServer().start()
    try:
        async with KvPool.connect(PoolConfig(live.address, min_size=3)) as pool:
            for kill in (False, True):
                live.stop(kill)
                await eventually_async(lambda: pool.stats().idle == 0)
                live.start()
                assert await pool.incr("n") == 1
    finally:
        live.stop()


def test_a_connection_of_threads_that_ended_while_it_was_idle_is_not_used() -> None:
    live = LiveServer().start()
    try:
        with kv_client.sync.KvPool.connect(kv_client.sync.PoolConfig(live.address, min_size=3)) as pool:
            live.stop(kill=True)
            live.start()
            assert [pool.incr("n") for _ in range(3)] == [1, 2, 3]
    finally:
        live.stop()


def deaf_after_the_first(peer: Peer) -> None:
    """Answers one request, and none of those that follow."""
    peer.request()
    peer.reply(0, b"PONG")
    peer.request()
    peer.ended()


async def test_a_connection_that_is_long_idle_is_asked_before_it_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_bounded, "CHECK_AFTER", 0.0)
    with FakeServer(deaf_after_the_first, in_memory) as fake:
        async with KvPool.connect(PoolConfig(fake.address, min_size=0, timeout=0.5)) as pool:
            assert await pool.ping() == "PONG"
            await pool.set("k", 1)  # The first connection doesn't answer, but the call is not lost on it.
            assert await pool.get("k") == 1 and fake.connections == 2


def test_a_connection_of_threads_is_asked_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sync_bounded, "CHECK_AFTER", 0.0)
    assert _pool_config.CHECK_AFTER > 1
    with FakeServer(deaf_after_the_first, in_memory) as fake:
        config = kv_client.sync.PoolConfig(fake.address, min_size=0, timeout=0.5)
        with kv_client.sync.KvPool.connect(config) as pool:
            assert pool.ping() == "PONG"
            pool.set("k", 1)
            assert pool.get("k") == 1 and fake.connections == 2


async def test_a_connection_whose_call_was_cancelled_is_not_used_again() -> None:
    with FakeServer(stalls, in_memory) as fake:
        async with KvPool.connect(PoolConfig(fake.address, min_size=0, max_size=1)) as pool:
            call = asyncio.ensure_future(pool.get("k"))
            await eventually_async(lambda: fake.connections == 1 and pool.stats().active == 1)
            await asyncio.sleep(0.01)
            call.cancel()
            assert await asyncio.wait_for(pool.ping(), 4) == "PONG" and fake.connections == 2


async def test_a_pool_tries_again_as_a_client_does() -> None:
    def dies(peer: Peer) -> None:
        peer.request()

    with FakeServer(dies, in_memory) as fake:
        async with KvPool.connect(PoolConfig(fake.address, min_size=0, retry=QUICK)) as pool:
            assert await pool.get("k") is None and fake.connections == 2
    with FakeServer(dies) as fake:
        async with KvPool.connect(PoolConfig(fake.address, min_size=0, retry=QUICK)) as pool:
            with pytest.raises(KvConnectionError):
                await pool.incr("k")
            assert fake.connections == 1 and pool.stats() == PoolStats(0, 0, 10)


async def test_a_pool_that_can_not_connect_says_so_and_leaves_nothing_behind() -> None:
    config = PoolConfig("127.0.0.1:1", retry=QUICK)
    with pytest.raises(KvConnectionError):
        await KvPool.connect(config)
    with pytest.raises(KvConnectionError):
        kv_client.sync.KvPool.connect(kv_client.sync.PoolConfig("127.0.0.1:1", retry=QUICK))


async def test_a_lock_is_released_though_everybody_else_waits_for_it(address: str) -> None:
    async with KvPool.connect(PoolConfig(address, min_size=1, max_size=1)) as pool:
        counts = []

        async def work(number: int) -> None:
            async with Lock(pool, "l", wait=20) as acquired:
                assert acquired
                before = await pool.get("n") or 0
                await pool.set("n", before + 1)  # type: ignore[operator]
                counts.append(number)

        await asyncio.gather(*[work(number) for number in range(10)])
        assert await pool.get("n") == 10 and len(counts) == 10


def test_a_lock_of_threads_is_released_though_all_others_wait_for_it(address: str) -> None:
    config = kv_client.sync.PoolConfig(address, min_size=1, max_size=1)
    with kv_client.sync.KvPool.connect(config) as pool:

        def work() -> None:
            with kv_client.sync.Lock(pool, "l", wait=20) as acquired:
                assert acquired
                before: Any = pool.get("n") or 0
                pool.set("n", before + 1)

        run_threads(*[work for _ in range(6)])
        assert pool.get("n") == 6


async def test_a_pool_moves_to_another_event_loop(address: str) -> None:
    pool = await KvPool.connect(PoolConfig(address, min_size=1))
    await pool.set("k", 1)

    async def use() -> object:
        found = await pool.get("k")
        await pool.close()
        return found

    assert await asyncio.get_running_loop().run_in_executor(None, lambda: asyncio.run(use())) == 1
    with pytest.raises(ClosedError):
        await pool.get("k")
    async with KvClient.connect(address) as client:
        assert await client.get("k") == 1


async def test_the_timer_of_a_pool_does_not_keep_it_alive(address: str) -> None:
    pool = await KvPool.connect(PoolConfig(address, min_size=1, idle_timeout=1000))
    reference = weakref.ref(pool)
    await pool.close()
    del pool
    gc.collect()
    assert reference() is None

"""A call is cancelled at every step of the event loop at which it can be, and no reply ever goes astray."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any, Awaitable, Callable

import pytest

from kv_client import KvClient, KvPool, Lock, PoolConfig, cached
from support import DEADLINE, FakeServer, Peer, eventually_async, in_memory

Call = Callable[[], Awaitable[Any]]


async def cancelled_after(steps: int, call: Call) -> bool:
    """Runs `call` and cancels it after so many rounds of the event loop. Returns whether it came to its end first."""
    task = asyncio.ensure_future(call())
    for _ in range(steps):
        if task.done():
            break
        await asyncio.sleep(0)
    finished = task.done()
    task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        return False
    return finished


async def at_every_step(call: Call, check: Callable[[int], Awaitable[None]]) -> int:
    """Cancels `call` after 0, 1, 2 … rounds until it comes to its end; `check` looks after each. Returns how many.

    From the 50th on some rounds are left out, in which it can only wait for the server, however slow the machine is.
    """
    steps = 0
    deadline = time.monotonic() + 2 * DEADLINE
    while time.monotonic() < deadline:
        finished = await cancelled_after(steps, call)
        await check(steps)
        if finished:
            return steps
        steps += 1 + steps // 50
    raise AssertionError(f"the call doesn't end within {steps} rounds")


async def test_a_client_never_mixes_up_replies(address: str) -> None:
    async with KvClient.connect(address) as client:
        await client.set("other", "not mine")

        async def check(steps: int) -> None:
            await client.set("k", steps)
            assert await client.get("k") == steps
            assert await client.mget(["k", "nope"]) == [steps, None]

        assert await at_every_step(lambda: client.get("other"), check) > 0


async def test_a_client_that_is_connecting_may_be_cancelled(address: str) -> None:
    client = await KvClient.connect(address)

    async def anew() -> Any:
        connection = client._connection
        if connection is not None:
            connection.close()
        return await client.get("other")

    async def check(steps: int) -> None:
        await client.set("k", steps)
        assert await client.get("k") == steps

    assert await at_every_step(anew, check) > 1
    await client.close()


async def test_connecting_itself_may_be_cancelled(address: str) -> None:
    async def connect() -> None:
        async with KvClient.connect(address) as client:
            assert await client.ping() == "PONG"

    async def check(steps: int) -> None:
        return None

    assert await at_every_step(connect, check) > 1


@pytest.mark.parametrize("max_size", [1, 2])
async def test_a_pool_never_mixes_up_replies_and_keeps_its_size(address: str, max_size: int) -> None:
    async with KvPool.connect(PoolConfig(address, min_size=0, max_size=max_size)) as pool:
        await pool.set("other", "not mine")

        async def busy() -> Any:
            return await asyncio.gather(*[pool.get("other") for _ in range(4)])

        async def check(steps: int) -> None:
            results = await asyncio.gather(*[pool.set(f"k{number}", [steps, number]) for number in range(4)])
            assert results == [None] * 4
            found = await asyncio.gather(*[pool.get(f"k{number}") for number in range(4)])
            assert found == [[steps, number] for number in range(4)]
            await eventually_async(lambda: pool.stats().active == 0)
            assert pool.stats().idle <= max_size

        assert await at_every_step(busy, check) > 1


async def test_a_pipeline_may_be_cancelled(address: str) -> None:
    async with KvPool.connect(PoolConfig(address, min_size=0, max_size=1)) as pool:

        async def many() -> Any:
            pipe = pool.pipeline()
            for _ in range(50):
                pipe.get("other")
            return await pipe.execute()

        async def check(steps: int) -> None:
            await pool.set("k", steps)
            assert await pool.get("k") == steps

        assert await at_every_step(many, check) > 0


@pytest.mark.parametrize("kind", ["client", "pool"])
@pytest.mark.parametrize("wait", [0.0, 30.0])
async def test_a_cancelled_acquisition_leaves_no_lock_behind(address: str, kind: str, wait: float) -> None:
    async with KvClient.connect(address) as client, KvPool.connect(PoolConfig(address, min_size=0)) as pool:
        commands = client if kind == "client" else pool

        async def take() -> None:
            lock = Lock(commands, "l", wait=wait)
            assert await lock.acquire()
            await lock.release()

        async def check(steps: int) -> None:
            # If it was granted after all, it is given back at once and not when 30 s have passed.
            assert await client.acquire("l", "next", wait=20)
            await client.unlock("l", "next")

        assert await at_every_step(take, check) > 1


@pytest.mark.parametrize("renews", [False, True])
async def test_a_block_that_holds_a_lock_may_be_cancelled(address: str, renews: bool) -> None:
    async with KvClient.connect(address) as client:

        async def hold() -> None:
            async with Lock(client, "l", auto_renew=renews) as acquired:
                assert acquired
                await client.get("other")

        async def check(steps: int) -> None:
            assert await client.acquire("l", "next", wait=20)
            await client.unlock("l", "next")

        assert await at_every_step(hold, check) > 1


async def test_a_cached_function_may_be_cancelled_and_the_next_caller_computes(address: str) -> None:
    async with KvClient.connect(address) as client:

        @cached(60, client=client, key=lambda: "f")
        async def f() -> int:
            await asyncio.sleep(0)
            return 7

        async def check(steps: int) -> None:
            assert await client.acquire("f:lock", "next", wait=20), "nobody computes any more"
            await client.unlock("f:lock", "next")
            assert await f() == 7 and await client.delete("f")

        assert await at_every_step(f, check) > 1


@pytest.mark.parametrize("kind", ["client", "pool"])
async def test_who_is_cancelled_while_waiting_leaves_the_queue(address: str, kind: str) -> None:
    async with KvClient.connect(address) as client, KvPool.connect(PoolConfig(address, min_size=0)) as pool:
        commands = client if kind == "client" else pool
        await client.lock("l", "holder")
        waiting = asyncio.ensure_future(commands.acquire("l", "gone", wait=60))
        await _until_waiting(client, 1)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await _until_waiting(client, 0)
        assert await client.unlock("l", "holder")
        assert await client.get("l") is None


async def _until_waiting(client: KvClient, count: int) -> None:
    """Until so many wait for a key on the server, which other tests use too, but not at the same time."""
    for _ in range(2000):
        if f'"waiting":{count}' in (await client.info("clients")).replace(" ", ""):
            return
        await asyncio.sleep(0.005)
    raise AssertionError(f"there are never {count} who wait")


async def test_a_cancelled_caller_does_not_disturb_the_others_on_its_connection() -> None:
    release = threading.Event()

    def slow(peer: Peer) -> None:
        peer.request()
        assert release.wait(20)
        peer.reply(0, b"\x08\x00")
        in_memory(peer)

    with FakeServer(slow) as fake:
        async with KvClient.connect(fake.address) as client:
            first = asyncio.ensure_future(client.get("slow"))
            await asyncio.sleep(0)
            second = asyncio.ensure_future(client.ping())
            await asyncio.sleep(0)
            first.cancel()
            release.set()
            assert await second == "PONG" and fake.connections == 1


async def test_a_waiter_of_a_full_pool_that_is_cancelled_passes_its_turn_on(address: str) -> None:
    async with KvPool.connect(PoolConfig(address, min_size=0, max_size=1)) as pool:
        for steps in range(12):
            calls = [asyncio.ensure_future(pool.get("k")) for _ in range(6)]
            for _ in range(steps):
                await asyncio.sleep(0)
            for call in calls[::2]:
                call.cancel()
            assert await asyncio.gather(*calls[1::2]) == [None] * 3
            assert await pool.ping() == "PONG"

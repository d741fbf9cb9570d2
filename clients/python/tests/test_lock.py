"""`Lock`: waiting on the server, fencing tokens, renewal."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any, List, Optional

import pytest

import kv_client.sync
from kv_client import KvClient, Lock, LockedError, _shielded
from support import eventually, eventually_async, run_threads


async def test_a_lock_is_entered_and_left(address: str) -> None:
    async with KvClient.connect(address) as client:
        lock = Lock(client, "l", "worker", ttl=20)
        assert (lock.token, lock.owned) == (None, False)
        async with lock as acquired:
            assert acquired is True and lock.owned and lock.token is not None
            assert await client.get("l") == "worker" and 10 < (await client.ttl("l") or 0) <= 20
            async with Lock(client, "l", "other") as second:
                assert second is False
            assert await client.get("l") == "worker", "leaving a lock that one doesn't hold releases nothing"
        assert not lock.owned and await client.exists("l") is False


def test_a_blocking_lock_is_entered_and_left(address: str) -> None:
    with kv_client.sync.KvClient.connect(address) as client:
        lock = kv_client.sync.Lock(client, "l")
        with lock as acquired:
            assert acquired and lock.owned and client.get("l") == lock.owner and "owned" in repr(lock)
            assert kv_client.sync.Lock(client, "l").owner != lock.owner
        assert client.get("l") is None and not lock.owned and repr(lock) == f"<Lock 'l' of {lock.owner!r}>"


async def test_tokens_grow(address: str) -> None:
    async with KvClient.connect(address) as client:
        tokens: List[Optional[int]] = []
        for _ in range(5):
            lock = Lock(client, "l")
            async with lock:
                tokens.append(lock.token)
        assert tokens == sorted(set(tokens), key=lambda token: token or 0)


def test_the_protected_section_is_never_entered_twice(address: str) -> None:
    with kv_client.sync.KvClient.connect(address) as client:
        inside = threading.Lock()

        def work() -> None:
            for _ in range(10):
                with kv_client.sync.Lock(client, "l", wait=20) as acquired:
                    assert acquired and inside.acquire(blocking=False)
                    inside.release()

        run_threads(*[work for _ in range(4)])


async def test_waiting_ends_when_its_time_is_over(address: str) -> None:
    async with KvClient.connect(address) as client:
        async with Lock(client, "l"):
            began = time.monotonic()
            async with Lock(client, "l", wait=0.1) as acquired:
                assert not acquired and time.monotonic() - began >= 0.1


async def test_a_wait_may_be_longer_than_the_time_limit_of_an_answer(address: str) -> None:
    async with KvClient.connect(address, timeout=1.0) as client:
        holder = Lock(client, "l")
        await holder.acquire()
        waiting = asyncio.ensure_future(Lock(client, "l", wait=20).acquire())
        await asyncio.sleep(1.2)
        assert not waiting.done() and await client.ping() == "PONG"
        assert await holder.release()
        assert await waiting is True


async def test_extending(address: str) -> None:
    async with KvClient.connect(address) as client:
        lock = Lock(client, "l", ttl=10)
        assert await lock.extend() is False and not lock.owned
        async with lock:
            assert await lock.extend(60) is True and (await client.ttl("l") or 0) > 50
            assert await lock.extend() is True and (await client.ttl("l") or 0) <= 10


async def test_losing_a_lock_is_noticed(address: str) -> None:
    async with KvClient.connect(address) as client:
        lock = Lock(client, "l", "me")
        await lock.acquire()
        await client.delete("l")
        await client.lock("l", "thief")
        with pytest.raises(LockedError):
            await lock.extend()
        assert not lock.owned
        with pytest.raises(LockedError):
            await lock.release()
        await client.delete("l")
        assert await lock.release() is False


async def test_leaving_a_lock_that_somebody_else_has_is_an_error_unless_there_is_another(address: str) -> None:
    async with KvClient.connect(address) as client:
        with pytest.raises(LockedError):
            async with Lock(client, "l", "me"):
                await client.set("l", 0)
                await client.delete("l")
                await client.lock("l", "thief")
        await client.delete("l")
        with pytest.raises(ZeroDivisionError):
            async with Lock(client, "l", "me"):
                await client.delete("l")
                await client.lock("l", "thief")
                raise ZeroDivisionError


async def test_a_lock_is_owned_until_its_time_is_over(address: str) -> None:
    async with KvClient.connect(address) as client:
        lock = Lock(client, "l", ttl=0.05)
        await lock.acquire()
        await eventually_async(lambda: not lock.owned)
        assert await lock.release() is False


async def test_renewal_keeps_a_lock(address: str) -> None:
    async with KvClient.connect(address) as client:
        lock = Lock(client, "l", ttl=3, auto_renew=True)
        async with lock:
            for _ in range(2):
                left = more = await client.ttl("l") or 0
                while more <= left:
                    left = more
                    await asyncio.sleep(0.01)
                    more = await client.ttl("l") or 0
                    assert more, "it has run out"
            assert lock.owned and await client.get("l") == lock.owner
        assert await client.get("l") is None
        await asyncio.sleep(0.2)
        assert await client.get("l") is None


def test_renewal_by_a_thread_keeps_a_lock(address: str) -> None:
    with kv_client.sync.KvClient.connect(address) as client:
        lock = kv_client.sync.Lock(client, "l", ttl=3, auto_renew=True)
        with lock:
            for _ in range(2):
                left = more = client.ttl("l") or 0
                while more <= left:
                    left = more
                    time.sleep(0.01)
                    more = client.ttl("l") or 0
                    assert more, "it has run out"
            assert lock.owned and client.get("l") == lock.owner
        assert client.get("l") is None
        eventually(lambda: not any(thread.name == "kv-renewal" for thread in threading.enumerate()))


async def test_renewal_ends_where_the_lock_is_lost(address: str) -> None:
    async with KvClient.connect(address) as client:
        lock = Lock(client, "l", ttl=0.3, auto_renew=True)
        await lock.acquire()
        await client.delete("l")
        await client.lock("l", "thief")
        await eventually_async(lambda: not lock.owned)
        assert await client.get("l") == "thief"
        with pytest.raises(LockedError):
            await lock.release()


async def test_a_lock_that_is_left_by_cancellation_is_released(address: str) -> None:
    async with KvClient.connect(address) as client:
        entered = asyncio.Event()

        async def hold() -> None:
            async with Lock(client, "l", auto_renew=True):
                entered.set()
                await asyncio.sleep(60)

        task = asyncio.ensure_future(hold())
        await entered.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await client.get("l") is None


async def test_a_release_is_carried_out_though_its_caller_is_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = []

    async def work(seconds: float) -> None:
        await asyncio.sleep(seconds)
        ended.append(seconds)

    async def cancelled(seconds: float) -> None:
        task = asyncio.ensure_future(_shielded.shielded(work(seconds)))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    await cancelled(0.05)
    assert ended == [0.05]
    monkeypatch.setattr(_shielded, "SECONDS", 0.01)
    await cancelled(3600.0)
    assert ended == [0.05], "but nobody is held up for long"


def test_a_lock_checks_what_it_is_given(address: str) -> None:
    with kv_client.sync.KvClient.connect(address) as client:
        wrong: List[Any] = [{"ttl": -1.0}, {"wait": -1.0}, {"owner": ""}]
        for arguments in wrong:
            with pytest.raises(ValueError):
                kv_client.sync.Lock(client, "l", **arguments).acquire()

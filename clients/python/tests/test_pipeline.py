"""Pipelines and `cached`."""

from __future__ import annotations

import asyncio
import threading
from typing import Any, Dict, List

import pytest

import kv_client.sync
from kv_client import KvClient, KvError, KvPool, PoolConfig, WrongTypeError, cached
from kv_client.sync import cached as sync_cached
from support import eventually_async, run_threads


async def test_results_come_in_the_order_of_the_commands(address: str) -> None:
    async with KvClient.connect(address) as client:
        pipe = client.pipeline()
        total = pipe.incr("n", 5)
        pipe.set("k", [1])
        pipe.get("k")
        found = pipe.mexists(["k", "nope"])
        assert len(pipe) == 4
        with pytest.raises(KvError, match="not been executed"):
            total.result()
        assert await pipe.execute() == [5, None, [1], [True, False]]
        assert (total.result(), found.result(), len(pipe)) == (5, [True, False], 0)
        assert await pipe.execute() == []


def test_a_blocking_pipeline(address: str) -> None:
    with kv_client.sync.KvClient.connect(address) as client:
        with client.pipeline() as pipe:
            total = pipe.incr("n")
        assert total.result() == 1
        with pytest.raises(ZeroDivisionError):
            with client.pipeline() as pipe:
                pipe.incr("n")
                raise ZeroDivisionError
        assert client.get("n") == 1, "what an exception leaves is not executed"


async def test_an_error_is_raised_after_all_was_carried_out(address: str) -> None:
    async with KvPool.connect(PoolConfig(address, min_size=0)) as pool:
        await pool.set("text", "x")
        pipe = pool.pipeline()
        bad, good = pipe.incr("text"), pipe.incr("n")
        with pytest.raises(WrongTypeError):
            await pipe.execute()
        assert good.result() == 1
        with pytest.raises(WrongTypeError):
            bad.result()
        pipe.incr("text")
        pipe.incr("n")
        results = await pipe.execute(raise_on_error=False)
        assert isinstance(results[0], WrongTypeError) and results[1] == 2


async def test_an_argument_that_can_not_be_sent_spoils_nothing(address: str) -> None:
    async with KvClient.connect(address) as client:
        pipe = client.pipeline()
        pipe.set("a", 1)
        with pytest.raises(TypeError):
            pipe.set("b", object())  # type: ignore[arg-type]
        assert await pipe.execute() == [None]


async def test_a_pipeline_of_many_thousand_commands(address: str) -> None:
    async with KvClient.connect(address) as client:
        async with client.pipeline() as pipe:
            last = [pipe.incr("n") for _ in range(20_000)][-1]
        assert last.result() == 20_000


async def test_a_pipeline_may_wait_for_a_lock(address: str) -> None:
    async with KvClient.connect(address) as client:
        await client.lock("l", "holder", ttl=0.3)
        pipe = client.pipeline()
        acquired = pipe.acquire("l", "me", wait=20)
        pipe.ping()
        waiting = asyncio.ensure_future(pipe.execute())
        assert await client.ping() == "PONG"
        await waiting
        assert acquired.result()


# cached


async def test_a_result_is_computed_once_for_all_who_ask_at_the_same_time(address: str) -> None:
    async with KvPool.connect(PoolConfig(address, min_size=0, max_size=3)) as pool:
        calls: List[int] = []

        @cached(60, client=pool)
        async def square(number: int) -> int:
            """Squares."""
            calls.append(number)
            await asyncio.sleep(0.05)
            return number * number

        assert await asyncio.gather(*[square(3) for _ in range(20)]) == [9] * 20
        assert await square(3) == 9 and calls == [3]
        assert await square(4) == 16 and calls == [3, 4]
        assert square.__name__ == "square" and square.__doc__ == "Squares."


def test_a_blocking_result_is_computed_once(address: str) -> None:
    with kv_client.sync.KvPool.connect(kv_client.sync.PoolConfig(address, min_size=0, max_size=2)) as pool:
        calls: List[str] = []
        go = threading.Event()

        @sync_cached(60, client=lambda: pool)
        def greet(name: str, *, loud: bool = False) -> Dict[str, Any]:
            calls.append(name)
            go.wait(0.1)
            return {"text": name.upper() if loud else name}

        assert run_threads(*[lambda: greet("ann", loud=True) for _ in range(5)]) == [{"text": "ANN"}] * 5
        assert greet("ann") == {"text": "ann"} and calls == ["ann", "ann"]


async def test_none_is_a_result_too_and_an_exception_is_not(address: str) -> None:
    async with KvClient.connect(address) as client:
        calls: List[str] = []

        @cached(60, client=client, key=lambda what: f"f:{what}")
        async def f(what: str) -> None:
            calls.append(what)
            if what == "fails" and len(calls) < 3:
                raise ZeroDivisionError

        await f("x")
        await f("x")
        assert calls == ["x"] and await client.exists("f:x")
        with pytest.raises(ZeroDivisionError):
            await f("fails")
        assert not await client.exists("f:fails:lock")
        await f("fails")
        await f("fails")
        assert calls == ["x", "fails", "fails"]


async def test_a_stale_value_is_served_while_one_caller_computes(address: str) -> None:
    async with KvClient.connect(address) as client:
        go = asyncio.Event()
        computed = 0

        @cached(30, stale=60, client=client, key=lambda: "f")
        async def f() -> int:
            nonlocal computed
            computed += 1
            if computed > 1:
                await go.wait()
            return computed

        assert await f() == 1
        assert 80 < (await client.ttl("f") or 0) <= 90
        assert await f() == 1 and computed == 1
        await client.expire("f", 60)  # As if the 30 seconds were over.
        first = asyncio.ensure_future(f())
        await eventually_async(lambda: computed == 2)
        assert await asyncio.gather(*[f() for _ in range(5)]) == [1] * 5, "the old one meanwhile"
        go.set()
        assert await first == 2 and await f() == 2 and computed == 2


async def test_who_has_waited_too_long_computes_itself(address: str) -> None:
    async with KvClient.connect(address) as client:
        await client.lock("f:lock", "somebody who died", ttl=60)

        @cached(60, client=client, key=lambda: "f", wait=0.05)
        async def f() -> str:
            return "mine"

        assert await f() == "mine" and await client.get("f:lock") == "somebody who died"


async def test_arguments_of_any_type_want_a_key(address: str) -> None:
    async with KvClient.connect(address) as client:

        @cached(60, client=client)
        async def f(what: object) -> int:
            return 1

        with pytest.raises(TypeError, match="give `cached` a `key`"):
            await f(object())
    for ttl, stale in ((0, 0), (-1, 0), (1, -1)):
        with pytest.raises(ValueError):
            cached(ttl, stale, client=client)

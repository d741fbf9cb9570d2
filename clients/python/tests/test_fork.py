"""A child process never touches the connections of its parent."""

from __future__ import annotations

import asyncio
import functools
import multiprocessing
import os
import threading
import traceback
from typing import Any, Callable

import pytest

import kv_client.sync
from kv_client import KvClient, KvPool, Lock, PoolConfig
from support import DEADLINE, eventually, run_threads

ROUNDS = 200


def in_child(work: Callable[[], Any]) -> Callable[[], None]:
    """Forks and begins `work` in the child. What is returned waits for the child and fails where `work` raised."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            work()
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)

    def wait() -> None:
        _, status = os.waitpid(pid, 0)
        assert os.waitstatus_to_exitcode(status) == 0

    return wait


def use(commands: Any, who: str) -> None:
    """Every reply has to be the one to its own request."""
    for turn in range(ROUNDS):
        commands.set(who, [who, turn])
        assert commands.get(who) == [who, turn]


@pytest.mark.parametrize("kind", ["client", "pool"])
def test_parent_and_children_use_what_was_connected_before_the_fork(address: str, kind: str) -> None:
    config = kv_client.sync.PoolConfig(address, min_size=2, max_size=2)
    opened = kv_client.sync.KvPool.connect(config) if kind == "pool" else kv_client.sync.KvClient.connect(address)
    with opened as commands:
        commands.set("before", 1)
        children = [in_child(functools.partial(use, commands, name)) for name in ("one", "two", "three")]
        use(commands, "parent")
        for wait in children:
            wait()
        assert commands.mget(["before", "one", "two", "three", "parent"]) == [
            1, *[[who, ROUNDS - 1] for who in ("one", "two", "three", "parent")]
        ]


def test_a_fork_while_another_thread_is_in_a_call(address: str) -> None:
    with kv_client.sync.KvClient.connect(address) as client:
        client.lock("l", "holder")
        pool = kv_client.sync.KvPool.connect(kv_client.sync.PoolConfig(address, min_size=0, max_size=1))
        stop = threading.Event()

        def hammer() -> None:
            while not stop.is_set():
                use(client, "thread")
                use(pool, "pool thread")

        def use_both() -> None:
            use(client, "child")
            use(pool, "pool child")

        thread = threading.Thread(target=hammer, daemon=True)
        thread.start()
        eventually(lambda: client.exists("thread"))
        for _ in range(5):
            in_child(use_both)()
        stop.set()
        thread.join(DEADLINE)
        assert not thread.is_alive()
        pool.close()


@pytest.mark.parametrize("kind", ["client", "pool"])
async def test_a_fork_inside_an_event_loop(address: str, kind: str) -> None:
    opening: Any = KvPool.connect(PoolConfig(address, min_size=2)) if kind == "pool" else KvClient.connect(address)
    async with opening as commands:
        await commands.set("before", 1)
        under_way = asyncio.ensure_future(commands.get("before"))
        await asyncio.sleep(0)

        async def again() -> None:
            for turn in range(ROUNDS):
                await commands.set("child", turn)
                assert await commands.get("child") == turn

        wait = in_child(lambda: asyncio.run(again()))
        assert await under_way == 1
        for turn in range(ROUNDS):
            await commands.set("parent", turn)
            assert await commands.get("parent") == turn
        await asyncio.get_running_loop().run_in_executor(None, wait)
        assert await commands.mget(["before", "child", "parent"]) == [1, ROUNDS - 1, ROUNDS - 1]


async def test_a_lock_that_is_held_at_a_fork_stays_with_the_parent(address: str) -> None:
    async with KvClient.connect(address) as client:
        lock = Lock(client, "l")
        async with lock:
            wait = in_child(lambda: None)
            await asyncio.get_running_loop().run_in_executor(None, wait)
            assert await client.get("l") == lock.owner


def counted(commands: Any, rounds: int) -> None:
    for _ in range(rounds):
        commands.incr("n")


def test_multiprocessing_by_fork(address: str) -> None:
    with kv_client.sync.KvPool.connect(kv_client.sync.PoolConfig(address)) as pool:
        fork = multiprocessing.get_context("fork")
        workers = [fork.Process(target=counted, args=(pool, 50)) for _ in range(3)]
        for worker in workers:
            worker.start()
        run_threads(*[lambda: counted(pool, 50) for _ in range(2)])
        for worker in workers:
            worker.join(DEADLINE)
            assert worker.exitcode == 0
        assert pool.get("n") == 250

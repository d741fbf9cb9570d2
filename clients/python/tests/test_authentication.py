"""Users and passwords, with a real server: who is let in, what is refused how, and that no secret is ever shown."""

from __future__ import annotations

import asyncio
import functools
import json
import logging
import os
import signal
import subprocess
import traceback
from pathlib import Path
from typing import Any, Callable, Iterator, List

import pytest

import kv_client.sync
from kv_client import (
    AuthenticationError,
    BusyError,
    KvClient,
    KvConnectionError,
    KvError,
    KvPool,
    Lock,
    NoPermissionError,
    PoolConfig,
    Retry,
    TooLargeError,
)
from support import LiveServer, eventually, eventually_async, run_threads
from test_cancellation import at_every_step
from test_fork import in_child

SECRET = "s3cret:@/é"
IN_URL = "s3cret%3A%40%2F%C3%A9"
ONCE = Retry(attempts=1)
QUICK = Retry(attempts=3, base=0.001, cap=0.002)


@functools.lru_cache(maxsize=None)
def hash_of(password: str) -> str:
    """As the server's file of users wants it: made by the kv-cli that was built beside it."""
    command = [str(Path(os.environ["KV_SERVER"]).with_name("kv-cli")), "hash-password"]
    return subprocess.run(command, input=password, capture_output=True, text=True, check=True).stdout.strip()


class Users:
    """A file of users, all with SECRET as password."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "users.acl"

    def are(self, **rules: str) -> None:
        lines = [f"user {name} on #{hash_of(SECRET)} {rule}\n" for name, rule in rules.items()]
        self.file.write_text("".join(lines), encoding="utf-8")


@pytest.fixture
def users(tmp_path: Path) -> Users:
    found = Users(tmp_path)
    found.are(ann="~ann:* +@all", admin="~* +@all", one="~* +@all connections=1")
    return found


@pytest.fixture
def live(users: Users) -> Iterator[LiveServer]:
    with LiveServer("--acl-file", str(users.file)) as found:
        yield found


def as_ann(live: LiveServer) -> str:
    return f"kv://ann:{IN_URL}@{live.address}/ann"


def stats(live: LiveServer) -> Any:
    with kv_client.sync.KvClient.connect(live.address, user="admin", password=SECRET) as client:
        return json.loads(client.info("stats"))


def test_user_and_password_are_said_first(live: LiveServer, connect: Any) -> None:
    for client in (connect(as_ann(live)), connect(f"{live.address}/ann", user="ann", password=SECRET)):
        assert client.incr("n") > 0 and client.whoami() == "ann"
        with pytest.raises(AuthenticationError):
            connect(live.address).get("ann:n")


@pytest.mark.parametrize("arguments", [["--password", SECRET], ["--password-file", "FILE"]])
def test_one_password_has_no_user(connect: Any, tmp_path: Path, arguments: List[str]) -> None:
    (tmp_path / "password").write_text(SECRET + "\n", encoding="utf-8")
    arguments = [str(tmp_path / "password") if each == "FILE" else each for each in arguments]
    with LiveServer(*arguments) as live:
        assert connect(f"kv://:{IN_URL}@{live.address}").incr("n") == 1
        assert connect(live.address, password=SECRET).whoami() == "default"


@pytest.mark.parametrize("login", [f"ann:no{IN_URL}", f"nobody:{IN_URL}", f":{IN_URL}"])
def test_who_is_not_known_is_told_so_at_once_and_only_once(live: LiveServer, connect: Any, login: str) -> None:
    with pytest.raises(AuthenticationError, match="NOAUTH") as raised:
        connect(f"kv://{login}@{live.address}", retry=QUICK)
    assert isinstance(raised.value, PermissionError) and raised.value.word == "NOAUTH"
    assert stats(live)["authentication_failures"] == 1, "it isn't tried again"
    with pytest.raises(AuthenticationError):
        kv_client.sync.KvPool.connect(kv_client.sync.PoolConfig(f"kv://{login}@{live.address}"))


def test_without_a_password_all_but_ping_is_refused_and_the_connection_stays(live: LiveServer, connect: Any) -> None:
    client = connect(live.address, retry=ONCE)
    for _ in range(3):
        with pytest.raises(AuthenticationError, match="NOAUTH"):
            client.get("k")
        assert client.ping() == "PONG"
    pipe = client.pipeline()
    getattr(pipe, "_target", pipe).ping()
    getattr(pipe, "_target", pipe).incr("n")
    results = pipe.execute(raise_on_error=False)
    assert results[0] == "PONG" and isinstance(results[1], AuthenticationError)
    with pytest.raises(TooLargeError):
        client.set("k", "x" * 5000)
    assert client.ping() == "PONG"


def test_what_a_user_may_not_do_is_refused_and_the_connection_stays(live: LiveServer, connect: Any) -> None:
    client = connect(live.address, user="ann", password=SECRET)
    client.set("ann:k", 1)
    calls: List[Callable[[], Any]] = [
        lambda: client.get("bob:k"),
        lambda: client.set("bob:k", 1),
        lambda: client.mget(["ann:k", "bob:k"]),
        lambda: client.mset([("ann:k", 2), ("bob:k", 2)]),
        lambda: client.lock("bob:l", "owner"),
        lambda: client.acquire("bob:l", "owner", wait=5),
    ]
    for call in calls:
        with pytest.raises(NoPermissionError, match="NOPERM") as raised:
            call()
        assert isinstance(raised.value, PermissionError) and not isinstance(raised.value, AuthenticationError)
        assert client.get("ann:k") == 1
    pipe = client.pipeline()
    getattr(pipe, "_target", pipe).get("bob:k")
    getattr(pipe, "_target", pipe).get("ann:k")
    with pytest.raises(NoPermissionError):
        pipe.execute()


def test_after_a_restart_a_client_says_it_again(live: LiveServer, connect: Any) -> None:
    client = connect(as_ann(live), retry=QUICK)
    assert client.incr("n") == 1
    for kill in (False, True):
        live.stop(kill)
        with pytest.raises(KvConnectionError):
            client.get("n")
        live.start()
        assert client.incr("n") == 1


def test_a_pool_says_it_on_each_connection_and_after_a_restart(live: LiveServer) -> None:
    config = kv_client.sync.PoolConfig(as_ann(live), min_size=3, max_size=5, retry=QUICK)
    with kv_client.sync.KvPool.connect(config) as pool:
        for _ in range(2):
            run_threads(*[lambda: [pool.incr("n") for _ in range(10)] for _ in range(5)])
            assert pool.get("n") == 50
            live.stop(kill=True)
            live.start()


async def test_so_does_a_pool_of_an_event_loop(live: LiveServer) -> None:
    async with KvPool.connect(PoolConfig(as_ann(live), min_size=3, max_size=5, retry=QUICK)) as pool:
        for _ in range(2):
            await asyncio.gather(*[pool.incr("n") for _ in range(50)])
            assert await pool.get("n") == 50
            live.stop(kill=True)
            await eventually_async(lambda: pool.stats().idle == 0)
            live.start()


async def test_who_waits_for_a_lock_has_said_it_too(live: LiveServer) -> None:
    async with KvClient.connect(as_ann(live)) as client, KvPool.connect(PoolConfig(as_ann(live))) as pool:
        for commands in (client, pool):
            async with Lock(commands, "l") as first:
                waiting = asyncio.ensure_future(Lock(commands, "l", wait=20).acquire())
                while '"waiting":1' not in await client.info("clients"):
                    await asyncio.sleep(0.005)
            assert first and await waiting
            assert await client.delete("l")


async def test_saying_it_may_be_cancelled(live: LiveServer) -> None:
    async def connects() -> None:
        async with KvClient.connect(as_ann(live)) as client:
            assert await client.ping() == "PONG"

    async def nothing(steps: int) -> None:
        pass

    await connects()  # The first time takes the server long.
    assert await at_every_step(connects, nothing) > 1
    async with KvClient.connect(live.address, user="admin", password=SECRET) as client:
        while json.loads(await client.info("clients"))["connected"] > 1:
            await asyncio.sleep(0.005)


def test_a_child_says_it_for_itself(live: LiveServer) -> None:
    with kv_client.sync.KvClient.connect(as_ann(live)) as client:
        assert client.incr("n") == 1
        in_child(lambda: client.incr("n"))()
        assert client.incr("n") == 3


def test_a_user_that_is_gone_is_told_so_and_let_in_again_when_it_is_back(
    live: LiveServer, users: Users, connect: Any
) -> None:
    client = connect(as_ann(live), retry=ONCE)
    assert client.incr("n") == 1

    def read_again() -> None:
        before = live.log.count("the users were read again")
        live.signal(signal.SIGHUP)
        eventually(lambda: live.log.count("the users were read again") > before)

    users.are(admin="~* +@all")
    read_again()
    with pytest.raises(AuthenticationError):
        client.incr("n")
    users.are(ann="~ann:* +@all", admin="~* +@all")
    read_again()
    assert client.incr("n") == 2, "on another connection; the server doesn't know the old one any more"


def test_a_user_with_as_many_connections_as_it_may_have_is_busy(live: LiveServer, connect: Any) -> None:
    first = connect(live.address, user="one", password=SECRET)
    assert first.incr("n") == 1
    with pytest.raises(BusyError, match="BUSY"):
        connect(live.address, user="one", password=SECRET, retry=QUICK)
    assert first.incr("n") == 2


def test_no_secret_is_shown(live: LiveServer, connect: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    shown: List[str] = []

    def fails(call: Callable[[], Any]) -> None:
        with pytest.raises((KvError, ValueError)) as raised:
            call()
        shown.append("".join(traceback.format_exception(raised.type, raised.value, raised.tb)))
        shown.append(repr(raised.value))

    config = PoolConfig(as_ann(live))
    client = connect(as_ann(live))
    shown += [repr(config), repr(config.options()), repr(client), repr(getattr(client, "_target", client))]
    shown.append(str(KvClient.connect(as_ann(live))))
    live.stop()
    fails(lambda: client.get("k"))
    fails(lambda: connect(as_ann(live), retry=ONCE))
    live.start()
    wrong = as_ann(live).replace("@", "x@")
    fails(lambda: connect(wrong))
    for address in (
        f"ann:{IN_URL}@{live.address}",
        f"ann:{IN_URL}@",
        f"kv://ann:{IN_URL}@",
        f"kv://ann:{IN_URL}@host:port",
        f"kv://ann:{IN_URL}@{live.address}?no-such=1",
        f"kv://ann:{SECRET}@{live.address}",
        f"rediss://ann:{IN_URL}@{live.address}",
    ):
        fails(lambda: connect(address, retry=ONCE))
    fails(lambda: connect(live.address, user="ann", password=SECRET * 20_000))
    for text in [*shown, caplog.text, live.log]:
        assert "s3cret" not in text, text


def test_a_user_without_a_password_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="a user comes with a password"):
        PoolConfig("db", user="ann")
    with pytest.raises(ValueError, match="a user comes with a password"):
        PoolConfig("kv://ann@db")

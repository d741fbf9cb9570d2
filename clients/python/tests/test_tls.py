"""TLS with a real server: whom a client believes, how it shows who it is, and that all else is as without TLS."""

from __future__ import annotations

import asyncio
import json
import ssl
from pathlib import Path
from typing import Any, Iterator

import pytest

import kv_client.sync
from certificates import Authority, Certificate
from kv_client import (
    AuthenticationError,
    KvClient,
    KvConnectionError,
    KvPool,
    Lock,
    NoPermissionError,
    PoolConfig,
    Retry,
)
from support import FakeServer, LiveServer, in_memory
from test_cancellation import at_every_step
from test_fork import in_child

ONCE = Retry(attempts=1)
LARGE = b"x" * 3_000_000


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def certificate(authority: Authority) -> Certificate:
    return authority.issue("server")


def with_tls(certificate: Certificate, *arguments: str) -> LiveServer:
    return LiveServer("--tls-cert", certificate.cert, "--tls-key", certificate.key, *arguments, tls=True)


@pytest.fixture(scope="module")
def server(certificate: Certificate) -> Iterator[LiveServer]:
    with with_tls(certificate) as live:
        yield live


@pytest.fixture
def url(server: LiveServer, authority: Authority) -> str:
    return f"kvs://{server.tls_address}/tls?ca={authority.file}"


def test_kvs_speaks_tls(connect: Any, server: LiveServer, url: str, authority: Authority) -> None:
    for address in (url, url.replace("127.0.0.1", "localhost")):
        client = connect(address)
        client.set("k", LARGE)
        assert client.get("k") == LARGE
        pipe = client.pipeline()
        for _ in range(10):
            getattr(pipe, "_target", pipe).get("k")
        assert pipe.execute() == [LARGE] * 10
    context = ssl.create_default_context(cafile=authority.file)
    assert connect(f"{server.tls_address}/tls", ssl=context).delete("k")


async def test_tasks_share_a_client_and_a_pool_over_tls(url: str) -> None:
    async with KvClient.from_url(url) as client, KvPool.connect(PoolConfig(url, min_size=1)) as pool:
        await client.set("k", LARGE)
        assert await asyncio.gather(*[client.get("k") for _ in range(5)]) == [LARGE] * 5
        assert await asyncio.gather(*[pool.get("k") for _ in range(5)]) == [LARGE] * 5
        assert await pool.delete("k")


def test_a_pool_uses_the_tls_connections_that_it_began_with(connect: Any, server: LiveServer, url: str) -> None:
    asks = connect(server.address)

    def accepted() -> int:
        return int(json.loads(asks.info("clients"))["accepted"])

    before = accepted()
    with kv_client.sync.KvPool.connect(kv_client.sync.PoolConfig(url, min_size=3)) as pool:
        assert [pool.ping() for _ in range(5)] == ["PONG"] * 5 and accepted() == before + 3


async def test_who_is_cancelled_while_waiting_over_tls_gives_back_what_it_is_granted(url: str) -> None:
    async with KvClient.from_url(url) as client:
        await client.lock("l", "holder")
        waiting = asyncio.ensure_future(Lock(client, "l", wait=30).acquire())
        while '"waiting":1' not in await client.info("clients"):
            await asyncio.sleep(0.005)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await client.unlock("l", "holder")
        assert await client.acquire("l", "next", wait=20), "though the first in the line was the one who had gone"
        await client.unlock("l", "next")


async def test_connecting_over_tls_may_be_cancelled(server: LiveServer, url: str) -> None:
    async def connects() -> None:
        async with KvClient.connect(url) as client:
            assert await client.ping() == "PONG"

    async def nothing(steps: int) -> None:
        pass

    assert await at_every_step(connects, nothing) > 1
    async with KvClient.connect(server.address) as client:
        while json.loads(await client.info("clients"))["connected"] > 1:
            await asyncio.sleep(0.005)


def test_a_child_makes_a_tls_connection_of_its_own(url: str) -> None:
    with kv_client.sync.KvPool.connect(kv_client.sync.PoolConfig(url, min_size=1)) as pool:
        pool.set("n", 0)
        wait = in_child(lambda: [pool.incr("n") for _ in range(50)])
        assert all(pool.incr("n") for _ in range(50))
        wait()
        assert pool.take("n") == 100


def test_a_server_without_a_reason_to_be_believed_is_not(connect: Any, server: LiveServer, tmp_path: Path) -> None:
    stranger = Authority(tmp_path, "stranger")
    for asked in ("", f"?ca={stranger.file}"):
        with pytest.raises(KvConnectionError, match="CERTIFICATE_VERIFY_FAILED"):
            connect(f"kvs://{server.tls_address}{asked}", retry=ONCE)


@pytest.mark.parametrize(
    "names, days, reason",
    [
        ("DNS:elsewhere.example", 2, "not valid for '127.0.0.1'"),
        ("DNS:localhost", 2, "not valid for '127.0.0.1'"),
        ("IP:127.0.0.1", -1, "certificate has expired"),
    ],
)
def test_a_certificate_that_does_not_hold_is_told(
    connect: Any, authority: Authority, names: str, days: int, reason: str
) -> None:
    with with_tls(authority.issue("bad", names, days)) as live:
        with pytest.raises(KvConnectionError, match=reason) as raised:
            connect(f"kvs://{live.tls_address}?ca={authority.file}", retry=ONCE)
        assert live.tls_address in str(raised.value) and not raised.value.outcome_unknown


USERS = """user ann on cert ~ann:* +@read +@write
user default on nopass %R~public:* +get
"""


@pytest.fixture(scope="module")
def asking(certificate: Certificate, authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a server that wants to see certificates, whose common name is a user."""
    users = tmp_path_factory.mktemp("users") / "users.acl"
    users.write_text(USERS, encoding="utf-8")
    arguments = ["--tls-ca", authority.file, "--tls-client-auth", "require", "--acl-file", str(users)]
    with with_tls(certificate, *arguments) as live:
        yield f"kvs://{live.tls_address}?ca={authority.file}"


def shown(own: Certificate) -> str:
    return f"&cert={own.cert}&key={own.key}"


def test_a_client_is_the_user_of_its_certificate(connect: Any, asking: str, authority: Authority) -> None:
    client = connect(asking + shown(authority.issue("ann", "DNS:ann")))
    client.set("ann:k", 1)
    assert client.get("ann:k") == 1 and client.whoami() == "ann"
    with pytest.raises(NoPermissionError):
        client.get("public:k")
    stranger = connect(asking + shown(authority.issue("bob", "DNS:bob")))
    assert stranger.get("public:k") is None and stranger.whoami() == "default", "who is no user of the file is that"
    with pytest.raises(NoPermissionError):
        stranger.get("ann:k")


def test_a_client_without_the_certificate_that_is_asked_for_is_told_so(
    connect: Any, asking: str, tmp_path: Path
) -> None:
    foreign = Authority(tmp_path, "foreign").issue("ann")
    for own, reason in (("", "certificate required"), (shown(foreign), "unknown ca")):
        with pytest.raises(KvConnectionError, match=reason):
            connect(asking + own, retry=ONCE).ping()  # With TLS 1.3 the refusal comes behind the handshake.


def test_a_password_travels_over_tls(connect: Any, certificate: Certificate, authority: Authority) -> None:
    with with_tls(certificate, "--password", "s3cret:@") as live:
        assert connect(f"kvs://:s3cret%3A%40@{live.tls_address}?ca={authority.file}").incr("n") == 1
        with pytest.raises(AuthenticationError, match="NOAUTH"):
            connect(f"kvs://:wrong@{live.tls_address}?ca={authority.file}")


def test_a_server_that_restarts_with_another_certificate_is_found_again(connect: Any, authority: Authority) -> None:
    live = with_tls(authority.issue("renewed")).start()
    try:
        client = connect(f"kvs://{live.tls_address}?ca={authority.file}")
        assert client.incr("n") == 1
        for kill in (False, True):
            live.stop(kill)
            with pytest.raises(KvConnectionError):
                client.get("n")
            authority.issue("renewed")
            live.start()
            assert client.incr("n") == 1
    finally:
        live.stop()


def test_tls_to_a_server_without_it_fails_and_the_other_way_round(
    connect: Any, server: LiveServer, authority: Authority
) -> None:
    with pytest.raises(KvConnectionError, match="took no TLS connection within 0.3 s"):
        connect(f"kvs://{server.address}?ca={authority.file}", retry=ONCE, connect_timeout=0.3)
    with pytest.raises(KvConnectionError, match="ended the connection"):
        connect(f"kv://{server.tls_address}", retry=ONCE).ping()


def test_tickets_of_tls_are_not_taken_for_an_answer(connect: Any, certificate: Certificate, url: str) -> None:
    """A kv-server sends none, but what stands in front of one may."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    with FakeServer(in_memory, wrap=lambda sock: context.wrap_socket(sock, server_side=True)) as fake:
        client = connect(f"kvs://{fake.address}?{url.partition('?')[2]}")
        client.set("k", 1)
        assert client.get("k") == 1 and fake.connections == 1

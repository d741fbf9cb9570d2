"""TLS and authentication. TLS ends in a proxy in front of a real server, and a script checks who comes."""

from __future__ import annotations

import asyncio
import shutil
import socket
import ssl
import subprocess
import threading
from pathlib import Path
from typing import Any, Callable, List, Optional, Tuple

import pytest

import kv_client.sync
from kv_client import AuthenticationError, KvClient, KvConnectionError, KvPool, Lock, PoolConfig, Retry
from support import FakeServer, LiveServer, Peer, in_memory

ONCE = Retry(attempts=1)


class Certificate:
    """A certificate that signs itself, and its key, made by the program openssl."""

    def __init__(self, folder: Path, name: str, names: str) -> None:
        self.cert, self.key = str(folder / f"{name}.pem"), str(folder / f"{name}.key")
        command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        command += ["-days", "2", "-subj", f"/CN={name}", "-addext", f"subjectAltName={names}"]
        subprocess.run([*command, "-keyout", self.key, "-out", self.cert], check=True, capture_output=True)

    def server_context(self, client_ca: Optional[str] = None) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.cert, self.key)
        if client_ca is not None:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(client_ca)
        return context


Certificates = Tuple[Certificate, Certificate]


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """One for the server here, one for another host, which a client may use as its own."""
    if shutil.which("openssl") is None:
        raise AssertionError("the program openssl is missing")
    folder = tmp_path_factory.mktemp("certificates")
    return (
        Certificate(folder, "here", "DNS:localhost,IP:127.0.0.1"),
        Certificate(folder, "elsewhere", "DNS:elsewhere.example"),
    )


def proxy_to(port: int) -> Callable[[Peer], None]:
    """A script that hands all bytes on to a server, and what that says back."""

    def pump(source: socket.socket, target: socket.socket) -> None:
        try:
            while True:
                data = source.recv(65536)
                if not data:
                    break
                target.sendall(data)
        except OSError:
            pass
        try:
            target.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def script(peer: Peer) -> None:
        with socket.create_connection(("127.0.0.1", port)) as upstream:
            back = threading.Thread(target=pump, args=(upstream, peer.sock), daemon=True)
            back.start()
            pump(peer.sock, upstream)
            back.join()

    return script


def terminator(server: LiveServer, context: ssl.SSLContext) -> FakeServer:
    return FakeServer(proxy_to(server.port), wrap=lambda sock: context.wrap_socket(sock, server_side=True))


def test_kvs_speaks_tls(server: LiveServer, certificates: Certificates) -> None:
    here, _ = certificates
    with terminator(server, here.server_context()) as proxy:
        port = proxy.address.split(":")[1]
        large = b"x" * 3_000_000
        for host in ("127.0.0.1", "localhost"):
            with kv_client.sync.KvClient.from_url(f"kvs://{host}:{port}/tls?ca={here.cert}") as client:
                client.set("k", large)
                assert client.get("k") == large
                pipe = client.pipeline()
                for _ in range(10):
                    pipe.get("k")
                assert pipe.execute() == [large] * 10
        assert proxy.connections == 2, "the tickets of TLS are not taken for an answer"
        context = ssl.create_default_context(cafile=here.cert)
        with kv_client.sync.KvClient.connect(f"{proxy.address}/tls", ssl=context) as client:
            assert client.delete("k")


async def test_kvs_speaks_tls_in_an_event_loop(server: LiveServer, certificates: Certificates) -> None:
    here, _ = certificates
    with terminator(server, here.server_context()) as proxy:
        url = f"kvs://{proxy.address}/tls-async?ca={here.cert}"
        large = b"x" * 3_000_000
        async with KvClient.from_url(url) as client, KvPool.connect(PoolConfig(url, min_size=1)) as pool:
            await client.set("k", large)
            assert await asyncio.gather(*[client.get("k") for _ in range(5)]) == [large] * 5
            assert await pool.delete("k")


async def test_who_is_cancelled_while_waiting_over_tls_gives_back_what_it_is_granted(
    server: LiveServer, certificates: Certificates
) -> None:
    here, _ = certificates
    with terminator(server, here.server_context()) as proxy:
        url = f"kvs://{proxy.address}/tls-wait?ca={here.cert}"
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


def opened(url: str, asynchronous: bool, **options: Any) -> None:
    """Connects and pings, one way or the other."""

    async def run() -> None:
        async with KvClient.connect(url, **options) as client:
            await client.ping()

    if asynchronous:
        asyncio.run(run())
    else:
        with kv_client.sync.KvClient.connect(url, **options) as client:
            client.ping()


both = pytest.mark.parametrize("asynchronous", [False, True], ids=["blocking", "async"])


@both
def test_nobody_is_trusted_without_reason(server: LiveServer, certificates: Certificates, asynchronous: bool) -> None:
    here, elsewhere = certificates
    with terminator(server, here.server_context()) as proxy:
        for url in (f"kvs://{proxy.address}", f"kvs://{proxy.address}?ca={elsewhere.cert}"):
            with pytest.raises(KvConnectionError, match="CERTIFICATE_VERIFY_FAILED"):
                opened(url, asynchronous, retry=ONCE)
    with terminator(server, elsewhere.server_context()) as proxy:
        with pytest.raises(KvConnectionError, match="127.0.0.1"):
            opened(f"kvs://{proxy.address}?ca={elsewhere.cert}", asynchronous, retry=ONCE)


@both
def test_a_client_shows_its_certificate(server: LiveServer, certificates: Certificates, asynchronous: bool) -> None:
    here, elsewhere = certificates
    with terminator(server, here.server_context(client_ca=elsewhere.cert)) as proxy:
        url = f"kvs://{proxy.address}?ca={here.cert}"
        opened(f"{url}&cert={elsewhere.cert}&key={elsewhere.key}", asynchronous)
        with pytest.raises(KvConnectionError):
            opened(url, asynchronous, retry=ONCE)


@both
def test_tls_to_a_server_without_it_fails_and_the_other_way_round(
    server: LiveServer, certificates: Certificates, asynchronous: bool
) -> None:
    here, _ = certificates
    with pytest.raises(KvConnectionError):
        opened(f"kvs://{server.address}?ca={here.cert}", asynchronous, retry=ONCE, connect_timeout=0.3)
    with terminator(server, here.server_context()) as proxy:
        with pytest.raises((KvConnectionError, kv_client.ProtocolError)):
            opened(f"kv://{proxy.address}", asynchronous, retry=ONCE)


def wants(user: str, password: str, seen: List[bytes]) -> Callable[[Peer], None]:
    """A script of a server that serves who has said user and password."""
    expected = b"".join(len(part).to_bytes(2, "big") + part for part in (user.encode(), password.encode()))

    def script(peer: Peer) -> None:
        command, payload = peer.request()
        seen.append(bytes([command]) + payload)
        if (command, payload) != (0x28, expected):
            peer.reply(2, b"NOAUTH wrong user or password")
            peer.request()
            return
        peer.reply(0)
        in_memory(peer)

    return script


@both
def test_user_and_password_are_said_first_on_every_connection(asynchronous: bool) -> None:
    seen: List[bytes] = []
    with FakeServer(wants("ann", "s3cret:@", seen)) as fake:
        opened(f"kv://ann:s3cret%3A%40@{fake.address}/ns", asynchronous)
        opened(fake.address, asynchronous, user="ann", password="s3cret:@")
        assert len(seen) == 2 and not fake.errors


@both
def test_one_password_has_no_user(asynchronous: bool) -> None:
    seen: List[bytes] = []
    with FakeServer(wants("", "only", seen)) as fake:
        opened(f"kv://:only@{fake.address}", asynchronous)
        opened(fake.address, asynchronous, password="only")
    assert seen == [b"\x28\x00\x00\x00\x04only"] * 2


@both
def test_a_wrong_password_is_an_authentication_error_and_is_not_shown(asynchronous: bool) -> None:
    with FakeServer(wants("ann", "right", [])) as fake:
        with pytest.raises(AuthenticationError, match="NOAUTH") as raised:
            opened(f"kv://ann:wrong@{fake.address}", asynchronous)
        assert isinstance(raised.value, PermissionError) and "wrong@" not in str(raised.value)
        assert fake.connections == 1, "it isn't tried again"


def test_a_pool_uses_the_tls_connections_that_it_began_with(server: LiveServer, certificates: Certificates) -> None:
    here, _ = certificates
    with terminator(server, here.server_context()) as proxy:
        config = kv_client.sync.PoolConfig(f"kvs://{proxy.address}?ca={here.cert}", min_size=3)
        with kv_client.sync.KvPool.connect(config) as pool:
            assert [pool.ping() for _ in range(5)] == ["PONG"] * 5 and proxy.connections == 3


def test_a_pool_says_it_on_each_connection() -> None:
    seen: List[bytes] = []
    with FakeServer(wants("ann", "pw", seen)) as fake:
        config = kv_client.sync.PoolConfig(f"kv://ann:pw@{fake.address}", min_size=3)
        with kv_client.sync.KvPool.connect(config) as pool:
            assert pool.ping() == "PONG" and len(seen) == 3

"""Servers that die, stall, answer late, talk nonsense, are full, or come back."""

from __future__ import annotations

import asyncio
import functools
import gc
import socket
import threading
import time
from typing import Any

import pytest

import kv_client.sync
from kv_client import (
    BusyError,
    ClosedError,
    KvClient,
    KvConnectionError,
    KvError,
    KvTimeoutError,
    ProtocolError,
    Retry,
    TooLargeError,
)
from support import DEADLINE, Blocking, FakeServer, LiveServer, Peer, eventually, in_memory, run_threads

ONCE = Retry(attempts=1)
QUICK = Retry(attempts=3, base=0.001, cap=0.002)


def dies_at_a_request(peer: Peer) -> None:
    peer.request()


def stalls(peer: Peer) -> None:
    while peer.sock.recv(1000):
        pass


def test_nobody_listens(connect: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(KvConnectionError, match=f"no connection to 127.0.0.1:{port}") as raised:
        connect(f"127.0.0.1:{port}", retry=QUICK)
    assert isinstance(raised.value, ConnectionError) and not raised.value.outcome_unknown


def test_a_host_that_does_not_exist(connect: Any) -> None:
    with pytest.raises(KvConnectionError, match="no connection to no-such-host.invalid"):
        connect("no-such-host.invalid", retry=ONCE)


def test_a_server_that_takes_no_connection(connect: Any) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        address = listener.getsockname()
        waiting = []
        for _ in range(4):  # The backlog is full then, and the kernel lets everybody else wait.
            waiting.append(socket.socket())
            waiting[-1].setblocking(False)
            waiting[-1].connect_ex(address)
        with pytest.raises(KvTimeoutError, match="took no connection within 0.1 s"):
            connect(f"127.0.0.1:{address[1]}", connect_timeout=0.1)
        for sock in waiting:
            sock.close()


def test_a_server_that_stalls_is_a_timeout_and_the_next_call_connects_anew(connect: Any) -> None:
    with FakeServer(stalls, in_memory) as fake:
        client = connect(fake.address, timeout=1.0)
        with pytest.raises(KvTimeoutError, match="didn't answer within 1 s") as raised:
            client.get("k")
        assert isinstance(raised.value, TimeoutError) and raised.value.outcome_unknown
        assert client.ping() == "PONG" and fake.connections == 2


def test_a_late_answer_is_never_taken_for_the_next_one(connect: Any) -> None:
    def late(peer: Peer) -> None:
        peer.request()
        time.sleep(1.3)
        peer.reply(0, b"\x04\x00\x00\x00\x04late")
        in_memory(peer)

    with FakeServer(late, in_memory) as fake:
        client = connect(fake.address, timeout=1.0)
        with pytest.raises(KvTimeoutError):
            client.get("k")
        client.set("k", "mine")
        time.sleep(0.5)
        assert [client.get("k") for _ in range(5)] == ["mine"] * 5


def test_an_answer_that_drips_has_the_same_time_limit(connect: Any) -> None:
    def drips(peer: Peer) -> None:
        peer.request()
        for _ in range(1000):
            peer.sock.sendall(b"\x00")
            time.sleep(0.03)

    with FakeServer(drips) as fake:
        client = connect(fake.address, timeout=0.2, retry=ONCE)
        began = time.monotonic()
        with pytest.raises((KvTimeoutError, ProtocolError)):
            client.get("k")
        assert time.monotonic() - began < DEADLINE


def test_an_answer_in_pieces_is_put_together(connect: Any) -> None:
    def pieces(peer: Peer) -> None:
        peer.request()
        for byte in b"\x00\x00\x00\x00\x08\x04\x00\x00\x00\x03abc":
            peer.sock.sendall(bytes([byte]))
            time.sleep(0.002)
        peer.ended()

    with FakeServer(pieces) as fake:
        assert connect(fake.address).get("k") == "abc"


def test_a_read_is_sent_again_when_the_server_dies_in_between(connect: Any) -> None:
    with FakeServer(dies_at_a_request, dies_at_a_request, in_memory) as fake:
        client = connect(fake.address, retry=QUICK)
        assert client.get("k") is None and fake.connections == 3


def test_a_count_is_not_sent_again_when_it_may_have_been_carried_out(connect: Any) -> None:
    with FakeServer(dies_at_a_request, in_memory) as fake:
        client = connect(fake.address, retry=QUICK)
        with pytest.raises(KvConnectionError, match="ended the connection") as raised:
            client.incr("k")
        assert raised.value.outcome_unknown and fake.connections == 1
        with pytest.raises(KvError):
            client.incr("k")  # The script doesn't know it, but it is asked on a new connection.
        assert fake.connections == 2


def test_retries_end(connect: Any) -> None:
    with FakeServer(dies_at_a_request) as fake:
        client = connect(fake.address, retry=QUICK)
        with pytest.raises(KvConnectionError):
            client.get("k")
        assert fake.connections == 3


@pytest.mark.parametrize(
    "bytes_sent", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x07\x00\x00\x00\x00", b"\x00\x00\x00\x00\x01\x63"]
)
def test_nonsense_is_a_protocol_error(connect: Any, bytes_sent: bytes) -> None:
    def nonsense(peer: Peer) -> None:
        peer.request()
        peer.sock.sendall(bytes_sent)
        peer.ended()

    with FakeServer(nonsense) as fake:
        with pytest.raises(ProtocolError):
            connect(fake.address).get("k")


def test_what_is_pushed_is_passed_over(connect: Any) -> None:
    def pushes(peer: Peer) -> None:
        peer.request()
        peer.reply(0x10, b"news")
        peer.reply(0, b"\x08\x01")
        peer.ended()

    with FakeServer(pushes) as fake:
        assert connect(fake.address).get("k") is True


@pytest.mark.parametrize("early", [True, False])
def test_a_full_server_is_tried_again_for_every_command(connect: Any, early: bool) -> None:
    def busy(peer: Peer) -> None:
        if not early:
            peer.request()
        peer.reply(2, b"BUSY too many connections")
        peer.sock.shutdown(socket.SHUT_WR)
        peer.sock.settimeout(0.2)
        while peer.sock.recv(1000):
            pass

    def counts(peer: Peer) -> None:
        peer.request()
        peer.reply(0, (5).to_bytes(8, "big"))
        peer.ended()

    with FakeServer(busy, busy, counts) as fake:
        assert connect(fake.address, retry=QUICK).incr("k") == 5
    with FakeServer(busy) as fake:
        client = connect(fake.address, retry=QUICK)
        with pytest.raises(BusyError, match="BUSY"):
            client.incr("k")
        pipe = client.pipeline()
        getattr(pipe, "_target", pipe).incr("k")
        getattr(pipe, "_target", pipe).incr("l")
        with pytest.raises(BusyError) as raised:
            pipe.execute()
        assert not raised.value.outcome_unknown


def test_a_real_server_that_is_full_says_so() -> None:
    with LiveServer("--max-connections", "1") as live:
        with kv_client.sync.KvClient.connect(live.address) as first:
            assert first.ping() == "PONG"
            with kv_client.sync.KvClient.connect(live.address, retry=ONCE) as second, pytest.raises(BusyError):
                second.ping()


def test_a_server_that_restarts_is_found_again(connect: Any) -> None:
    live = LiveServer().start()
    try:
        client = connect(live.address)
        assert client.incr("n") == 1
        for kill in (False, True):
            live.stop(kill)
            with pytest.raises(KvConnectionError):
                client.get("n")
            live.start()
            assert client.incr("n") == 1, "a count too, since the end of the connection was known"
    finally:
        live.stop()


def test_a_connection_that_ended_while_it_was_idle_is_noticed_before_a_command_is_sent(connect: Any) -> None:
    ended = threading.Event()

    def answers_once(peer: Peer) -> None:
        peer.request()
        peer.reply(0, b"PONG")
        peer.sock.shutdown(socket.SHUT_RDWR)
        ended.set()

    def counts(peer: Peer) -> None:
        peer.request()
        peer.reply(0, (5).to_bytes(8, "big"))
        peer.ended()

    with FakeServer(answers_once, counts) as fake:
        client = connect(fake.address, retry=ONCE)
        assert client.ping() == "PONG" and ended.wait(DEADLINE)
        time.sleep(0.05)  # Until the end has travelled here; earlier it can't be known.
        if isinstance(client, Blocking):
            client._run_once()
        assert client.incr("n") == 5


def test_over_the_limit_of_a_payload(connect: Any) -> None:
    with LiveServer("--max-payload", "64KiB") as live:
        client = connect(live.address, retry=ONCE)
        for turn in range(10):
            with pytest.raises(TooLargeError):
                client.set("k", b"x" * 70_000)
            assert client.incr("n") == turn + 1, "on another connection, since the server closes this one"
        client.set("k", b"x" * 40_000)
        client.set("l", b"x" * 40_000)
        with pytest.raises(TooLargeError) as raised:
            client.mget(["k", "l"])
        assert isinstance(raised.value, ValueError) and client.ping() == "PONG"
        with pytest.raises((TooLargeError, KvConnectionError)):  # The server discards for a second, and then resets.
            client.set("k", b"x" * 30_000_000)


def test_behind_what_is_too_large_nothing_of_a_pipeline_is_carried_out(connect: Any) -> None:
    with LiveServer("--max-payload", "64KiB") as live:
        client = connect(live.address)
        pipe = client.pipeline()
        for value in (b"small", b"x" * 70_000, b"not stored"):
            getattr(pipe, "_target", pipe).set("k", value)
        results = pipe.execute(raise_on_error=False)
        assert results[0] is None and [type(each) for each in results[1:]] == [TooLargeError] * 2
        assert client.get("k") == b"small"


async def test_tasks_behind_what_is_too_large_are_served_on_another_connection() -> None:
    with LiveServer("--max-payload", "64KiB") as live:
        async with KvClient.connect(live.address) as client:
            large = client.set("k", b"x" * 70_000)
            calls = [client.incr("n") for _ in range(5)]
            results = await asyncio.gather(large, *calls, return_exceptions=True)
            assert isinstance(results[0], TooLargeError), results
            assert sorted(results[1:]) == [1, 2, 3, 4, 5], "each once, in the order in which they are tried again"


def test_large_values_travel_both_ways(connect: Any, address: str) -> None:
    client = connect(address)
    large = bytes(range(256)) * 40_000
    client.set("k", large)
    assert client.get("k") == large


def test_a_long_pipeline_is_read_while_it_is_written(connect: Any, address: str) -> None:
    client = connect(address)
    client.set("k", b"x" * 50_000)
    pipe = client.pipeline()
    for _ in range(400):
        getattr(pipe, "_target", pipe).get("k")
        getattr(pipe, "_target", pipe).set("l", b"y" * 50_000)
    results = pipe.execute()
    assert len(results) == 800 and all(len(value) == 50_000 for value in results[::2])


def test_a_closed_client_says_so(connect: Any, address: str) -> None:
    client = connect(address)
    client.close()
    with pytest.raises(ClosedError):
        client.get("k")
    client.close()


def test_closing_wakes_a_thread_that_waits() -> None:
    with FakeServer(stalls) as fake:
        client = kv_client.sync.KvClient.connect(fake.address, timeout=None)
        failed = threading.Event()

        def wait() -> None:
            with pytest.raises(ClosedError):
                client.get("k")
            failed.set()

        thread = threading.Thread(target=wait, daemon=True)
        thread.start()
        eventually(lambda: client._connection is not None and client._mutex.locked())
        while not failed.wait(0.01):
            client.close()
        thread.join(DEADLINE)


async def test_closing_wakes_a_task_that_waits() -> None:
    with FakeServer(stalls) as fake:
        client = await KvClient.connect(fake.address, timeout=None)
        task = asyncio.ensure_future(client.get("k"))
        await asyncio.sleep(0)
        await client.close()
        with pytest.raises(ClosedError):
            await task


async def test_all_who_wait_on_a_connection_hear_of_its_end() -> None:
    with FakeServer(dies_at_a_request) as fake:
        async with KvClient.connect(fake.address, retry=ONCE) as client:
            calls = [client.incr("k") for _ in range(5)]
            results = await asyncio.gather(*calls, return_exceptions=True)
            assert all(isinstance(result, KvConnectionError) for result in results)
            assert len({id(result) for result in results}) == 5, "each its own"


async def test_many_tasks_that_find_no_connection_make_one() -> None:
    with FakeServer(in_memory) as fake:
        async with KvClient.connect(fake.address) as client:
            assert client._connection is not None
            client._connection.close()
            assert await asyncio.gather(*[client.ping() for _ in range(20)]) == ["PONG"] * 20
            assert fake.connections == 2


def test_an_interrupted_call_does_not_leave_its_answer_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    with FakeServer(in_memory) as fake, kv_client.sync.KvClient.connect(fake.address) as client:
        client.set("k", 1)
        connection = client._connection
        assert connection is not None
        def interrupted(*_: Any) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(connection, "_receive", interrupted)
        with pytest.raises(KeyboardInterrupt):
            client.get("k")
        assert client.ping() == "PONG" and client._connection is not connection


def test_threads_may_share_a_client(address: str) -> None:
    with kv_client.sync.KvClient.connect(address) as client:

        def own(number: int) -> None:
            for turn in range(100):
                client.set(f"k{number}", [number, turn])
                assert client.get(f"k{number}") == [number, turn]

        run_threads(*[functools.partial(own, number) for number in range(4)])


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # A loop ends with its connection open.
async def test_a_client_moves_to_another_event_loop(address: str) -> None:
    client = await KvClient.connect(address)
    await client.set("k", 1)

    def elsewhere() -> object:
        return asyncio.run(client.get("k"))

    assert await asyncio.get_running_loop().run_in_executor(None, elsewhere) == 1
    assert await client.get("k") == 1
    await client.close()
    gc.collect()

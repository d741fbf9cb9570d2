"""Every method against a live server: clients and pools, blocking and not."""

from __future__ import annotations

import json
import math
from datetime import datetime, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any, Callable, List

import pytest

import kv_client
from kv_client import (
    InternalError,
    InvalidArgumentError,
    InvalidRequestError,
    KvError,
    LockedError,
    NumberOverflowError,
    ValueType,
    WrongTypeError,
)
from kv_client.sync import KvClient
from support import FakeServer, LiveServer, Peer

EVERY_TYPE = [None, True, 7, -0.5, Decimal("1.10"), "hé\0", b"\xff", [1, [2]], {"a": {"b": None}, "": 1}]


def test_ping_and_echo(commands: Any) -> None:
    assert commands.ping() == "PONG"
    assert commands.echo(b"\0\xff") == b"\0\xff"
    with pytest.raises(ValueError):
        commands.echo(b"")


def test_values_of_every_type_come_back(commands: Any) -> None:
    assert commands.get("k") is None
    for value in [*EVERY_TYPE, EVERY_TYPE]:
        assert commands.set("k", value) is None
        assert commands.get("k") == value
        assert type(commands.get("k")) is type(value)


def test_the_type_of_a_value(commands: Any) -> None:
    for value, kind in zip(EVERY_TYPE, [ValueType(byte) for byte in (0, 8, 1, 2, 3, 4, 5, 6, 7)]):
        commands.set("k", value)
        assert commands.type("k") is kind
    assert commands.type("absent") is None


def test_setnx_delete_exists(commands: Any) -> None:
    assert commands.setnx("k", 1) is True
    assert commands.setnx("k", 2) is False
    assert (commands.get("k"), commands.exists("k")) == (1, True)
    assert (commands.delete("k"), commands.delete("k"), commands.exists("k")) == (True, False, False)


def test_counting(commands: Any) -> None:
    assert [commands.incr("n"), commands.incr("n", 5), commands.decr("n"), commands.decr("n", -2)] == [1, 6, 5, 7]
    commands.set("n", 2**63 - 1)
    with pytest.raises(NumberOverflowError) as overflow:
        commands.incr("n")
    assert isinstance(overflow.value, OverflowError) and overflow.value.word == "OVERFLOW"
    commands.set("n", "text")
    with pytest.raises(WrongTypeError) as wrong:
        commands.incr("n")
    assert isinstance(wrong.value, TypeError) and isinstance(wrong.value, RuntimeError)
    with pytest.raises(TypeError):
        commands.incr("n", 1.5)
    with pytest.raises(TypeError):
        commands.incr("n", True)
    with pytest.raises(OverflowError):
        commands.incr("n", 2**63)


def test_adding(commands: Any) -> None:
    assert commands.add("d", Decimal("0.10")) == Decimal("0.10")
    assert str(commands.add("d", Decimal("0.2"))) == "0.30"
    assert commands.add("f", 1.5) == 1.5 and commands.add("f", -2.0) == -0.5
    assert commands.add("i", 3) == 3
    with pytest.raises(WrongTypeError):
        commands.add("i", 1.0)
    for delta in (True, "1", None):
        with pytest.raises(TypeError):
            commands.add("i", delta)


def test_compare_and_swap(commands: Any) -> None:
    result = commands.cas("k", 1, 2)
    assert not result and result.absent
    assert commands.cas("k", None, 1)
    swapped = commands.cas("k", 1, 2)
    assert swapped and swapped == (True, None, False)
    missed = commands.cas("k", 1, 3)
    assert not missed and missed.current == 2 and not missed.absent
    assert commands.cas("k", 2, 3, ttl=100) and 90 < commands.ttl("k") <= 100
    assert commands.cas("k", 3, None) and not commands.cas("k", 1, 1) and commands.cas("k", None, 4)


def test_swap_and_take(commands: Any) -> None:
    assert commands.swap("k", 1) is None
    assert commands.swap("k", [2], ttl=60) == 1
    assert commands.take("k") == [2] and commands.take("k") is None


def test_many_keys_at_once(commands: Any) -> None:
    commands.mset([("a", 1), ("b", "two")])
    commands.mset({"c": None}, ttl=60)
    assert commands.mget(["a", "nope", "b", "a", "c"]) == [1, None, "two", 1, None]
    assert commands.mexists(["a", "nope", "c"]) == [True, False, True]
    assert 50 < commands.ttl("c") <= 60
    assert commands.mdel(iter(["a", "b", "b", "nope"])) == 2
    commands.mset([])
    assert (commands.mget([]), commands.mexists([]), commands.mdel([])) == ([], [], 0)
    for call in (commands.mget, commands.mdel, commands.mexists):
        with pytest.raises(ValueError, match="65535"):
            call(["k"] * 65536)
        with pytest.raises(TypeError, match="a list of keys"):
            call("key")


def test_expiry(commands: Any) -> None:
    commands.set("k", 1)
    assert commands.ttl("k") == math.inf and commands.ttl("absent") is None
    assert commands.expire("k", 60) and not commands.expire("absent", 60)
    assert 50 < commands.ttl("k") <= 60
    assert commands.persist("k") and not commands.persist("k")
    with pytest.raises(TypeError, match="persist"):
        commands.expire("k", None)
    assert commands.expire("k", 0) and not commands.exists("k")
    commands.set("k", 1, ttl=0.0001)  # rounded up to a millisecond, not down to for ever
    left = commands.ttl("k")
    assert left is None or left <= 0.001
    commands.set("k", 1, 0)
    assert commands.ttl("k") == math.inf


@pytest.mark.parametrize("ttl", [-1, -0.001, math.nan, math.inf, 2.0**64])
def test_a_ttl_that_makes_no_sense_is_a_value_error(commands: Any, ttl: float) -> None:
    calls: List[Callable[[], Any]] = [
        lambda: commands.set("k", 1, ttl),
        lambda: commands.setnx("k", 1, ttl),
        lambda: commands.mset([("k", 1)], ttl),
        lambda: commands.swap("k", 1, ttl),
        lambda: commands.cas("k", None, 1, ttl),
        lambda: commands.expire("k", ttl),
        lambda: commands.lock("k", "me", ttl),
        lambda: commands.extend_lock("k", "me", ttl),
        lambda: commands.acquire("k", "me", 30, ttl),
    ]
    for call in calls:
        with pytest.raises(ValueError):
            call()
    assert not commands.exists("k")


def test_what_the_server_refuses_has_its_class(commands: Any) -> None:
    with pytest.raises(InvalidArgumentError) as raised:
        commands.set("k", 1, 10.0**15)
    assert raised.value.word == "ARGUMENT" and isinstance(raised.value, (KvError, ValueError))
    assert str(raised.value).startswith("ARGUMENT ")
    with pytest.raises(InvalidArgumentError):
        commands.acquire("k", "me", wait=86_401)
    with pytest.raises(InvalidRequestError):
        commands.info("weather")
    assert commands.ping() == "PONG"


def test_keys_that_can_not_be_are_refused_before_they_are_sent(commands: Any) -> None:
    for key in ("", "k" * 65536, "\ud800"):
        with pytest.raises(ValueError):
            commands.get(key)
    for other in (b"bytes", 1, None):
        with pytest.raises(TypeError, match="a key is a string"):
            commands.get(other)
    with pytest.raises(TypeError):
        commands.set("k", object())
    with pytest.raises(ValueError):
        commands.lock("k", "")


def test_what_can_not_be_sent_is_not_sent(connect: Any) -> None:
    sent: List[int] = []

    def script(peer: Peer) -> None:
        while True:
            sent.append(peer.request()[0])
            peer.reply(0, b"PONG")

    with FakeServer(script) as fake:
        client = connect(fake.address)
        refused: List[Callable[[], Any]] = [
            lambda: client.set("k", 2**63),
            lambda: client.set("k", {1: "one"}),
            lambda: client.set("k", [1, {2}]),
            lambda: client.set("k", "\ud800"),
            lambda: client.set("k", Decimal("NaN")),
            lambda: client.mset([("a", 1), ("b", object())]),
            lambda: client.mget("k"),
            lambda: client.incr("k", -(2**63) - 1),
            lambda: client.incr("k", True),
            lambda: client.incr("k", 1.0),
            lambda: client.add("k", "1"),
            lambda: client.set("k", 1, -1),
            lambda: client.set("k", 1, "60"),
            lambda: client.expire("k", None),
            lambda: client.lock("k", b"owner"),
            lambda: client.scan(count=-1),
        ]
        for number, call in enumerate(refused):
            with pytest.raises((TypeError, ValueError, OverflowError)) as raised:
                call()
            assert not isinstance(raised.value, KvError), number
        assert client.ping() == "PONG" and sent == [0x08]


def test_locks(commands: Any) -> None:
    assert commands.lock("l", "me") is True
    assert commands.lock("l", "me") is False, "not re-entrant"
    assert commands.get("l") == "me" and 20 < commands.ttl("l") <= 30
    assert commands.extend_lock("l", "me", ttl=60) is True and commands.ttl("l") > 50
    for call in (commands.unlock, commands.extend_lock):
        with pytest.raises(LockedError) as raised:
            call("l", "you")
        assert isinstance(raised.value, RuntimeError)
    assert commands.unlock("l", "me") is True
    assert commands.unlock("l", "me") is False and commands.extend_lock("l", "me") is False
    commands.set("plain", 1)
    with pytest.raises(WrongTypeError):
        commands.unlock("plain", "me")


def test_acquire_gives_growing_tokens(commands: Any) -> None:
    first = commands.acquire("l", "me", ttl=20)
    assert first and first.token > 1_700_000_000_000 * 65536
    second = commands.acquire("l", "you")
    assert not second and second.token is None and 10 < second.remaining <= 20
    commands.unlock("l", "me")
    assert commands.acquire("l", "you", wait=1).token > first.token
    commands.set("for ever", 1)
    assert commands.acquire("for ever", "me", wait=0.01).remaining == math.inf


def test_scanning_stays_in_the_namespace(commands: Any) -> None:
    names = {f"user:{number}" for number in range(250)}
    commands.mset([(name, 1) for name in names | {"other", "[x]*"}])
    assert set(commands.scan_iter()) == names | {"other", "[x]*"}
    assert set(commands.scan_iter("user:*", count=10)) == names
    assert set(commands.scan_iter("user:[0-1]")) == {"user:0", "user:1"}
    assert list(commands.scan_iter(r"\[x\]\*")) == ["[x]*"]
    page = commands.scan()
    found = set(page.keys)
    while page.cursor != 0:
        page = commands.scan(page.cursor, count=10)
        found.update(page.keys)
    assert found == names | {"other", "[x]*"}


def test_a_namespace_is_taken_literally_and_flushed_alone(server: LiveServer, address: str) -> None:
    with KvClient.connect(server.address) as plain, KvClient.connect(f"{address}/[a]*?\\/b") as strange:
        assert plain.namespace is None
        assert strange.namespace == f"{address.split('/', 1)[1]}/[a]*?\\/b"
        strange.mset([("k", 1), ("l", 2)])
        assert plain.get(f"{strange.namespace}:k") == 1
        lookalike = f"{strange.namespace}:k".replace("[a]", "a")
        plain.set(lookalike, 1)
        assert sorted(strange.scan_iter()) == ["k", "l"]
        assert strange.flush() == 2
        assert plain.take(lookalike) == 1
    with KvClient.connect(f"{server.address}/") as none:
        assert none.namespace is None


def test_a_namespace_counts_to_the_length_of_a_key(server: LiveServer) -> None:
    with KvClient.connect(f"{server.address}/ns") as client:
        client.set("k" * 65532, 1, ttl=1)
        with pytest.raises(ValueError, match="namespace included"):
            client.get("k" * 65533)


def test_flush_without_a_namespace_deletes_everything(tmp_path: Path) -> None:
    with LiveServer() as live, KvClient.connect(live.address) as client:
        client.mset([("a", 1), ("b:c", 2)])
        assert client.flush() == 2 and client.flush() == 0


def test_nobody_in_particular_is_the_default_user(commands: Any) -> None:
    assert commands.whoami() == "default"


def test_info_is_json(commands: Any) -> None:
    assert json.loads(commands.info())["shards"] > 0
    assert "connected" in json.loads(commands.info("clients"))


def test_snapshots_and_backups(tmp_path: Path) -> None:
    with LiveServer("--data-dir", str(tmp_path / "data")) as live, KvClient.connect(live.address) as client:
        client.set("k", 1)
        assert client.lastsave() is None
        before = datetime.now(timezone.utc)
        taken = client.snapshot()
        assert taken is not None and abs((taken - before).total_seconds()) < 60
        assert client.lastsave() == taken
        assert client.snapshot(wait=False) is None
        assert client.backup(str(tmp_path / "backup")) is not None
        assert any((tmp_path / "backup").iterdir())


def test_snapshots_need_a_data_directory(commands: Any) -> None:
    with pytest.raises(InternalError):
        commands.snapshot()
    with pytest.raises(InvalidArgumentError):
        commands.backup("relative")
    assert commands.lastsave() is None


def test_everything_that_is_promised_is_exported() -> None:
    for package in (kv_client, kv_client.sync):
        for name in package.__all__:
            assert hasattr(package, name)
    assert set(kv_client.__all__) == set(kv_client.sync.__all__)

"""Addresses, URLs, time limits, and what is rounded how."""

from __future__ import annotations

import ssl
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kv_client import KvConnectionError, KvTimeoutError, PoolConfig, Retry
from kv_client._arguments import milliseconds
from kv_client._options import parse


@pytest.mark.parametrize(
    "address, host, port, namespace",
    [
        ("127.0.0.1:6380", "127.0.0.1", 6380, ""),
        ("db:7000/shop", "db", 7000, "shop"),
        ("db:7000/shop/eu%20", "db", 7000, "shop/eu%20"),
        ("db:7000/", "db", 7000, ""),
        ("db", "db", 6380, ""),
        ("db/ns", "db", 6380, "ns"),
        ("[::1]:7000/ns", "::1", 7000, "ns"),
        ("[::1]", "::1", 6380, ""),
        ("kv://db:7000/shop%2Feu", "db", 7000, "shop/eu"),
        ("kv://db", "db", 6380, ""),
        ("kv://[::1]:7000/a/b", "::1", 7000, "a/b"),
    ],
)
def test_an_address_has_host_port_and_namespace(address: str, host: str, port: int, namespace: str) -> None:
    options = parse(address)
    assert (options.host, options.port, options.namespace) == (host, port, namespace)
    assert options.prefix == (namespace.encode() + b":" if namespace else b"")


@pytest.mark.parametrize(
    "address",
    ["", ":6380", "db:port", "db:99999", "db:-1", "db:١", "redis://db", "kv://", "kv://db:x", "kv://db?what=1"]
    + ["kv://db/a#b", "kv://[db", "kv://db?timeout", "kv://db?timeout=0", "kv://db?connect_timeout=soon", "a:b@db"],
)
def test_what_is_no_address_is_a_value_error(address: str) -> None:
    with pytest.raises(ValueError):
        parse(address)


@pytest.mark.parametrize("limit", [0, -1, float("nan")])
def test_a_time_limit_is_above_0(limit: float) -> None:
    with pytest.raises(ValueError, match="above 0 seconds"):
        parse("db", timeout=limit)
    with pytest.raises(ValueError, match="above 0 seconds"):
        parse("db", connect_timeout=limit)
    assert parse("db", timeout=None, connect_timeout=None).timeout is None


@pytest.mark.parametrize(
    "address", ["{}@db", "kv://{}@", "kv://{}@db:x", "kv://{}@db?x", "kv://{}℀@db", "redis://{}@db"]
)
@pytest.mark.parametrize("login", ["ann:s3cret", "ann:s3/cret", "ann:12?cret", "ann:12#cret"])
def test_what_is_no_address_is_not_shown_where_it_may_have_a_password(address: str, login: str) -> None:
    with pytest.raises(ValueError) as raised:
        parse(address.format(login))
    assert "s3" not in str(raised.value) and "cret" not in str(raised.value)


def test_a_url_has_user_password_and_settings() -> None:
    options = parse("kv://us%40er:p%3Aw@db:1/ns?timeout=0.5&connect_timeout=2")
    assert (options.user, options.password) == ("us@er", "p:w")
    assert (options.timeout, options.connect_timeout, options.tls) == (0.5, 2.0, None)
    assert parse("kv://:secret@db").user == "" and parse("kv://:secret@db").password == "secret"
    assert parse("kv://db").password is None
    assert parse("kv://a:b@db", user="c", password="d").user == "c"
    assert "p:w" not in repr(options)


def test_kvs_checks_certificates() -> None:
    context = parse("kvs://db").tls
    assert context is not None and context.check_hostname and context.verify_mode == ssl.CERT_REQUIRED
    own = ssl.create_default_context()
    assert parse("kvs://db", tls=own).tls is own and parse("db", tls=own).tls is own
    assert parse("db", tls=True).tls is not None
    with pytest.raises(ValueError, match="kvs"):
        parse("kv://db?ca=/x")


def test_a_pool_checks_its_sizes() -> None:
    for sizes in ({"min_size": 3, "max_size": 2}, {"max_size": 0}, {"min_size": -1}):
        with pytest.raises(ValueError):
            PoolConfig("db", **sizes)  # type: ignore[arg-type]
    with pytest.raises(ValueError):
        PoolConfig("db", idle_timeout=-1)
    config = PoolConfig("db:1/ns", password="secret")
    assert (config.addr, config.min_size, config.max_size) == ("db:1/ns", 2, 10)
    assert (config.idle_timeout, config.acquire_timeout) == (300.0, 5.0)
    assert "secret" not in repr(config)


@given(st.floats(min_value=0.001, max_value=1e9))
def test_a_ttl_is_rounded_up_to_a_millisecond(seconds: float) -> None:
    exact = Decimal(seconds) * 1000
    assert milliseconds(seconds) >= exact - Decimal("0.000001")
    assert milliseconds(seconds) - exact < 1 + Decimal("0.000001")


@given(st.integers(0, 10**13))
def test_whole_milliseconds_stay_what_they_are(ms: int) -> None:
    assert milliseconds(ms / 1000) == ms


def test_the_ends_of_a_ttl() -> None:
    assert milliseconds(None) == 0 and milliseconds(0) == 0 and milliseconds(0.0) == 0
    assert milliseconds(1e-12) == 1 and milliseconds(0.0011) == 2 and milliseconds(16.1) == 16100
    with pytest.raises(TypeError):
        milliseconds(True)
    with pytest.raises(TypeError):
        milliseconds("1")  # type: ignore[arg-type]


def test_retries_are_for_what_can_be_sent_twice() -> None:
    retry = Retry(attempts=3, base=0.1, cap=0.3)
    unsent, sent = KvConnectionError("x"), KvConnectionError("x")
    sent.outcome_unknown = True
    assert retry.tries_again(unsent, False, 1) and retry.tries_again(sent, True, 2)
    assert not retry.tries_again(sent, False, 1), "it may have been carried out"
    assert not retry.tries_again(unsent, True, 3), "often enough"
    assert not retry.tries_again(KvTimeoutError("x"), True, 1), "the caller has waited long enough"
    delays = [retry.delay(attempt) for attempt in range(1, 9) for _ in range(50)]
    assert all(0 <= delay <= 0.3 for delay in delays) and len(set(delays)) > 100

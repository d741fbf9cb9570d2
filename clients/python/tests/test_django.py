"""The cache backend, through Django's own cache framework."""

from __future__ import annotations

from typing import Any, Iterator

import django
import pytest
from django.conf import settings as django_settings

if not django_settings.configured:
    django_settings.configure(CACHES={"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}})
    django.setup()

from django.core.cache import CacheKeyWarning, caches
from django.core.cache.backends.base import InvalidCacheBackendError
from django.test.utils import override_settings

import kv_client.sync
from kv_client.contrib import _shared_pool
from support import eventually, run_threads

# What is asked here are the promises of Django's documentation for every backend.


@pytest.fixture
def location(address: str) -> Iterator[str]:
    yield address
    for pool in _shared_pool._pools.values():
        pool.close()


@pytest.fixture
def cache(location: str) -> Iterator[Any]:
    options = {"max_size": 4}
    backend: Any = {"BACKEND": "kv_client.contrib.django.KvCache", "LOCATION": location, "OPTIONS": options}
    configured = {
        "default": backend,
        "prefixed": {**backend, "KEY_PREFIX": "p"},
        "second": {**backend, "VERSION": 2},
        "never": {**backend, "TIMEOUT": None},
    }
    with override_settings(CACHES=configured):
        yield caches["default"]


def test_values_come_back(cache: Any) -> None:
    for value in [1, 0, -(2**70), True, None, 1.5, "é", b"\xff", [1, {"a": (2, 3)}], {1: 2}, {3}, range(3)]:
        cache.set("k", value)
        assert cache.get("k", "default") == value and type(cache.get("k")) is type(value)
    assert cache.get("absent") is None and cache.get("absent", "default") == "default"
    assert "k" in cache and "absent" not in cache and cache.has_key("k")


def test_add_sets_only_what_is_absent(cache: Any) -> None:
    assert cache.add("k", 1) is True and cache.add("k", 2) is False and cache.get("k") == 1


def test_delete_says_whether_it_was_there(cache: Any) -> None:
    cache.set("k", 1)
    assert cache.delete("k") is True and cache.delete("k") is False


def test_incr_and_decr(cache: Any) -> None:
    cache.set("n", 41, timeout=100)
    assert [cache.incr("n"), cache.incr("n", 10), cache.decr("n", 2), cache.incr("n", -50)] == [42, 52, 50, 0]
    assert cache.get("n") == 0
    for call in (cache.incr, cache.decr):
        with pytest.raises(ValueError, match="not found"):
            call("absent")
    cache.set("f", 1.5)
    assert cache.incr("f") == 2.5
    cache.set("n", 2**63 - 1)
    assert cache.incr("n") == 2**63 and cache.incr("n") == 2**63 + 1


def test_incr_is_atomic_and_keeps_the_expiry(cache: Any) -> None:
    cache.set("n", 0, timeout=100)
    run_threads(*[lambda: [caches["default"].incr("n") for _ in range(50)] for _ in range(4)])
    assert cache.get("n") == 200
    assert 90 < (cache._pool.ttl(cache.make_key("n")) or 0) <= 100


def test_many_at_once(cache: Any) -> None:
    assert cache.set_many({f"k{number}": number for number in range(2500)}, timeout=60) == []
    assert cache.get_many([f"k{number}" for number in range(2500)] + ["no"]) == {f"k{n}": n for n in range(2500)}
    cache.delete_many(["k0", "k1", "no"])
    assert cache.get_many(["k0", "k1", "k2"]) == {"k2": 2}
    assert cache.get_many([]) == {} and cache.set_many({}) == []
    cache.set_many({"k2": 1}, timeout=0)
    assert "k2" not in cache
    cache.set("none", None)
    assert cache.get_many(["none"]) == {"none": None}


def test_timeouts(cache: Any) -> None:
    def left(key: str) -> Any:
        return cache._pool.ttl(cache.make_key(key))

    cache.set("default", 1)
    cache.set("never", 1, timeout=None)
    cache.set("brief", 1, timeout=0.05)
    assert 290 < left("default") <= 300 and left("never") == float("inf")
    eventually(lambda: cache.get("brief") is None)
    for timeout in (0, -1):
        cache.set("k", 1)
        cache.set("k", 2, timeout=timeout)
        assert cache.get("k") is None and cache.add("k", 1, timeout=timeout) and "k" not in cache
    caches["never"].set("k", 1)
    assert left("k") == float("inf")


def test_touch(cache: Any) -> None:
    cache.set("k", 1, timeout=10)
    assert cache.touch("k", 100) and 90 < cache._pool.ttl(cache.make_key("k")) <= 100
    assert cache.touch("k") and cache._pool.ttl(cache.make_key("k")) > 200
    assert cache.touch("k", None) and cache._pool.ttl(cache.make_key("k")) == float("inf")
    assert cache.touch("k", None), "though there was no expiry to take away"
    assert not cache.touch("absent") and not cache.touch("absent", None)
    assert cache.touch("k", 0) and "k" not in cache


def test_versions(cache: Any) -> None:
    cache.set("k", "one")
    cache.set("k", "two", version=2)
    second = caches["second"]
    assert (cache.get("k"), cache.get("k", version=2), second.get("k")) == ("one", "two", "two")
    assert second.get("k", version=1) == "one"
    cache.delete("k", version=2)
    assert cache.incr_version("k") == 2
    assert cache.get("k") is None and second.get("k") == "one"
    assert second.decr_version("k") == 1 and cache.get("k") == "one"
    with pytest.raises(ValueError):
        cache.incr_version("absent")


def test_prefixes(cache: Any) -> None:
    prefixed = caches["prefixed"]
    prefixed.set("k", 1)
    assert cache.get("k") is None and prefixed.get("k") == 1
    assert cache._pool.get("p:1:k") == 1


def test_get_or_set(cache: Any) -> None:
    assert cache.get_or_set("k", lambda: 7) == 7 and cache.get_or_set("k", 8) == 7
    assert cache.get_or_set("none", None) is None


def test_clear_clears_the_namespace_alone(cache: Any, location: str) -> None:
    with kv_client.sync.KvClient.connect(location.split("/")[0]) as client:
        client.set("elsewhere", 1)
        cache.set_many({"a": 1, "b": 2})
        cache.clear()
        assert cache.get_many(["a", "b"]) == {} and client.take("elsewhere") == 1


def test_delete_pattern(cache: Any) -> None:
    cache.set_many({"user:1": 1, "user:2": 2, "item:1": 3})
    cache.set("user:3", 3, version=2)
    assert cache.delete_pattern("user:*") == 2
    assert cache.get_many(["user:1", "item:1"]) == {"item:1": 3} and cache.get("user:3", version=2) == 3


def test_locks(cache: Any) -> None:
    with cache.lock("job") as acquired:
        assert acquired
        with cache.lock("job", wait=0.01) as second:
            assert not second
    turns = []

    def work() -> None:
        with caches["default"].lock("job", wait=20) as mine:
            turns.append(mine)

    run_threads(*[work for _ in range(5)])
    assert turns == [True] * 5


def test_all_threads_share_one_pool(cache: Any) -> None:
    pools = run_threads(*[lambda: caches["default"]._pool for _ in range(4)])
    assert all(pool is cache._pool for pool in pools)
    run_threads(*[lambda: [caches["default"].set("k", 1) for _ in range(30)] for _ in range(8)])
    assert cache._pool.stats().idle <= 4


def test_a_key_that_others_would_not_take_is_warned_of(cache: Any) -> None:
    with pytest.warns(CacheKeyWarning):
        cache.set("with blank", 1)


def test_wrong_settings_are_refused(location: str) -> None:
    for options in ({"max_size": 0}, {"no_such_option": 1}):
        backend = {"BACKEND": "kv_client.contrib.django.KvCache", "LOCATION": location, "OPTIONS": options}
        with override_settings(CACHES={"default": backend}):
            with pytest.raises((ValueError, TypeError, InvalidCacheBackendError)):
                caches["default"]

"""The cache for cachelib, and the examples of sessions under Flask and under a bare ASGI application."""

from __future__ import annotations

import asyncio
from typing import Any, Dict, Iterator, List, Tuple

import pytest
from flask import Flask, request

import asgi_sessions
import kv_client.sync
import wsgi_sessions
from kv_client.contrib.cachelib import KvCache
from support import eventually, run_threads


@pytest.fixture
def cache(address: str) -> Iterator[KvCache]:
    found = KvCache(address, default_timeout=100, max_size=3)
    yield found
    found.close()


def test_a_cache_keeps_what_it_is_given(cache: KvCache) -> None:
    for value in [1, True, 2**70, "é", b"\xff", [1, (2,)], {"a": {3}}, 1.5]:
        assert cache.set("k", value) is True and cache.get("k") == value
    assert cache.get("absent") is None and cache.has("k") and not cache.has("absent")
    assert cache.add("k", 1) is False and cache.add("new", 1) is True
    assert cache.delete("k") is True and cache.delete("k") is False


def test_a_cache_works_on_many_keys(cache: KvCache) -> None:
    assert cache.set_many({"a": 1, "b": "two"}) == ["a", "b"]
    assert cache.get_many("a", "no", "b") == [1, None, "two"] and cache.get_dict("a", "no") == {"a": 1, "no": None}
    assert cache.delete_many("a", "no", "b") == ["a", "b"]
    cache.set("k", 1)
    assert cache.clear() is True and not cache.has("k")


def test_a_cache_has_timeouts(cache: KvCache) -> None:
    cache.set("default", 1)
    cache.set("never", 1, timeout=0)
    cache.set("own", 1, timeout=10)
    left = [cache._pool.ttl(key) or 0 for key in ("default", "never", "own")]
    assert 90 < left[0] <= 100 and left[1] == float("inf") and 0 < left[2] <= 10


def test_a_cache_counts_atomically(cache: KvCache) -> None:
    run_threads(*[lambda: [cache.inc("n", 2) for _ in range(50)] for _ in range(4)])
    assert cache.get("n") == 400 and cache.dec("n", 400) == 0
    cache.set("text", "x")
    assert cache.inc("text") is None and cache.dec("text") is None


def flask_app(pool: kv_client.sync.KvPool, lifetime: float) -> Flask:
    app = Flask("shop")

    def visit() -> Dict[str, Any]:
        session = request.environ["kv.session"]
        session["visits"] = session.get("visits", 0) + 1
        return dict(session)

    def leave() -> str:
        request.environ["kv.session"].clear()
        return "bye"

    app.add_url_rule("/visit", view_func=visit)
    app.add_url_rule("/leave", view_func=leave)
    app.wsgi_app = wsgi_sessions.Sessions(app.wsgi_app, pool, lifetime)
    return app


def test_flask_has_sessions(address: str) -> None:
    with kv_client.sync.KvPool.connect(kv_client.sync.PoolConfig(address, min_size=0)) as pool:
        app = flask_app(pool, 60)
        ann, bob = app.test_client(), app.test_client()
        assert [ann.get("/visit").json["visits"] for _ in range(3)] == [1, 2, 3]
        assert bob.get("/visit").json == {"visits": 1}
        (first, second) = pool.scan_iter()
        assert pool.get(first) != pool.get(second)
        ann.get("/leave")
        assert len(list(pool.scan_iter())) == 1 and ann.get("/visit").json == {"visits": 1}
        brief = flask_app(pool, 0.05).test_client()
        assert brief.get("/visit").json == {"visits": 1}
        eventually(lambda: len(list(pool.scan_iter())) == 2, "the end of a session")
        assert brief.get("/visit").json == {"visits": 1} and bob.get("/visit").json == {"visits": 2}
        stranger = app.test_client()
        stranger.set_cookie("localhost", "session", "chosen-by-somebody")
        stranger.get("/visit")
        assert "chosen-by-somebody" not in pool.scan_iter(), "a name is never taken from a visitor"


async def visit(scope: Any, receive: Any, send: Any) -> None:
    """An application that counts visits."""
    scope["session"]["visits"] = scope["session"].get("visits", 0) + 1
    body = str(scope["session"]["visits"]).encode()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})


async def answer(app: Any, cookie: bytes) -> Tuple[bytes, bytes]:
    """Body and cookie of what `app` answers to somebody with this cookie."""
    sent: List[Any] = []

    async def receive() -> Dict[str, Any]:
        return {"type": "http.request", "body": b""}

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"cookie", cookie)] if cookie else []
    await app({"type": "http", "headers": headers, "method": "GET", "path": "/"}, receive, send)
    return sent[1]["body"], dict(sent[0]["headers"])[b"set-cookie"].split(b";")[0]


async def test_an_asgi_application_has_sessions(address: str) -> None:
    app = asgi_sessions.Sessions(visit, address)
    body, cookie = await answer(app, b"")
    assert body == b"1"
    assert await answer(app, cookie) == (b"2", cookie)
    assert await answer(app, b"other=1; " + cookie) == (b"3", cookie)
    results = await asyncio.gather(*[answer(app, b"") for _ in range(20)])
    assert [body for body, _ in results] == [b"1"] * 20 and len({cookie for _, cookie in results}) == 20
    await app.close()

"""Fixtures: one server for all tests, a namespace for each, and a client or pool of every kind."""

from __future__ import annotations

import asyncio
import inspect
import itertools
from typing import Any, Iterator, List, Optional

import pytest
from hypothesis import settings

import kv_client
import kv_client.sync
from support import Blocking, LiveServer

# Always the same examples, so that a failure comes back; `--hypothesis-seed` and another profile bring others.
settings.register_profile("usual", deadline=None, derandomize=True, max_examples=60, database=None)
settings.register_profile("long", deadline=None, max_examples=2000, database=None, print_blob=True)
settings.load_profile("usual")

_numbers = itertools.count(1)


@pytest.hookimpl(tryfirst=True)  # type: ignore[misc]
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Optional[bool]:
    """A test that is a coroutine function runs in an event loop of its own."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    arguments = {name: pyfuncitem.funcargs[name] for name in inspect.signature(pyfuncitem.obj).parameters}
    asyncio.run(asyncio.wait_for(pyfuncitem.obj(**arguments), 60))
    return True


@pytest.fixture(scope="session")
def server() -> Iterator[LiveServer]:
    with LiveServer() as live:
        yield live


@pytest.fixture
def address(server: LiveServer) -> str:
    """The server's address with a namespace that no other test has."""
    return f"{server.address}/test-{next(_numbers)}"


@pytest.fixture(params=["client", "pool", "async client", "async pool"])
def commands(request: pytest.FixtureRequest, address: str) -> Iterator[Any]:
    """A client or pool, called without await."""
    package: Any = kv_client if request.param.startswith("async") else kv_client.sync
    if request.param.endswith("pool"):
        opening = package.KvPool.connect(package.PoolConfig(address, min_size=1, max_size=3))
    else:
        opening = package.KvClient.connect(address)
    if package is kv_client.sync:
        with opening as blocking:
            yield blocking
        return
    loop = asyncio.new_event_loop()
    face = Blocking(loop.run_until_complete(_opened(opening)), loop)
    yield face
    face.close()
    loop.close()


async def _opened(opening: Any) -> Any:
    return await opening


@pytest.fixture(params=["blocking", "async"])
def connect(request: pytest.FixtureRequest) -> Iterator[Any]:
    """A function that connects a client, called without await, with the arguments of `KvClient.connect`."""
    loop = asyncio.new_event_loop() if request.param == "async" else None
    faces: List[Any] = []

    def opened(*args: Any, **kwargs: Any) -> Any:
        if loop is None:
            faces.append(kv_client.sync.KvClient.connect(*args, **kwargs))
        else:
            opening = kv_client.KvClient.connect(*args, **kwargs)
            faces.append(Blocking(loop.run_until_complete(_opened(opening)), loop))
        return faces[-1]

    yield opened
    for face in faces:
        face.close()
    if loop is not None:
        loop.close()

"""A decorator that keeps what a function returns, and lets one caller at a time compute it."""

from __future__ import annotations

import functools
from typing import Any, Awaitable, Callable, Optional, TypeVar, Union, cast

from ._freshness import LOCK_TTL, Found, default_key, unwrap, wrap
from ._lock import Lock
from ._commands import Commands
from .errors import KvError

Function = TypeVar("Function", bound=Callable[..., Awaitable[Any]])
Source = Union[Commands, Callable[[], Commands]]


def cached(
    ttl: float,
    stale: float = 0.0,
    *,
    client: Source,
    key: Optional[Callable[..., str]] = None,
    wait: float = 30.0,
) -> Callable[[Function], Function]:
    """Keeps what the decorated function returns on the server, for `ttl` seconds.

        @cached(60, stale=300, client=pool)
        async def report(day: str) -> dict[str, int]: ...

    Where nothing is kept, one caller computes and all others, in all processes, wait for it up to `wait` seconds (and
    compute themselves then). For `stale` seconds more a value is kept that is not fresh any more: one caller computes
    it anew, and the others get the old one meanwhile. An exception isn't kept; the next caller computes.

    `client` is a client or pool, or a function that returns one. `key` makes a key of the arguments; without it they
    are to be values of the protocol. The function is to return what the protocol can store; the decorated one returns
    it as it comes back from there. Raises ValueError for a `ttl` of 0 or less.
    """
    if ttl <= 0 or stale < 0:
        raise ValueError("a ttl is more than 0 seconds, and stale 0 or more")

    def decorate(function: Function) -> Function:
        @functools.wraps(function)
        async def wrapper(*args: Any, **kwargs: Any) -> Any:
            commands = client if isinstance(client, Commands) else client()
            name = key(*args, **kwargs) if key else default_key(function, args, kwargs)
            found = await _find(commands, name, stale)
            if found is not None and found.fresh:
                return found.value
            lock = Lock(commands, f"{name}:lock", ttl=LOCK_TTL, wait=0.0 if found else wait, auto_renew=True)
            first = await lock.acquire()
            if found is not None and not first:
                return found.value
            try:
                again = await _find(commands, name, stale)
                if again is not None and again.fresh:
                    return again.value
                value = await function(*args, **kwargs)
                await commands.set(name, wrap(value), ttl + stale)
                return value
            finally:
                if first:
                    await _let_go(lock)

        return cast(Function, wrapper)

    return decorate


async def _let_go(lock: Lock) -> None:
    try:
        await lock.release()
    except KvError:
        pass  # It ran out, or does so soon; what was computed is good all the same.


async def _find(commands: Commands, name: str, stale: float) -> Optional[Found]:
    async with commands.pipeline() as pipe:
        stored = pipe.get(name)
        left = pipe.ttl(name)
    return unwrap(stored.result(), left.result(), stale)

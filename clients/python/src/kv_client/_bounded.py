"""A bounded number of connections of an event loop, each of which one call at a time has to itself.

1. `_size` counts connections that are idle, in use, or about to be made; it is never over `max_size`.
2. Somebody waits only where `_size` is `max_size` and nothing is idle. Whoever gives a connection back, or the place of
   one that ended, hands it to the first who waits; so nobody overtakes.
3. What was handed to a waiter that is cancelled in the same moment goes on to the next.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any, Awaitable, Callable, Deque, List, Optional
from weakref import ref

from ._connection import Connection
from ._pool_config import CHECK_AFTER, Bounds, PoolStats
from ._requests import Request, ping
from ._wire import Reply
from .errors import ClosedError, KvConnectionError, PoolTimeoutError

Turn = Optional[Connection]
"""What a waiter gets: a connection, or None for the right to make one."""


class BoundedConnections:
    """Hands connections out, makes them where there may be more, and closes those that nobody uses for long."""

    def __init__(self, open_connection: Callable[[], Awaitable[Connection]], bounds: Bounds) -> None:
        self._open_connection = open_connection
        self._bounds = bounds
        self._loop: Optional[asyncio.AbstractEventLoop] = None
        self._idle: Deque[Connection] = deque()
        self._size = 0
        self._waiters: Deque["asyncio.Future[Turn]"] = deque()
        self._closed = False

    def stats(self) -> PoolStats:
        """How many are idle and in use."""
        dead = sum(1 for connection in self._idle if not connection.usable)
        return PoolStats(len(self._idle) - dead, self._size - len(self._idle), self._bounds.max_size)

    async def fill(self) -> None:
        """Makes `min_size` connections, or raises what prevents it."""
        taken: List[Connection] = []
        try:
            for _ in range(self._bounds.min_size):
                taken.append(await self._take())
        finally:
            for connection in taken:
                self._give(connection)

    async def exchange(self, many: List[Request[Any]], wait: float = 0.0) -> List[Reply]:
        """Sends `many` on a connection that nobody else uses meanwhile, and returns the replies.

        Raises PoolTimeoutError where none is free within `acquire_timeout`, and what connecting and exchanging raise.
        """
        connection = await self._take()
        try:
            return await connection.exchange(many, wait)
        finally:
            self._give(connection)

    def close(self) -> None:
        """Those who wait get ClosedError. Closing the connections is left to whoever opened them."""
        self._closed = True
        self._idle.clear()
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_exception(ClosedError("the pool was closed"))

    def forget(self) -> None:
        """Begins anew, because the connections belong to another process or event loop."""
        self._loop = None
        self._idle.clear()
        self._waiters.clear()
        self._size = 0

    async def _take(self) -> Connection:
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            self.forget()
            self._loop = loop
            _sweep(ref(self), loop)
        while self._idle:
            connection = self._idle.pop()
            try:
                if await _lives(connection):
                    return connection
            except BaseException:
                self._give(connection)
                raise
            connection.close()
            self._size -= 1
        if self._size < self._bounds.max_size:
            self._size += 1
        else:
            turn = await self._next_turn()
            if turn is not None:
                return turn
        try:
            return await self._open_connection()
        except BaseException:
            self._free_place()
            raise

    def _give(self, connection: Connection) -> None:
        if connection.busy:
            connection.retire()
        if connection.loop is not self._loop:
            connection.leave_to_its_loop()
            return
        connection.last_used = connection.loop.time()
        if not connection.usable:
            self._free_place()
            return
        waiter = self._first_waiter()
        if waiter is not None:
            waiter.set_result(connection)
        else:
            self._idle.append(connection)

    def _free_place(self) -> None:
        """One connection less; whoever waits may make another in its place."""
        waiter = self._first_waiter()
        if waiter is not None:
            waiter.set_result(None)
        else:
            self._size -= 1

    def _first_waiter(self) -> "Optional[asyncio.Future[Turn]]":
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                return waiter
        return None

    async def _next_turn(self) -> Turn:
        waiter: "asyncio.Future[Turn]" = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        try:
            await asyncio.wait({waiter}, timeout=self._bounds.acquire_timeout)
        except BaseException:
            self._pass_on(waiter)
            raise
        if not waiter.done():
            self._pass_on(waiter)
            raise PoolTimeoutError(f"all {self._size} connections were busy for {self._bounds.acquire_timeout} s")
        return waiter.result()

    def _pass_on(self, waiter: "asyncio.Future[Turn]") -> None:
        """`waiter` doesn't wait any more; what it may have been given in the meantime is for the next one."""
        if not waiter.done():
            waiter.cancel()
            self._waiters.remove(waiter)
        elif waiter.exception() is None:
            turn = waiter.result()
            if turn is not None:
                self._give(turn)
            else:
                self._free_place()

    def _close_long_idle(self, now: float) -> None:
        """Closes what was idle for `idle_timeout`, the longest idle first, down to `min_size`."""
        since = now - self._bounds.idle_timeout
        while self._idle and (not self._idle[0].usable or self._idle[0].last_used <= since):
            if self._idle[0].usable and self._size <= self._bounds.min_size:
                return
            self._idle.popleft().close()
            self._size -= 1


async def _lives(connection: Connection) -> bool:
    if connection.usable and connection.loop.time() - connection.last_used >= CHECK_AFTER:
        try:
            await connection.exchange([ping()])
        except KvConnectionError:
            return False
    return connection.usable


def _sweep(connections: "ref[BoundedConnections]", loop: asyncio.AbstractEventLoop) -> None:
    """Looks after them from time to time, as long as somebody uses them."""
    living = connections()
    if living is not None and living._loop is loop and not living._closed:
        living._close_long_idle(loop.time())
        loop.call_later(max(living._bounds.idle_timeout / 4, 0.01), _sweep, connections, loop)

"""A bounded number of blocking connections, each of which one thread at a time has to itself.

The invariants are those of the asynchronous one; here `_mutex` guards them.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import Any, Callable, Deque, List, Optional

from .._pool_config import CHECK_AFTER, Bounds, PoolStats
from .._requests import Request, ping
from .._wire import Reply
from ..errors import ClosedError, KvConnectionError, PoolTimeoutError
from ._connection import Connection


class _Waiter:
    """A thread that waits for a connection, or for the right to make one (None)."""

    __slots__ = ("served", "connection", "closed")

    def __init__(self) -> None:
        self.served = threading.Event()
        self.connection: Optional[Connection] = None
        self.closed = False


class BoundedConnections:
    """Hands connections out, makes them where there may be more, and closes those that nobody uses for long."""

    def __init__(self, open_connection: Callable[[], Connection], bounds: Bounds) -> None:
        self._open_connection = open_connection
        self._bounds = bounds
        self._mutex = threading.Lock()
        self._idle: Deque[Connection] = deque()
        self._size = 0
        self._waiters: Deque[_Waiter] = deque()
        self._looked_at = time.monotonic()

    def stats(self) -> PoolStats:
        """How many are idle and in use."""
        with self._mutex:
            self._close_long_idle()
            return PoolStats(len(self._idle), self._size - len(self._idle), self._bounds.max_size)

    def fill(self) -> None:
        """Makes `min_size` connections, or raises what prevents it."""
        taken: List[Connection] = []
        try:
            for _ in range(self._bounds.min_size):
                taken.append(self._take())
        finally:
            for connection in taken:
                self._give(connection)

    def exchange(self, many: List[Request[Any]], wait: float = 0.0) -> List[Reply]:
        """Sends `many` on a connection that nobody else uses meanwhile, and returns the replies.

        Raises PoolTimeoutError where none is free within `acquire_timeout`, and what connecting and exchanging raise.
        """
        connection = self._take()
        try:
            return connection.exchange(many, wait)
        finally:
            self._give(connection)

    def close(self) -> None:
        """Those who wait get ClosedError. Closing the connections is left to whoever opened them."""
        with self._mutex:
            self._idle.clear()
            for waiter in self._waiters:
                waiter.closed = True
                waiter.served.set()
            self._waiters.clear()

    def forget(self) -> None:
        """Begins anew, because the connections belong to another process."""
        self._mutex = threading.Lock()
        self._idle.clear()
        self._waiters.clear()
        self._size = 0

    def _take(self) -> Connection:
        while True:
            with self._mutex:
                connection = self._idle.pop() if self._idle else None
                waiter = None
                if connection is None and self._size < self._bounds.max_size:
                    self._size += 1
                elif connection is None:
                    waiter = _Waiter()
                    self._waiters.append(waiter)
            if waiter is not None:
                connection = self._turn_of(waiter)
            if connection is None:
                return self._made()
            if _lives(connection):
                return connection
            connection.close()
            self._free_place()

    def _made(self) -> Connection:
        try:
            return self._open_connection()
        except BaseException:
            self._free_place()
            raise

    def _give(self, connection: Connection) -> None:
        connection.last_used = time.monotonic()
        if not connection.usable:
            self._free_place()
            return
        with self._mutex:
            if self._waiters:
                self._serve(connection)
            else:
                self._idle.append(connection)
                self._close_long_idle()

    def _free_place(self) -> None:
        """One connection less; whoever waits may make another in its place."""
        with self._mutex:
            if self._waiters:
                self._serve(None)
            else:
                self._size -= 1

    def _serve(self, connection: Optional[Connection]) -> None:
        waiter = self._waiters.popleft()
        waiter.connection = connection
        waiter.served.set()

    def _turn_of(self, waiter: _Waiter) -> Optional[Connection]:
        try:
            waiter.served.wait(self._bounds.acquire_timeout)
            with self._mutex:
                if waiter in self._waiters:
                    raise PoolTimeoutError(
                        f"all {self._size} connections were busy for {self._bounds.acquire_timeout} s"
                    )
        except BaseException:
            self._pass_on(waiter)
            raise
        if waiter.closed:
            raise ClosedError("the pool was closed")
        return waiter.connection

    def _pass_on(self, waiter: _Waiter) -> None:
        """`waiter` doesn't wait any more; what it may have been given in the meantime is for the next one."""
        with self._mutex:
            if waiter in self._waiters:
                self._waiters.remove(waiter)
                return
        if waiter.connection is not None:
            self._give(waiter.connection)
        elif not waiter.closed:
            self._free_place()

    def _close_long_idle(self) -> None:
        """Closes what was idle for `idle_timeout`, the longest idle first, down to `min_size`."""
        now = time.monotonic()
        if now - self._looked_at < self._bounds.idle_timeout / 4:
            return
        self._looked_at = now
        since = now - self._bounds.idle_timeout
        while self._idle and self._size > self._bounds.min_size and self._idle[0].last_used <= since:
            self._idle.popleft().close()
            self._size -= 1


def _lives(connection: Connection) -> bool:
    if not connection.is_alive():
        return False
    if time.monotonic() - connection.last_used >= CHECK_AFTER:
        try:
            connection.exchange([ping()])
        except KvConnectionError:
            return False
    return connection.usable

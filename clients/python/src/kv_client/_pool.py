"""A bounded number of connections, shared by many tasks."""

from __future__ import annotations

import asyncio
from typing import Any, List, Optional

from ._base import Connecting, RetryingCommands
from ._bounded import BoundedConnections
from ._pool_config import PoolConfig, PoolStats
from ._requests import Request
from ._wire import Reply


class KvPool(RetryingCommands):
    """Up to `max_size` connections. A call has one to itself while it lasts, and waits for one where all are taken.

    Who waits is served in the order of coming. A connection whose call was cancelled or timed out is not used again.
    One that was idle for long is asked whether it lives before it is used. Calls that wait for a lock have connections
    beside these, `max_size` of them at most, so that whoever holds the lock can always release it. After a fork, and
    in another event loop, a pool begins anew.
    """

    def __init__(self, config: PoolConfig) -> None:
        """Use `connect`."""
        super().__init__(config.options())
        self._loop: Optional[asyncio.AbstractEventLoop] = None
        self._usual = BoundedConnections(self._open_connection, config.bounds())
        self._waiting = BoundedConnections(self._open_connection, config.bounds(min_size=0))

    @classmethod
    def connect(cls, config: PoolConfig) -> Connecting[KvPool]:
        """Connects `config.min_size` times. Await the result, or enter it with `async with`.

        Raises KvConnectionError, KvTimeoutError and AuthenticationError where the server can't be reached.
        """
        return Connecting(cls(config))

    def stats(self) -> PoolStats:
        """Returns how many connections are idle and in use now, and how many there may be."""
        return self._usual.stats()

    async def close(self) -> None:
        """Ends all connections. Calls that are under way, and later ones, raise ClosedError."""
        await super().close()
        self._usual.close()
        self._waiting.close()

    async def _start(self) -> None:
        await self._usual.fill()

    async def _exchange(self, many: List[Request[Any]], wait: float) -> List[Reply]:
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            self._let_go_of_other_loops(loop)
            self._loop = loop
        return await (self._waiting if wait else self._usual).exchange(many, wait)

    def _after_fork(self) -> None:
        super()._after_fork()
        self._usual.forget()
        self._waiting.forget()

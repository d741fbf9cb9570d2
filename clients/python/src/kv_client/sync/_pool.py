"""A bounded number of blocking connections, shared by many threads."""

from __future__ import annotations

from typing import Any, List

from .._pool_config import PoolConfig, PoolStats
from .._requests import Request
from .._wire import Reply
from ._base import RetryingCommands
from ._bounded import BoundedConnections


class KvPool(RetryingCommands):
    """Up to `max_size` connections. A call has one to itself while it lasts, and waits for one where all are taken.

    Who waits is served in the order of coming. A connection whose call was interrupted or timed out is not used again.
    One that was idle for long is asked whether it lives before it is used; those beyond `min_size` are closed by a
    later call. Calls that wait for a lock have connections beside these, `max_size` of them at most, so that whoever
    holds the lock can always release it. After a fork the child begins anew.
    """

    def __init__(self, config: PoolConfig) -> None:
        """Use `connect`."""
        super().__init__(config.options())
        self._usual = BoundedConnections(self._open_connection, config.bounds())
        self._waiting = BoundedConnections(self._open_connection, config.bounds(min_size=0))

    @classmethod
    def connect(cls, config: PoolConfig) -> KvPool:
        """Connects `config.min_size` times. `with` closes what it returns.

        Raises KvConnectionError, KvTimeoutError and AuthenticationError where the server can't be reached.
        """
        return cls(config)._opened()

    def stats(self) -> PoolStats:
        """Returns how many connections are idle and in use now, and how many there may be."""
        return self._usual.stats()

    def close(self) -> None:
        """Ends all connections. Calls that are under way, and later ones, raise ClosedError."""
        super().close()
        self._usual.close()
        self._waiting.close()

    def _start(self) -> None:
        self._usual.fill()

    def _exchange(self, many: List[Request[Any]], wait: float) -> List[Reply]:
        return (self._waiting if wait else self._usual).exchange(many, wait)

    def _after_fork(self) -> None:
        super()._after_fork()
        self._usual.forget()
        self._waiting.forget()

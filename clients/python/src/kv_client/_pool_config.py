"""How a pool is set up, and what it says about itself."""

from __future__ import annotations

import sys
from typing import NamedTuple, Optional

from ._options import DEFAULT_TIMEOUT, Options, Retry, Tls, parse

CHECK_AFTER = 15.0
"""Seconds of idleness after which a connection is asked whether it lives before it is used."""


class PoolStats(NamedTuple):
    """The connections of a pool: how many are idle, how many in use, how many there may be."""

    idle: int
    active: int
    max_size: int


class Bounds(NamedTuple):
    """How many connections there may be, and for how long; as they stand here, as many as are wanted."""

    min_size: int = 0
    max_size: int = sys.maxsize
    idle_timeout: float = 60.0
    acquire_timeout: float = 5.0


class PoolConfig:
    """Where a pool connects to, and how often.

    `addr` is what `KvClient.connect` takes, and so is what stands behind `acquire_timeout`. Connections are closed
    after `idle_timeout` seconds without use, but `min_size` of them stay. A call waits up to `acquire_timeout` seconds
    for a connection and raises PoolTimeoutError then. Raises ValueError for an address or sizes that make no sense.
    """

    def __init__(
        self,
        addr: str,
        *,
        min_size: int = 2,
        max_size: int = 10,
        idle_timeout: float = 300.0,
        acquire_timeout: float = 5.0,
        timeout: Optional[float] = DEFAULT_TIMEOUT,
        connect_timeout: Optional[float] = DEFAULT_TIMEOUT,
        user: Optional[str] = None,
        password: Optional[str] = None,
        ssl: Tls = None,
        retry: Optional[Retry] = None,
    ) -> None:
        if max_size < 1 or not 0 <= min_size <= max_size:
            raise ValueError(f"max_size is 1 or more, and min_size from 0 to that: not {max_size} and {min_size}")
        if idle_timeout < 0 or acquire_timeout < 0:
            raise ValueError("a time limit is 0 or more seconds")
        self.addr = addr
        self.min_size = min_size
        self.max_size = max_size
        self.idle_timeout = idle_timeout
        self.acquire_timeout = acquire_timeout
        self._options = parse(addr, timeout, connect_timeout, user, password, ssl, retry)

    def options(self) -> Options:
        """What each connection needs to know."""
        return self._options

    def bounds(self, min_size: Optional[int] = None) -> Bounds:
        """How many there may be, with another lower bound where one is given."""
        least = self.min_size if min_size is None else min_size
        return Bounds(least, self.max_size, self.idle_timeout, self.acquire_timeout)

    def __repr__(self) -> str:
        return (
            f"PoolConfig({self._options.place!r}, min_size={self.min_size}, max_size={self.max_size}, "
            f"idle_timeout={self.idle_timeout}, acquire_timeout={self.acquire_timeout})"
        )

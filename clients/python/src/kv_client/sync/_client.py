"""One blocking connection to a server."""

from __future__ import annotations

import threading
from typing import Any, List, Optional

from .._options import DEFAULT_ADDRESS, DEFAULT_TIMEOUT, Options, Retry, Tls, parse
from .._pool_config import Bounds
from .._requests import Request
from .._wire import Reply
from ._base import RetryingCommands
from ._bounded import BoundedConnections
from ._connection import Connection


class KvClient(RetryingCommands):
    """A client with one connection, which threads may share; they wait for each other then, and in a pool they don't.

    A call that is interrupted ends the connection, and the next call makes it anew. A call that waits for a lock has a
    connection of its own meanwhile, so that nobody waits behind it. After a fork the child makes new connections.
    """

    def __init__(self, options: Options) -> None:
        """Use `connect` or `from_url`."""
        super().__init__(options)
        self._mutex = threading.Lock()
        self._connection: Optional[Connection] = None
        self._waiting = BoundedConnections(self._open_connection, Bounds())

    @classmethod
    def connect(
        cls,
        addr: str = DEFAULT_ADDRESS,
        *,
        timeout: Optional[float] = DEFAULT_TIMEOUT,
        connect_timeout: Optional[float] = DEFAULT_TIMEOUT,
        user: Optional[str] = None,
        password: Optional[str] = None,
        ssl: Tls = None,
        retry: Optional[Retry] = None,
    ) -> KvClient:
        """Connects to `addr`: `host:port`, `host:port/namespace` or a URL as `from_url` takes it.

        `with` closes what it returns. `timeout` is how many seconds an answer may take, None for any time. Raises
        ValueError for an address that is none, KvConnectionError, KvTimeoutError and AuthenticationError.
        """
        return cls(parse(addr, timeout, connect_timeout, user, password, ssl, retry))._opened()

    @classmethod
    def from_url(cls, url: str, *, ssl: Tls = None, retry: Optional[Retry] = None) -> KvClient:
        """Connects to `kv://user:password@host:port/namespace`, or `kvs://` for TLS; see `connect`.

        `?ca=FILE&cert=FILE&key=FILE` say whom to trust and who we are, `timeout=S&connect_timeout=S` the time limits.
        """
        if "://" not in url:
            raise ValueError("a URL begins with kv:// or kvs://")
        return cls(parse(url, tls=ssl, retry=retry))._opened()

    def close(self) -> None:
        """Ends the connection. Calls that are under way, and later ones, raise ClosedError."""
        super().close()
        self._waiting.close()

    def _start(self) -> None:
        with self._mutex:
            self._connected()

    def _exchange(self, many: List[Request[Any]], wait: float) -> List[Reply]:
        if wait:
            return self._waiting.exchange(many, wait)
        with self._mutex:
            return self._connected().exchange(many)

    def _connected(self) -> Connection:
        """The connection, made anew where it is lost."""
        connection = self._connection
        if connection is None or not connection.is_alive():
            if connection is not None:
                connection.close()
            self._connection = connection = self._open_connection()
        return connection

    def _after_fork(self) -> None:
        super()._after_fork()
        self._mutex = threading.Lock()
        self._connection = None
        self._waiting.forget()

"""One connection to a server."""

from __future__ import annotations

import asyncio
from typing import Any, List, Optional

from ._base import Connecting, RetryingCommands
from ._bounded import BoundedConnections
from ._connection import Connection
from ._options import DEFAULT_ADDRESS, DEFAULT_TIMEOUT, Options, Retry, Tls, parse
from ._pool_config import Bounds
from ._requests import Request
from ._wire import Reply
from .errors import ClosedError


class KvClient(RetryingCommands):
    """A client with one connection, which many tasks may use at once; their requests travel one behind the other.

    A cancelled call leaves the connection as good as before: its reply is thrown away when it comes. A lost connection
    is made anew by the next call. A call that waits for a lock has a connection of its own meanwhile, so that nobody
    waits behind it. After a fork, and in another event loop, a client makes new connections.
    """

    def __init__(self, options: Options) -> None:
        """Use `connect` or `from_url`."""
        super().__init__(options)
        self._connection: Optional[Connection] = None
        self._waiting = BoundedConnections(self._open_connection, Bounds())
        self._opening: Optional["asyncio.Task[Connection]"] = None

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
    ) -> Connecting[KvClient]:
        """Connects to `addr`: `host:port`, `host:port/namespace` or a URL as `from_url` takes it.

        Await the result, or enter it with `async with`. `timeout` is how many seconds an answer may take, None for any
        time. Raises ValueError for an address that is none, KvConnectionError, KvTimeoutError and AuthenticationError.
        """
        return Connecting(cls(parse(addr, timeout, connect_timeout, user, password, ssl, retry)))

    @classmethod
    def from_url(cls, url: str, *, ssl: Tls = None, retry: Optional[Retry] = None) -> Connecting[KvClient]:
        """Connects to `kv://user:password@host:port/namespace`, or `kvs://` for TLS; see `connect`.

        `?ca=FILE&cert=FILE&key=FILE` say whom to trust and who we are, `timeout=S&connect_timeout=S` the time limits.
        """
        if "://" not in url:
            raise ValueError("a URL begins with kv:// or kvs://")
        return Connecting(cls(parse(url, tls=ssl, retry=retry)))

    async def close(self) -> None:
        """Ends the connection. Calls that are under way, and later ones, raise ClosedError."""
        if self._opening is not None:
            self._opening.cancel()
        await super().close()
        self._waiting.close()

    async def _start(self) -> None:
        await self._connected()

    async def _exchange(self, many: List[Request[Any]], wait: float) -> List[Reply]:
        if wait:
            return await self._waiting.exchange(many, wait)
        connection = self._connection
        if connection is None or not connection.usable or connection.loop is not asyncio.get_running_loop():
            connection = await self._connected()
        return await connection.exchange(many)

    async def _connected(self) -> Connection:
        """The connection, made anew where it is lost. Whoever comes meanwhile waits for the same attempt."""
        loop = asyncio.get_running_loop()
        self._let_go_of_other_loops(loop)
        if self._opening is None or self._opening.get_loop() is not loop:
            self._opening = loop.create_task(self._open_connection())
            self._opening.add_done_callback(self._note)
        opening = self._opening
        await asyncio.wait({opening})  # Who is cancelled here doesn't cancel the attempt, others may wait for it.
        if opening.cancelled():
            raise ClosedError("the client was closed")
        return opening.result()

    def _note(self, opening: "asyncio.Task[Connection]") -> None:
        if self._opening is opening:
            self._opening = None
        if not opening.cancelled() and opening.exception() is None:
            self._connection = opening.result()

    def _after_fork(self) -> None:
        super()._after_fork()
        self._connection = self._opening = None
        self._waiting.forget()

"""What the blocking client and pool have in common: trying again, closing, forking."""

from __future__ import annotations

import threading
import time
from types import TracebackType
from typing import Any, Callable, List, Optional, Type, TypeVar
from weakref import WeakSet

from .. import _fork
from .._options import Options
from .._requests import Request
from .._wire import Reply
from ..errors import ClosedError, KvConnectionError
from ._commands import Commands
from ._connection import Connection

T = TypeVar("T")
Self = TypeVar("Self", bound="RetryingCommands")


class RetryingCommands(Commands):
    """Carries out the commands over connections that a subclass hands out."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._prefix = options.prefix
        self._closed = False
        self._connections: "WeakSet[Connection]" = WeakSet()
        self._connections_mutex = threading.Lock()
        _fork.watch(self)

    def __enter__(self: Self) -> Self:
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        where = self._options.place + (f"/{self.namespace}" if self.namespace else "")
        return f"<{type(self).__name__} {where}{', closed' if self._closed else ''}>"

    @property
    def closed(self) -> bool:
        """Whether it was closed, and so is of no more use."""
        return self._closed

    def close(self) -> None:
        """Ends all connections. Calls that are under way, and later ones, raise ClosedError."""
        self._closed = True
        with self._connections_mutex:
            connections = list(self._connections)
        for connection in connections:
            connection.close()

    def _start(self) -> None:
        """Connects, so that it is known whether that works."""
        raise NotImplementedError

    def _exchange(self, many: List[Request[Any]], wait: float) -> List[Reply]:
        """Sends `many` over one connection, once."""
        raise NotImplementedError

    def _after_fork(self) -> None:
        for connection in list(self._connections):
            connection.abandon()
        self._connections = WeakSet()
        self._connections_mutex = threading.Lock()

    def _opened(self: Self) -> Self:
        try:
            try:
                self._start()
            except KvConnectionError as error:
                self._try_again(error, True, self._start)
        except BaseException:
            self.close()
            raise
        return self

    def _call(self, request: Request[T]) -> T:
        try:
            replies = self._exchange([request], request.wait)
        except KvConnectionError as error:
            replies = self._try_again(error, request.idempotent, lambda: self._exchange([request], request.wait))
        return request.decode(*replies[0])

    def _call_many(self, many: List[Request[Any]]) -> List[Reply]:
        wait = sum(request.wait for request in many)
        try:
            return self._exchange(many, wait)
        except KvConnectionError as error:
            idempotent = all(request.idempotent for request in many)
            return self._try_again(error, idempotent, lambda: self._exchange(many, wait))

    def _try_again(self, error: KvConnectionError, idempotent: bool, operation: Callable[[], T]) -> T:
        """The result of `operation`, which failed once with `error`, tried again as often as that is right."""
        retry = self._options.retry
        attempt = 1
        while retry.tries_again(error, idempotent, attempt):
            time.sleep(retry.delay(attempt))
            attempt += 1
            try:
                return operation()
            except KvConnectionError as again:
                error = again
        raise error

    def _open_connection(self) -> Connection:
        if self._closed:
            raise ClosedError("it was closed")
        connection = Connection(self._options)
        with self._connections_mutex:
            self._connections.add(connection)
        if self._closed:
            connection.close()
            raise ClosedError("it was closed meanwhile")
        return connection

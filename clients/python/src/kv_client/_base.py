"""What the client and the pool of an event loop have in common: being opened, trying again, giving back."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Any, Awaitable, Callable, Generator, Generic, List, Optional, Set, Type, TypeVar
from weakref import WeakSet

from . import _fork
from ._connection import Connection
from ._commands import Commands
from ._options import Options
from ._requests import Request
from ._wire import Reply
from .errors import ClosedError, KvConnectionError, KvError

T = TypeVar("T")
Self = TypeVar("Self", bound="RetryingCommands")

UNDO_SECONDS = 1.0
"""How long `close` waits until locks that nobody wants any more have been given back."""


class Connecting(Generic[Self]):
    """What `connect` returns: `await` it, or enter it with `async with`, which closes it in the end."""

    def __init__(self, what: Self) -> None:
        self._what = what

    def __await__(self) -> Generator[Any, None, Self]:
        return self._what._opened().__await__()

    async def __aenter__(self) -> Self:
        return await self._what._opened()

    async def __aexit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        await self._what.close()


class RetryingCommands(Commands):
    """Carries out the commands over connections that a subclass hands out."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._prefix = options.prefix
        self._closed = False
        self._connections: "WeakSet[Connection]" = WeakSet()
        self._undoing: Set["asyncio.Task[None]"] = set()
        _fork.watch(self)

    async def __aenter__(self: Self) -> Self:
        return self

    async def __aexit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        where = self._options.place + (f"/{self.namespace}" if self.namespace else "")
        return f"<{type(self).__name__} {where}{', closed' if self._closed else ''}>"

    @property
    def closed(self) -> bool:
        """Whether it was closed, and so is of no more use."""
        return self._closed

    async def close(self) -> None:
        """Ends all connections. Calls that are under way, and later ones, raise ClosedError."""
        loop = asyncio.get_running_loop()
        undoing = {task for task in self._undoing if task.get_loop() is loop}
        if undoing:
            await asyncio.wait(undoing, timeout=UNDO_SECONDS)
        self._closed = True
        for connection in list(self._connections):
            if connection.loop is loop:
                connection.close()
            else:
                connection.leave_to_its_loop()
        await asyncio.sleep(0)  # The event loop closes the sockets in its next round.

    async def _start(self) -> None:
        """Connects, so that it is known whether that works."""
        raise NotImplementedError

    async def _exchange(self, many: List[Request[Any]], wait: float) -> List[Reply]:
        """Sends `many` over one connection, once."""
        raise NotImplementedError

    def _after_fork(self) -> None:
        for connection in list(self._connections):
            connection.abandon()
        self._connections.clear()
        self._undoing.clear()

    async def _opened(self: Self) -> Self:
        try:
            try:
                await self._start()
            except KvConnectionError as error:
                await self._try_again(error, True, self._start)
        except BaseException:
            await self.close()
            raise
        return self

    async def _call(self, request: Request[T]) -> T:
        try:
            replies = await self._exchange([request], request.wait)
        except KvConnectionError as error:
            replies = await self._try_again(error, request.idempotent, lambda: self._exchange([request], request.wait))
        return request.decode(*replies[0])

    async def _call_many(self, many: List[Request[Any]]) -> List[Reply]:
        wait = sum(request.wait for request in many)
        try:
            return await self._exchange(many, wait)
        except KvConnectionError as error:
            idempotent = all(request.idempotent for request in many)
            return await self._try_again(error, idempotent, lambda: self._exchange(many, wait))

    async def _try_again(
        self, error: KvConnectionError, idempotent: bool, operation: Callable[[], Awaitable[T]]
    ) -> T:
        """The result of `operation`, which failed once with `error`, tried again as often as that is right."""
        retry = self._options.retry
        attempt = 1
        while retry.tries_again(error, idempotent, attempt):
            await asyncio.sleep(retry.delay(attempt))
            attempt += 1
            try:
                return await operation()
            except KvConnectionError as again:
                error = again
        raise error

    async def _open_connection(self) -> Connection:
        if self._closed:
            raise ClosedError("it was closed")
        connection = await Connection.open(self._options, self._undo)
        self._connections.add(connection)
        if self._closed:
            connection.close()
            raise ClosedError("it was closed meanwhile")
        return connection

    def _let_go_of_other_loops(self, loop: asyncio.AbstractEventLoop) -> None:
        """Forgets the connections of a loop that ran before this one."""
        for connection in list(self._connections):
            if connection.loop is not loop:
                connection.leave_to_its_loop()
                self._connections.discard(connection)

    def _undo(self, request: Request[Any]) -> None:
        """Carries `request` out beside everything else; nobody waits for it."""
        if not self._closed:
            task = asyncio.get_running_loop().create_task(self._quietly(request))
            self._undoing.add(task)
            task.add_done_callback(self._undoing.discard)

    async def _quietly(self, request: Request[Any]) -> None:
        try:
            await self._call(request)
        except KvError:
            pass  # Then it lives until its ttl ends.

"""One connection of an event loop: requests go out, replies come in, and each reply finds whoever waits for it.

1. Replies come in the order of the requests, so the first exchange in the line owns the next reply. An exchange stays
   in the line until all its replies have come, even where its caller was cancelled meanwhile; so no reply is ever
   given to another call.
2. A request is written in one piece and without waiting, so a cancelled call has sent all of it or nothing.
3. When no reply comes for the time that the first exchange has, the connection ends, and all exchanges with it.
"""

from __future__ import annotations

import asyncio
import math
import socket
from collections import deque
from typing import Any, Callable, Deque, List, Optional, Sequence, cast

from . import _requests as requests
from ._options import Options
from ._requests import Request
from ._wire import ERROR, Reply, ReplyReader, is_busy, knows_nobody, refuses_frame
from .errors import BusyError, ClosedError, KvConnectionError, KvError, KvTimeoutError, ProtocolError, server_error

Undo = Callable[[Request[Any]], None]
"""Carries out a request that gives back what nobody waits for any more."""


class _Exchange:
    """Requests that were sent together, and the replies that came so far."""

    __slots__ = ("requests", "replies", "done", "sent_at", "limit")

    def __init__(
        self, many: Sequence[Request[Any]], done: "asyncio.Future[List[Reply]]", sent_at: float, limit: float
    ) -> None:
        self.requests = many
        self.replies: List[Reply] = []
        self.done = done
        self.sent_at = sent_at
        self.limit = limit


class Connection(asyncio.Protocol):
    """A connection that is open, or was. `Connection.open` makes one."""

    def __init__(self, options: Options, sock: socket.socket, undo: Undo) -> None:
        self.loop = asyncio.get_running_loop()
        self.last_used = self.loop.time()
        self._options = options
        self._limit = math.inf if options.timeout is None else options.timeout
        self._sock = sock
        self._undo = undo
        self._reader = ReplyReader()
        self._line: Deque[_Exchange] = deque()
        self._failure: Optional[KvError] = None
        self._timer: Optional[asyncio.TimerHandle] = None
        self._last_reply_at = 0.0
        self._writable: Optional["asyncio.Future[None]"] = None
        self._retired = False
        self._transport: Optional[asyncio.Transport] = None

    @classmethod
    async def open(cls, options: Options, undo: Undo) -> Connection:
        """Connects, with TLS and authentication where the options have them, within `connect_timeout`.

        Raises KvConnectionError, KvTimeoutError and AuthenticationError; ssl.SSLError's text is in the former.
        """
        attempt = asyncio.ensure_future(cls._open(options, undo))
        try:
            await asyncio.wait({attempt}, timeout=options.connect_timeout)
        except asyncio.CancelledError:
            attempt.add_done_callback(_close_late)
            attempt.cancel()
            raise
        if not attempt.done():
            attempt.add_done_callback(_close_late)
            attempt.cancel()
            raise KvTimeoutError(options.took_too_long)
        return attempt.result()

    @classmethod
    async def _open(cls, options: Options, undo: Undo) -> Connection:
        loop = asyncio.get_running_loop()
        sock: Optional[socket.socket] = None
        connection: Optional[Connection] = None
        try:
            sock = await _connected_socket(loop, options)
            connection = made = cls(options, sock, undo)
            await loop.create_connection(
                lambda: made, sock=sock, ssl=options.tls, server_hostname=options.host if options.tls else None
            )
            if options.password is not None:
                request = requests.auth(options.user, options.password)
                request.decode(*(await connection.exchange([request]))[0])
            return connection
        except BaseException as error:
            if connection is not None:
                connection.close()
            if sock is not None:
                sock.close()
            if isinstance(error, OSError) and not isinstance(error, KvError):
                raise KvConnectionError(f"no connection to {options.place}: {error}") from error
            raise

    # What its owner calls.

    @property
    def usable(self) -> bool:
        """Whether the next request may be sent here."""
        return self._failure is None and not self._retired

    @property
    def busy(self) -> bool:
        """Whether replies are still to come."""
        return bool(self._line)

    async def exchange(self, many: Sequence[Request[Any]], extra: float = 0.0) -> List[Reply]:
        """Sends `many` and returns their replies; the server may take `extra` seconds longer than usual.

        Raises KvConnectionError or KvTimeoutError where the connection ends first.
        """
        while self._writable is not None and self._failure is None:
            await asyncio.wait({self._writable})
        if self._failure is not None:
            raise _again(self._failure, False)
        done: "asyncio.Future[List[Reply]]" = self.loop.create_future()
        now = self.loop.time()
        exchange = _Exchange(many, done, now, self._limit + extra)
        self._line.append(exchange)
        self._arm(exchange.limit, now)
        frames = many[0].frame if len(many) == 1 else b"".join([request.frame for request in many])
        assert self._transport is not None, "Connection.open() makes connections"
        self._transport.write(frames)
        try:
            return await done
        except asyncio.CancelledError:
            if not done.cancelled() and done.exception() is None:
                self._give_back(exchange)  # The replies came in the same moment as the cancellation.
            raise

    def close(self) -> None:
        """Ends the connection; whoever waits for a reply gets ClosedError."""
        self._fail(ClosedError("the connection was closed"))

    def retire(self) -> None:
        """Ends the connection once the replies that are still to come have come. Nothing may be sent any more.

        The server is told so, which ends its waiting; over TLS that isn't possible, so the wait runs to its end.
        """
        self._retired = True
        if not self._line:
            self.close()
        elif self._failure is None and self._transport is not None and self._transport.can_write_eof():
            self._transport.write_eof()

    def leave_to_its_loop(self) -> None:
        """Ends the connection from another event loop; its own, if that still runs, closes it."""
        if self.loop.is_closed():
            self.abandon()
        else:
            self.loop.call_soon_threadsafe(self.close)

    def abandon(self) -> None:
        """Lets go of the connection without a word, because it belongs to another process or to a loop that ended."""
        if self._failure is None:
            self._failure = ClosedError("the connection belongs to another process or event loop")
        self._line.clear()
        self._sock.close()

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        try:
            replies = self._reader.feed(data)
        except ProtocolError as error:
            self._fail(error)
            return
        self._last_reply_at = self.loop.time()
        for reply in replies:
            self._deliver(reply)

    def connection_lost(self, error: Optional[Exception]) -> None:
        why = f": {error}" if error else ""
        self._fail(KvConnectionError(f"{self._options.place} ended the connection{why}"))
        self.resume_writing()

    def pause_writing(self) -> None:
        self._writable = self.loop.create_future()

    def resume_writing(self) -> None:
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)
        self._writable = None

    def _deliver(self, reply: Reply) -> None:
        if not self._line:
            self._fail(_unasked(reply))
            return
        exchange = self._line[0]
        exchange.replies.append(reply)
        refused = False
        if reply[0] >= ERROR:
            if is_busy(reply):
                self._fail(server_error(reply[1].decode("utf-8", "replace"), False))
                return
            refused = refuses_frame(reply)
            if refused:
                exchange.replies += [reply] * (len(exchange.requests) - len(exchange.replies))
            elif self._options.names_user and knows_nobody(reply):
                self._retired = True  # Another connection can say it again.
        if len(exchange.replies) < len(exchange.requests):
            return
        self._line.popleft()
        if not exchange.done.done():
            exchange.done.set_result(exchange.replies)
        else:
            self._give_back(exchange)
        if refused:
            why = f"{self._options.place} ended the connection over a request that was too large"
            self._fail(KvConnectionError(why), carried_out=False)
        elif self._retired and not self._line:
            self.close()

    def _give_back(self, exchange: _Exchange) -> None:
        """Nobody waits for these replies any more; what they hand over returns to the server."""
        for request, reply in zip(exchange.requests, exchange.replies):
            if request.undo is not None:
                try:
                    undoing = request.undo(request.decode(*reply))
                except KvError:
                    continue
                if undoing is not None:
                    self._undo(undoing)

    def _fail(self, error: KvError, carried_out: bool = True) -> None:
        """Ends the connection. `carried_out` says whether what it still owes replies to may have been."""
        if self._failure is not None:
            return
        self._failure = error
        if self._timer is not None:
            self._timer.cancel()
        if self._transport is not None:
            self._transport.abort()
        while self._line:
            done = self._line.popleft().done
            if not done.done():
                done.set_exception(_again(error, carried_out))

    # The time limit: one timer for the whole line, since replies come in order.

    def _arm(self, seconds: float, now: float) -> None:
        if seconds == math.inf:
            return
        if self._timer is not None:
            if self._timer.when() <= now + seconds:
                return
            self._timer.cancel()
        self._timer = self.loop.call_later(seconds, self._look_at_time)

    def _look_at_time(self) -> None:
        self._timer = None
        if not self._line:
            return
        first = self._line[0]
        now = self.loop.time()
        left = max(first.sent_at, self._last_reply_at) + first.limit - now
        if left <= 0:
            self._fail(KvTimeoutError(f"{self._options.place} didn't answer within {first.limit:g} s"))
        else:
            self._arm(left, now)


def _again(error: KvError, carried_out: bool) -> KvError:
    """The same error for one more caller: an exception that two raise would mix their tracebacks."""
    copy = type(error)(*error.args)
    copy.word = error.word
    if isinstance(copy, KvConnectionError) and not isinstance(copy, BusyError):
        copy.outcome_unknown = carried_out
    return copy


def _unasked(reply: Reply) -> KvError:
    """The failure that a reply to nothing means: BUSY is said as soon as a connection is accepted."""
    error = server_error(reply[1].decode("utf-8", "replace"), False)
    return error if isinstance(error, BusyError) else ProtocolError("an answer came that nothing had asked for")


def _close_late(attempt: "asyncio.Future[Connection]") -> None:
    """A connection that nobody waits for any more is closed; a failure is no news then."""
    if not attempt.cancelled() and attempt.exception() is None:
        attempt.result().close()


async def _connected_socket(loop: asyncio.AbstractEventLoop, options: Options) -> socket.socket:
    """A TCP connection to the first of the host's addresses that takes one. Raises OSError."""
    found = await loop.getaddrinfo(options.host, options.port, type=socket.SOCK_STREAM)
    failure: OSError = OSError("the host has no address")
    for family, kind, protocol, _, address in found:
        sock = socket.socket(family, kind, protocol)
        try:
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            await loop.sock_connect(sock, address)
            return sock
        except OSError as error:
            sock.close()
            failure = error
        except BaseException:
            sock.close()
            raise
    raise failure

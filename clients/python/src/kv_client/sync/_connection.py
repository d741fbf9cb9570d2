"""One blocking connection: requests go out, their replies come in. One thread at a time may use it.

Whatever interrupts an exchange (a time limit, KeyboardInterrupt) ends the connection, since the replies that are still
to come would be taken for those of the next request.
"""

from __future__ import annotations

import math
import select
import socket
import ssl
import time
from typing import Any, List, Optional, Sequence

from .. import _requests as requests
from .._options import Options
from .._requests import Request
from .._wire import Reply, ReplyReader, is_busy, knows_nobody, refuses_frame
from ..errors import ClosedError, KvConnectionError, KvError, KvTimeoutError, ProtocolError, server_error

RECEIVE_BYTES = 65536
SEND_AT_ONCE_BYTES = 16384
"""As much fits into the buffers of the kernel, so it is sent without reading meanwhile."""

_WOULD_BLOCK = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class Connection:
    """A connection that is open, or was."""

    def __init__(self, options: Options) -> None:
        """Connects, with TLS and authentication where the options have them; each step has `connect_timeout`.

        Raises KvConnectionError, KvTimeoutError and AuthenticationError; ssl.SSLError's text is in the former.
        """
        self.last_used = time.monotonic()
        self.usable = True
        self._options = options
        self._limit = math.inf if options.timeout is None else options.timeout
        self._reader = ReplyReader()
        self._closed = False
        try:
            self._sock = _connected_socket(options)
        except socket.timeout:
            raise KvTimeoutError(options.took_too_long) from None
        except OSError as error:
            raise KvConnectionError(f"no connection to {options.place}: {error}") from error
        self._readiness = _Readiness(self._sock)
        if options.password is not None:
            try:
                request = requests.auth(options.user, options.password)
                request.decode(*self.exchange([request])[0])
            except BaseException:
                self.close()
                raise

    def is_alive(self) -> bool:
        """Whether the next request may be sent here: nothing has come unasked, least of all the end."""
        if not self.usable:
            return False
        return not self._readiness.readable() or self._nothing_but_tls()

    def exchange(self, many: Sequence[Request[Any]], extra: float = 0.0) -> List[Reply]:
        """Sends `many` and returns their replies; the server may take `extra` seconds longer than usual.

        Raises KvConnectionError, KvTimeoutError, ClosedError or ProtocolError; the connection is of no use then.
        """
        limit = self._limit + extra
        frames = many[0].frame if len(many) == 1 else b"".join([request.frame for request in many])
        replies: List[Reply] = []
        try:
            self._set_limit(limit)
            if len(frames) <= SEND_AT_ONCE_BYTES:
                self._sock.sendall(frames)
            else:
                self._send_while_reading(memoryview(frames), replies, limit)
            while not _complete(replies, len(many)):
                self._receive(replies, limit)
        except BaseException as error:
            self._give_up()
            explained = self._explained(error, limit)
            if explained is error:
                raise
            raise explained from error
        if len(replies) > len(many):
            self._give_up()
            raise ProtocolError("an answer came that nothing had asked for")
        if refuses_frame(replies[-1]) or (self._options.names_user and knows_nobody(replies[-1])):
            self._give_up()  # Another connection can say again who we are.
        return replies

    def close(self) -> None:
        """Ends the connection; a thread that waits for a reply gets ClosedError."""
        self._closed = True
        self.usable = False
        try:
            self._sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # It has ended already.
        self._sock.close()

    def abandon(self) -> None:
        """Lets go of the connection without a word, because it belongs to another process."""
        self.usable = False
        self._sock.close()

    def _nothing_but_tls(self) -> bool:
        """Whether what has come are records of TLS itself, such as the tickets that follow a handshake."""
        if not isinstance(self._sock, ssl.SSLSocket):
            return False
        self._sock.setblocking(False)  # The next exchange sets its own limit.
        try:
            self._sock.recv(1)
        except ssl.SSLWantReadError:
            return True
        except OSError:
            pass
        return False

    def _give_up(self) -> None:
        self.usable = False
        self._sock.close()

    def _explained(self, error: BaseException, limit: float) -> BaseException:
        """What is raised where `error` interrupted an exchange."""
        place = self._options.place
        if self._closed and isinstance(error, (OSError, ValueError, KvError)):
            return ClosedError("the connection was closed")
        if isinstance(error, KvError):
            return error
        if isinstance(error, socket.timeout):
            explained: KvConnectionError = KvTimeoutError(f"{place} didn't answer within {limit:g} s")
        elif isinstance(error, OSError):
            why = f": {error}" if str(error) else ""
            explained = KvConnectionError(f"{place} ended the connection{why}")
        else:
            return error
        explained.outcome_unknown = True
        return explained

    def _receive(self, replies: List[Reply], limit: float) -> None:
        """Appends what came by the next reply, which may take `limit` seconds in all."""
        began: Optional[float] = None
        while True:
            data = self._sock.recv(RECEIVE_BYTES)
            if not data:
                raise ConnectionResetError
            came = self._reader.feed(data)
            if came:
                replies += came
                return
            now = time.monotonic()
            began = now if began is None else began
            left = limit - (now - began)
            if left <= 0:
                raise socket.timeout()
            self._set_limit(left)

    def _send_while_reading(self, frames: memoryview, replies: List[Reply], limit: float) -> None:
        """Sends what is too much for the kernel's buffers. The server stops reading where its replies are not read."""
        self._sock.setblocking(False)
        since = time.monotonic()
        while frames:
            try:
                frames = frames[self._sock.send(frames[:262144]) :]
                since = time.monotonic()
                continue
            except _WOULD_BLOCK:
                pass
            try:
                data = self._sock.recv(RECEIVE_BYTES)
                if not data:
                    raise ConnectionResetError
                replies += self._reader.feed(data)
                if replies and refuses_frame(replies[-1]):
                    break
                since = time.monotonic()
            except _WOULD_BLOCK:
                left = limit - (time.monotonic() - since)
                if left <= 0:
                    raise socket.timeout() from None
                self._readiness.wait_for_either(min(left, 60.0))
        self._set_limit(limit)

    def _set_limit(self, limit: float) -> None:
        wanted = None if limit == math.inf else limit
        if self._sock.gettimeout() != wanted:
            self._sock.settimeout(wanted)


class _Readiness:
    """Asks the kernel about one socket: by poll where there is one (not on Windows), which knows no limit of files."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._poll = select.poll() if hasattr(select, "poll") else None
        if self._poll is not None:
            self._poll.register(sock, select.POLLIN)

    def readable(self) -> bool:
        """Whether something has come, or the end."""
        if self._poll is not None:
            return bool(self._poll.poll(0))
        return bool(select.select([self._sock], [], [], 0)[0])

    def wait_for_either(self, seconds: float) -> None:
        """Until something comes or can be sent."""
        if self._poll is not None:
            poll = select.poll()
            poll.register(self._sock, select.POLLIN | select.POLLOUT)
            poll.poll(seconds * 1000)
        else:
            select.select([self._sock], [self._sock], [], seconds)


def _complete(replies: List[Reply], count: int) -> bool:
    """Whether `count` replies have come. Behind a frame that is refused none come, so its reply is theirs too.

    Raises BusyError, behind which none come either.
    """
    if not replies:
        return False
    if is_busy(replies[0]):
        raise server_error(replies[0][1].decode("utf-8", "replace"), False)
    if refuses_frame(replies[-1]):
        replies += [replies[-1]] * (count - len(replies))
    return len(replies) >= count


def _connected_socket(options: Options) -> socket.socket:
    """A connection, with TLS where the options have it. Raises OSError, and socket.timeout where it takes too long."""
    sock = socket.create_connection((options.host, options.port), options.connect_timeout)
    try:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if options.tls is not None:
            return options.tls.wrap_socket(sock, server_hostname=options.host)
        return sock
    except BaseException:
        sock.close()
        raise

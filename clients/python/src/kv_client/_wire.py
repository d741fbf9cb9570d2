"""Frames: bytes that arrive become replies. No I/O here."""

from __future__ import annotations

import struct
from typing import List, Tuple

from .errors import ProtocolError

OK, NULL, ERROR, INVALID, PUSH = 0x00, 0x01, 0x02, 0x03, 0x10

Reply = Tuple[int, bytes]
"""A status and its payload."""

HEADER = struct.Struct(">BI")
_HEADER_BYTES = HEADER.size
_STATUSES = frozenset((OK, NULL, ERROR, INVALID, PUSH))


def is_busy(reply: Reply) -> bool:
    """Whether it is BUSY, said as soon as a connection is accepted; nothing is carried out, and the server closes."""
    return reply[0] == ERROR and reply[1].startswith(b"BUSY ")


def refuses_frame(reply: Reply) -> bool:
    """Whether it is INVALID TOOLARGE, behind which the server carries out nothing more and closes."""
    return reply[0] == INVALID and reply[1].startswith(b"TOOLARGE ")


def knows_nobody(reply: Reply) -> bool:
    """Whether it is NOAUTH. Where the connection has said who we are, that user is gone, or was made anew since."""
    return reply[0] == ERROR and reply[1].startswith(b"NOAUTH ")


class ReplyReader:
    """Cuts a stream of bytes into replies. What the server pushes unasked is left out."""

    __slots__ = ("_buffer",)

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> List[Reply]:
        """The replies that are whole now that `data` has arrived, in their order.

        Raises ProtocolError where a status is none of the protocol's; the stream is of no more use then.
        """
        if self._buffer:
            self._buffer += data
            replies, used = self._cut(self._buffer)
            del self._buffer[:used]
            return replies
        replies, used = self._cut(data)
        if used < len(data):
            self._buffer += data[used:]
        return replies

    def _cut(self, data: "bytes | bytearray") -> Tuple[List[Reply], int]:
        replies: List[Reply] = []
        at, size = 0, len(data)
        while size - at >= _HEADER_BYTES:
            status, length = HEADER.unpack_from(data, at)
            if status not in _STATUSES:
                raise ProtocolError(f"the answer begins with 0x{status:02x}: no kv-server, or TLS where none is due")
            start = at + _HEADER_BYTES
            if size - start < length:
                break
            at = start + length
            if status != PUSH:
                replies.append((status, bytes(memoryview(data)[start:at])))
        return replies, at

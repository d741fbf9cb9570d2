"""What the commands answer, from bytes to Python. Each decoder takes the status and the payload of a reply.

Each raises the ServerError that an ERROR or INVALID says, and ProtocolError for bytes that answer something else.
"""

from __future__ import annotations

import math
import struct
from datetime import datetime, timedelta, timezone
from typing import Any, Callable, List, NamedTuple, Optional, Tuple

from ._wire import ERROR, INVALID, NULL, OK
from .errors import ProtocolError, server_error
from .values import KvValue, ValueType, decode_value, decode_value_at

FOREVER_MS = 2**64 - 1

_nothing = struct.Struct("")
_u8 = struct.Struct(">B")
_u16 = struct.Struct(">H")
_u32 = struct.Struct(">I")
_u64 = struct.Struct(">Q")
_i64 = struct.Struct(">q")
_bool = struct.Struct(">?")
_bool_u64 = struct.Struct(">?Q")
_u64_u32 = struct.Struct(">QI")
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


class CasResult(NamedTuple):
    """What `cas` found; true where it swapped."""

    swapped: bool
    current: KvValue
    """The value that was there instead of the expected one."""
    absent: bool
    """The key wasn't there, though a value was expected."""

    def __bool__(self) -> bool:
        return self.swapped


class Acquired(NamedTuple):
    """What `acquire` got; true where it holds the lock now."""

    token: Optional[int]
    """The fencing token, None where the lock wasn't acquired."""
    remaining: float
    """Seconds that the present entry has left where it wasn't; `inf` where that never expires."""

    def __bool__(self) -> bool:
        return self.token is not None


class ScanPage(NamedTuple):
    """One step of a scan: `cursor` leads to the next, 0 says that this was the last."""

    cursor: int
    keys: List[str]


def _payload(status: int, payload: bytes) -> bytes:
    """The payload of an OK. Raises what an ERROR or INVALID says, and ProtocolError for a NULL."""
    if status == OK:
        return payload
    if status in (ERROR, INVALID):
        raise server_error(payload.decode("utf-8", "replace"), status == INVALID)
    raise ProtocolError(f"the status 0x{status:02x} answers something else")


def _unpacked(layout: struct.Struct, status: int, payload: bytes) -> Tuple[Any, ...]:
    data = _payload(status, payload)
    if len(data) != layout.size:
        raise ProtocolError(f"an answer of {len(data)} bytes where {layout.size} are due")
    return layout.unpack(data)


def decode_nothing_reply(status: int, payload: bytes) -> None:
    _unpacked(_nothing, status, payload)


def decode_bool_reply(status: int, payload: bytes) -> bool:
    return bool(_unpacked(_bool, status, payload)[0])


def decode_i64_reply(status: int, payload: bytes) -> int:
    return int(_unpacked(_i64, status, payload)[0])


def decode_u32_reply(status: int, payload: bytes) -> int:
    return int(_unpacked(_u32, status, payload)[0])


def decode_u64_reply(status: int, payload: bytes) -> int:
    return int(_unpacked(_u64, status, payload)[0])


def decode_text_reply(status: int, payload: bytes) -> str:
    return _payload(status, payload).decode("utf-8", "replace")


def decode_bytes_reply(status: int, payload: bytes) -> bytes:
    return _payload(status, payload)


def decode_value_reply(status: int, payload: bytes) -> KvValue:
    if status == OK:
        return decode_value(payload)
    return None if status == NULL else decode_value(_payload(status, payload))


def decode_cas_reply(status: int, payload: bytes) -> CasResult:
    if status == NULL:
        return CasResult(False, None, True)
    data = _payload(status, payload)
    if data[:1] == b"\x00":
        return CasResult(False, decode_value(data, 1), False)
    return CasResult(decode_bool_reply(status, payload), None, False)


def decode_ttl_reply(status: int, payload: bytes) -> Optional[float]:
    if status == NULL:
        return None
    left = decode_i64_reply(status, payload)
    return math.inf if left < 0 else left / 1000


def decode_type_reply(status: int, payload: bytes) -> Optional[ValueType]:
    if status == NULL:
        return None
    byte = _unpacked(_u8, status, payload)[0]
    try:
        return ValueType(byte)
    except ValueError:
        raise ProtocolError(f"a value of the unknown type 0x{byte:02x}") from None


def decode_values_reply(status: int, payload: bytes) -> List[KvValue]:
    data = _payload(status, payload)
    (count,) = _head(_u16, data)
    values: List[KvValue] = []
    at = _u16.size
    for _ in range(count):
        value, at = decode_value_at(data, at)
        values.append(value)
    if at != len(data):
        raise ProtocolError(f"{len(data) - at} bytes are left over behind {count} values")
    return values


def decode_bools_reply(status: int, payload: bytes) -> List[bool]:
    data = _payload(status, payload)
    (count,) = _head(_u16, data)
    if len(data) != _u16.size + count:
        raise ProtocolError(f"{len(data)} bytes hold no {count} answers")
    return [byte == 1 for byte in data[_u16.size :]]


def decode_acquired_reply(status: int, payload: bytes) -> Acquired:
    got, number = _unpacked(_bool_u64, status, payload)
    if got:
        return Acquired(number, 0.0)
    return Acquired(None, math.inf if number == FOREVER_MS else number / 1000)


def decode_time_reply(status: int, payload: bytes) -> Optional[datetime]:
    """Milliseconds since 1970; 0, and no payload at all, mean never."""
    if status == OK and not payload:
        return None
    ms = decode_u64_reply(status, payload)
    return _EPOCH + timedelta(milliseconds=ms) if ms else None


def _head(layout: struct.Struct, data: bytes) -> Tuple[Any, ...]:
    if len(data) < layout.size:
        raise ProtocolError(f"an answer of {len(data)} bytes where at least {layout.size} are due")
    return layout.unpack_from(data)


def scan_decoder(prefix: bytes) -> Callable[[int, bytes], ScanPage]:
    """The decoder of a page of keys that all begin with `prefix`, and are returned without it."""

    def decode(status: int, payload: bytes) -> ScanPage:
        data = _payload(status, payload)
        cursor, count = _head(_u64_u32, data)
        keys: List[str] = []
        at = _u64_u32.size
        for _ in range(count):
            start = at + _u16.size
            at = start + int(_head(_u16, data[at:start])[0])
            if at - start > len(prefix):
                keys.append(data[start + len(prefix) : at].decode("utf-8", "replace"))
        if at != len(data):
            raise ProtocolError(f"{len(data)} bytes hold no {count} keys")
        return ScanPage(cursor, keys)

    return decode

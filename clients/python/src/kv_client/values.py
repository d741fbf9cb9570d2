"""The nine value types, from Python to the wire and back.

| Python                             | On the wire | comes back as |
| ---------------------------------- | ----------- | ------------- |
| None                               | Null        | None          |
| bool                               | Bool        | bool          |
| int, within 64 bits                | Int         | int           |
| float                              | Float       | float         |
| decimal.Decimal, finite            | Decimal     | Decimal       |
| str                                | String      | str           |
| bytes, bytearray, memoryview       | Bytes       | bytes         |
| list, tuple                        | List        | list          |
| dict or another mapping, str keys  | Map         | dict          |

A subclass is stored as what it derives from (an IntEnum as Int). Everything else is a TypeError: other sequences and
iterators may be anything, so they want a `list()` around them.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping as AbstractMapping
from decimal import Decimal
from enum import IntEnum
from typing import Any, Callable, Dict, List, Mapping, Sequence, Tuple, Union

from .errors import ProtocolError

KvValue = Union[None, bool, int, float, Decimal, str, bytes, List["KvValue"], Dict[str, "KvValue"]]
"""What the server returns."""

KvInput = Union[
    None, bool, int, float, Decimal, str, bytes, bytearray, memoryview, Sequence["KvInput"], Mapping[str, "KvInput"]
]
"""What can be stored; of sequences only lists and tuples."""


class ValueType(IntEnum):
    """The type of a stored value: its byte on the wire."""

    NULL = 0
    INT = 1
    FLOAT = 2
    DECIMAL = 3
    STRING = 4
    BYTES = 5
    LIST = 6
    MAP = 7
    BOOL = 8


INT_MIN, INT_MAX = -(2**63), 2**63 - 1
DEPTH_MAX = 128
DECIMAL_DIGITS_MAX = 1000
MAP_KEY_BYTES_MAX = 65535
LENGTH_MAX = 2**32 - 1

_u8_u16 = struct.Struct(">BH")
_u8_u32 = struct.Struct(">BI")
_u8_i64 = struct.Struct(">Bq")
_u8_f64 = struct.Struct(">Bd")
_u16 = struct.Struct(">H")
_u32 = struct.Struct(">I")
_i64 = struct.Struct(">q")
_f64 = struct.Struct(">d")


def check_int(number: int) -> int:
    """`number` itself. Raises OverflowError where it doesn't fit the protocol's 64 bits."""
    if not INT_MIN <= number <= INT_MAX:
        raise OverflowError("an Int has 64 bits (-2**63 to 2**63 - 1); store larger numbers as Decimal")
    return number


def _encode_null(_: None) -> bytes:
    return b"\x00"


def _encode_bool(value: bool) -> bytes:
    return b"\x08\x01" if value else b"\x08\x00"


def _encode_int(value: int) -> bytes:
    return _u8_i64.pack(ValueType.INT, check_int(value))


def _encode_float(value: float) -> bytes:
    return _u8_f64.pack(ValueType.FLOAT, value)


def _encode_decimal(value: Decimal) -> bytes:
    digits, exponent = value.as_tuple()[1:]
    if not isinstance(exponent, int):
        raise ValueError(f"a Decimal must be finite, not {value}")
    whole = len(digits) + max(exponent, 0) if value else 0
    if whole > DECIMAL_DIGITS_MAX or -exponent > DECIMAL_DIGITS_MAX:
        raise ValueError(f"a Decimal has at most {DECIMAL_DIGITS_MAX} digits, and as many after the point")
    text = b"%b" % (f"{value:f}" if value else f"{value.copy_abs():f}").encode("ascii")
    return _u8_u16.pack(ValueType.DECIMAL, len(text)) + text


def _sized(kind: ValueType, data: bytes) -> bytes:
    if len(data) > LENGTH_MAX:
        raise ValueError(f"{len(data)} bytes are more than a value can have")
    return _u8_u32.pack(kind, len(data)) + data


def _encode_str(value: str) -> bytes:
    return _sized(ValueType.STRING, value.encode("utf-8"))


def _encode_bytes(value: Union[bytes, bytearray, memoryview]) -> bytes:
    return _sized(ValueType.BYTES, bytes(value))


_SCALARS: Dict[type, Callable[[Any], bytes]] = {
    type(None): _encode_null,
    bool: _encode_bool,
    int: _encode_int,
    float: _encode_float,
    Decimal: _encode_decimal,
    str: _encode_str,
    bytes: _encode_bytes,
    bytearray: _encode_bytes,
    memoryview: _encode_bytes,
}


def encode_value(value: KvInput) -> bytes:
    """`value` with its type byte, as it goes over the wire.

    Raises TypeError for a type that can't be stored and for map keys that are no strings, OverflowError for an int
    beyond 64 bits, and ValueError for a Decimal that isn't finite or too long, for text that is no UTF-8 (lone
    surrogates) and for lists and maps that nest deeper than 128 levels.
    """
    encode = _SCALARS.get(type(value))
    if encode is not None:
        return encode(value)
    parts: List[bytes] = []
    _encode_into(parts, value, 1)
    return b"".join(parts)


def _encode_into(parts: List[bytes], value: Any, depth: int) -> None:
    encode = _SCALARS.get(type(value))
    if encode is not None:
        parts.append(encode(value))
    elif isinstance(value, (list, tuple)):
        _encode_head(parts, ValueType.LIST, len(value), depth)
        for item in value:
            _encode_into(parts, item, depth + 1)
    elif isinstance(value, AbstractMapping):
        _encode_head(parts, ValueType.MAP, len(value), depth)
        for key, item in value.items():
            parts.append(_encode_map_key(key))
            _encode_into(parts, item, depth + 1)
    else:
        for base, encode in _SCALARS.items():
            if isinstance(value, base):
                parts.append(encode(value))
                return
        raise TypeError(f"a value of type {type(value).__name__} can't be stored")


def _encode_head(parts: List[bytes], kind: ValueType, count: int, depth: int) -> None:
    if depth > DEPTH_MAX:
        raise ValueError(f"lists and maps nest at most {DEPTH_MAX} levels")
    if count > LENGTH_MAX:
        raise ValueError(f"{count} items are more than a value can have")
    parts.append(_u8_u32.pack(kind, count))


def _encode_map_key(key: object) -> bytes:
    if not isinstance(key, str):
        raise TypeError(f"the keys of a map are strings, not {type(key).__name__}")
    data = key.encode("utf-8")
    if len(data) > MAP_KEY_BYTES_MAX:
        raise ValueError(f"a map key has at most {MAP_KEY_BYTES_MAX} bytes, not {len(data)}")
    return _u16.pack(len(data)) + data


def decode_value(data: bytes, start: int = 0) -> KvValue:
    """The value that takes all of `data` from `start` on. Raises ProtocolError where it isn't one."""
    value, end = decode_value_at(data, start)
    if end != len(data):
        raise ProtocolError(f"{len(data) - end} bytes are left over behind a value")
    return value


def decode_value_at(data: bytes, at: int) -> Tuple[KvValue, int]:
    """The value that begins at `at`, and where it ends. Raises ProtocolError where there is none."""
    try:
        return _decode(data, at)
    except (struct.error, IndexError, UnicodeDecodeError, ArithmeticError, RecursionError) as error:
        raise ProtocolError(f"a value that can't be read: {error}") from None


def _decode(data: bytes, at: int) -> Tuple[KvValue, int]:
    kind = data[at]
    at += 1
    if kind == 0x04:
        text, end = _take(data, at)
        return text.decode("utf-8"), end
    if kind == 0x01:
        return _i64.unpack_from(data, at)[0], at + 8
    if kind == 0x05:
        return _take(data, at)
    if kind == 0x02:
        return _f64.unpack_from(data, at)[0], at + 8
    if kind == 0x00:
        return None, at
    if kind == 0x08:
        return _decode_bool(data, at)
    if kind == 0x06:
        return _decode_list(data, at)
    if kind == 0x07:
        return _decode_map(data, at)
    if kind == 0x03:
        end = at + 2 + int(_u16.unpack_from(data, at)[0])
        return Decimal(_slice(data, at + 2, end).decode("ascii")), end
    raise ProtocolError(f"a value of the unknown type 0x{kind:02x}")


def _slice(data: bytes, at: int, end: int) -> bytes:
    if end > len(data):
        raise IndexError(f"{end - at} bytes announced, {max(len(data) - at, 0)} there")
    return data[at:end]


def _take(data: bytes, at: int) -> Tuple[bytes, int]:
    end = at + 4 + int(_u32.unpack_from(data, at)[0])
    return _slice(data, at + 4, end), end


def _decode_bool(data: bytes, at: int) -> Tuple[bool, int]:
    if data[at] > 1:
        raise ProtocolError(f"a Bool of {data[at]}")
    return data[at] == 1, at + 1


def _decode_list(data: bytes, at: int) -> Tuple[List[KvValue], int]:
    count = int(_u32.unpack_from(data, at)[0])
    at += 4
    items: List[KvValue] = []
    for _ in range(count):
        item, at = _decode(data, at)
        items.append(item)
    return items, at


def _decode_map(data: bytes, at: int) -> Tuple[Dict[str, KvValue], int]:
    count = int(_u32.unpack_from(data, at)[0])
    at += 4
    items: Dict[str, KvValue] = {}
    for _ in range(count):
        end = at + 2 + int(_u16.unpack_from(data, at)[0])
        key = _slice(data, at + 2, end).decode("utf-8")
        items[key], at = _decode(data, end)
    return items, at

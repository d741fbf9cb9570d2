"""What the commands take, from Python to bytes; what can't be sent raises here."""

from __future__ import annotations

import math
import struct
from typing import Iterable, Optional

from ._wire import HEADER
from .values import check_int

KEY_BYTES_MAX = 65535
BATCH_MAX = 65535
TTL_MS_MAX = 2**64 - 1

_u16 = struct.Struct(">H")
_i64 = struct.Struct(">q")


def encode_key(prefix: bytes, key: str) -> bytes:
    """The key with its prefix. Raises TypeError or ValueError where it can't be a key."""
    if not isinstance(key, str):
        raise TypeError(f"a key is a string, not {type(key).__name__}")
    if not key:
        raise ValueError("a key can't be empty")
    data = prefix + key.encode("utf-8")
    if len(data) > KEY_BYTES_MAX:
        raise ValueError(f"a key has at most {KEY_BYTES_MAX} bytes, its namespace included, not {len(data)}")
    return data


def milliseconds(seconds: Optional[float], what: str = "a ttl") -> int:
    """Seconds as the protocol's milliseconds, rounded up; None is 0. Raises ValueError below 0, for NaN and infinity.

    What a float is off by (16.1 * 1000 is a little more than 16100) doesn't count as a part of a millisecond.
    """
    if seconds is None:
        return 0
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
        raise TypeError(f"{what} is a number of seconds, not {type(seconds).__name__}")
    if not 0 <= seconds < math.inf:
        raise ValueError(f"{what} is 0 or more seconds, and finite, not {seconds}")
    rounded = math.ceil(round(seconds * 1000, 6))
    if rounded > TTL_MS_MAX:
        raise ValueError(f"{what} of {seconds} seconds is more than the protocol knows")
    return rounded if rounded or not seconds else 1


def sized(data: bytes) -> bytes:
    return _u16.pack(len(data)) + data


def encode_owner(owner: str) -> bytes:
    if not isinstance(owner, str):
        raise TypeError(f"an owner is a string, not {type(owner).__name__}")
    data = owner.encode("utf-8")
    if not 0 < len(data) <= KEY_BYTES_MAX:
        raise ValueError(f"an owner has 1 to {KEY_BYTES_MAX} bytes, not {len(data)}")
    return sized(data)


def frame(byte: int, payload: bytes) -> bytes:
    if len(payload) > 2**32 - 1:
        raise ValueError(f"a request of {len(payload)} bytes is more than the protocol can carry")
    return HEADER.pack(byte, len(payload)) + payload


def encode_i64(number: int, what: str) -> bytes:
    if isinstance(number, bool) or not isinstance(number, int):
        raise TypeError(f"{what} is an int, not {type(number).__name__}")
    return _i64.pack(check_int(number))


def encode_keys(prefix: bytes, keys: Iterable[str]) -> bytes:
    if isinstance(keys, (str, bytes)):
        raise TypeError("a list of keys is wanted, not one")
    encoded = [sized(encode_key(prefix, key)) for key in keys]
    return encode_count(len(encoded)) + b"".join(encoded)


def encode_count(count: int) -> bytes:
    if count > BATCH_MAX:
        raise ValueError(f"one command takes at most {BATCH_MAX} keys, not {count}")
    return _u16.pack(count)


def sized_text(text: str, what: str) -> bytes:
    data = text.encode("utf-8")
    if len(data) > KEY_BYTES_MAX:
        raise ValueError(f"{what} has at most {KEY_BYTES_MAX} bytes, not {len(data)}")
    return sized(data)

"""Every command of the protocol, described once: how its request is encoded and how its reply is decoded.

A function of this module takes a prefix for keys and locks (empty, or a namespace and its colon) and what the command
takes, and returns a `Request`. The clients, blocking or not, only carry requests to the server and replies back.
"""

from __future__ import annotations

import math
import re
import struct
from datetime import datetime
from decimal import Decimal
from typing import Any, Callable, Generic, Iterable, List, Mapping, Optional, Tuple, TypeVar, Union, cast

from . import _command_bytes as command
from ._arguments import KEY_BYTES_MAX, encode_count, encode_i64, encode_key, encode_keys, encode_owner
from ._arguments import frame, milliseconds, sized, sized_text
from ._replies import (
    Acquired,
    CasResult,
    ScanPage,
    decode_acquired_reply,
    decode_bool_reply,
    decode_bools_reply,
    decode_bytes_reply,
    decode_cas_reply,
    decode_i64_reply,
    decode_nothing_reply,
    decode_text_reply,
    decode_time_reply,
    decode_ttl_reply,
    decode_type_reply,
    decode_u32_reply,
    decode_u64_reply,
    decode_value_reply,
    decode_values_reply,
    scan_decoder,
)
from .values import KvInput, KvValue, ValueType, encode_value

T = TypeVar("T")
Number = TypeVar("Number", int, float, Decimal)
Pairs = Union[Mapping[str, KvInput], Iterable[Tuple[str, KvInput]]]

SCAN_COUNT_MAX = 2**32 - 1

_u64 = struct.Struct(">Q")
_u64_u32 = struct.Struct(">QI")
_u64_u64 = struct.Struct(">QQ")
_GLOB_SPECIAL = re.compile(rb"[*?\[\]\\]")


class Request(Generic[T]):
    """A request, ready to be sent, and how to read the reply to it."""

    __slots__ = ("frame", "decode", "idempotent", "wait", "undo")

    def __init__(
        self,
        frame: bytes,
        decode: Callable[[int, bytes], T],
        idempotent: bool = False,
        wait: float = 0.0,
        undo: Optional[Callable[[T], Optional[Request[Any]]]] = None,
    ) -> None:
        self.frame = frame
        self.decode = decode
        """Turns status and payload into the result, or raises the error that they say."""
        self.idempotent = idempotent
        """Sent twice it does and answers the same, so it may be sent again where a connection was lost."""
        self.wait = wait
        """How many seconds the server may rightly take, beside the usual; nothing else should wait behind it."""
        self.undo = undo
        """What gives the result back to the server where the caller had gone away before it came."""


def _stored(prefix: bytes, byte: int, key: str, value: KvInput, ttl: Optional[float]) -> bytes:
    name = encode_key(prefix, key)
    return frame(byte, sized(name) + _u64.pack(milliseconds(ttl)) + encode_value(value))


# The commands, in the order of their bytes.


def get(prefix: bytes, key: str) -> Request[KvValue]:
    return Request(frame(command.GET, encode_key(prefix, key)), decode_value_reply, idempotent=True)


def set(prefix: bytes, key: str, value: KvInput, ttl: Optional[float]) -> Request[None]:
    return Request(_stored(prefix, command.SET, key, value, ttl), decode_nothing_reply, idempotent=True)


def delete(prefix: bytes, key: str) -> Request[bool]:
    return Request(frame(command.DEL, encode_key(prefix, key)), decode_bool_reply)


def exists(prefix: bytes, key: str) -> Request[bool]:
    return Request(frame(command.EXISTS, encode_key(prefix, key)), decode_bool_reply, idempotent=True)


def incr(prefix: bytes, key: str, delta: int) -> Request[int]:
    payload = sized(encode_key(prefix, key)) + encode_i64(delta, "a delta")
    return Request(frame(command.INCR, payload), decode_i64_reply)


def decr(prefix: bytes, key: str, delta: int) -> Request[int]:
    payload = sized(encode_key(prefix, key)) + encode_i64(delta, "a delta")
    return Request(frame(command.DECR, payload), decode_i64_reply)


def cas(prefix: bytes, key: str, expected: KvInput, new: KvInput, ttl: Optional[float]) -> Request[CasResult]:
    payload = sized(encode_key(prefix, key)) + encode_value(expected) + encode_value(new)
    return Request(frame(command.CAS, payload + _u64.pack(milliseconds(ttl))), decode_cas_reply)


def ping() -> Request[str]:
    return Request(frame(command.PING, b""), decode_text_reply, idempotent=True)


def echo(data: bytes) -> Request[bytes]:
    if not data:
        raise ValueError("there is nothing to be echoed")
    return Request(frame(command.PING, data), decode_bytes_reply, idempotent=True)


def info(section: str) -> Request[str]:
    return Request(frame(command.INFO, section.encode("utf-8")), decode_text_reply, idempotent=True)


def setnx(prefix: bytes, key: str, value: KvInput, ttl: Optional[float]) -> Request[bool]:
    return Request(_stored(prefix, command.SETNX, key, value, ttl), decode_bool_reply)


def lock(prefix: bytes, key: str, owner: str, ttl: float) -> Request[bool]:
    payload = sized(encode_key(prefix, key)) + encode_owner(owner) + _u64.pack(milliseconds(ttl))
    return Request(frame(command.LOCK, payload), decode_bool_reply)


def unlock(prefix: bytes, key: str, owner: str) -> Request[bool]:
    return Request(frame(command.UNLOCK, sized(encode_key(prefix, key)) + encode_owner(owner)), decode_bool_reply)


def extend_lock(prefix: bytes, key: str, owner: str, ttl: float) -> Request[bool]:
    payload = sized(encode_key(prefix, key)) + encode_owner(owner) + _u64.pack(milliseconds(ttl))
    return Request(frame(command.EXTEND, payload), decode_bool_reply, idempotent=True)


def mget(prefix: bytes, keys: Iterable[str]) -> Request[List[KvValue]]:
    return Request(frame(command.MGET, encode_keys(prefix, keys)), decode_values_reply, idempotent=True)


def mset(prefix: bytes, pairs: Pairs, ttl: Optional[float]) -> Request[None]:
    items = pairs.items() if isinstance(pairs, Mapping) else pairs
    encoded = [sized(encode_key(prefix, key)) + encode_value(value) for key, value in items]
    payload = encode_count(len(encoded)) + _u64.pack(milliseconds(ttl)) + b"".join(encoded)
    return Request(frame(command.MSET, payload), decode_nothing_reply, idempotent=True)


def mdel(prefix: bytes, keys: Iterable[str]) -> Request[int]:
    return Request(frame(command.MDEL, encode_keys(prefix, keys)), decode_u32_reply)


def mexists(prefix: bytes, keys: Iterable[str]) -> Request[List[bool]]:
    return Request(frame(command.MEXISTS, encode_keys(prefix, keys)), decode_bools_reply, idempotent=True)


def expire(prefix: bytes, key: str, ttl: float) -> Request[bool]:
    if ttl is None:
        raise TypeError("a ttl is a number of seconds; `persist` takes an expiry away")
    ms = milliseconds(ttl)
    payload = sized(encode_key(prefix, key)) + _u64.pack(ms)
    return Request(frame(command.EXPIRE, payload), decode_bool_reply, idempotent=ms > 0)


def ttl(prefix: bytes, key: str) -> Request[Optional[float]]:
    return Request(frame(command.TTL, encode_key(prefix, key)), decode_ttl_reply, idempotent=True)


def persist(prefix: bytes, key: str) -> Request[bool]:
    return Request(frame(command.PERSIST, encode_key(prefix, key)), decode_bool_reply)


def swap(prefix: bytes, key: str, value: KvInput, ttl: Optional[float]) -> Request[KvValue]:
    return Request(_stored(prefix, command.SWAP, key, value, ttl), decode_value_reply)


def take(prefix: bytes, key: str) -> Request[KvValue]:
    return Request(frame(command.TAKE, encode_key(prefix, key)), decode_value_reply)


def scan(prefix: bytes, cursor: int, match: str, count: int) -> Request[ScanPage]:
    """`match` is a glob on what stands behind the prefix; empty for all."""
    pattern = match.encode("utf-8")
    if prefix:
        pattern = _GLOB_SPECIAL.sub(rb"\\\g<0>", prefix) + (pattern or b"*")
    if len(pattern) > KEY_BYTES_MAX:
        raise ValueError(f"a pattern has at most {KEY_BYTES_MAX} bytes, not {len(pattern)}")
    if not 0 <= count <= SCAN_COUNT_MAX:
        raise ValueError(f"a scan looks at 0 to {SCAN_COUNT_MAX} entries a step, not {count}")
    payload = _u64_u32.pack(cursor, count) + sized(pattern)
    return Request(frame(command.SCAN, payload), scan_decoder(prefix), idempotent=True)


def type(prefix: bytes, key: str) -> Request[Optional[ValueType]]:
    return Request(frame(command.TYPE, encode_key(prefix, key)), decode_type_reply, idempotent=True)


def add(prefix: bytes, key: str, delta: Number) -> Request[Number]:
    if isinstance(delta, bool) or not isinstance(delta, (int, float, Decimal)):
        raise TypeError(f"what is added is an int, a float or a Decimal, not {delta.__class__.__name__}")
    payload = sized(encode_key(prefix, key)) + encode_value(delta)
    return Request(frame(command.ADD, payload), cast(Callable[[int, bytes], Number], decode_value_reply))


def acquire(prefix: bytes, key: str, owner: str, ttl: float, wait: float) -> Request[Acquired]:
    wait_ms = milliseconds(wait, "a wait")
    payload = sized(encode_key(prefix, key)) + encode_owner(owner) + _u64_u64.pack(milliseconds(ttl), wait_ms)

    def undo(acquired: Acquired) -> Optional[Request[Any]]:
        return unlock(prefix, key, owner) if acquired else None

    return Request(frame(command.ACQUIRE, payload), decode_acquired_reply, wait=wait_ms / 1000, undo=undo)


def flush() -> Request[int]:
    return Request(frame(command.FLUSH, b""), decode_u64_reply)


def auth(user: str, password: str) -> Request[None]:
    payload = sized_text(user, "a user") + sized_text(password, "a password")
    return Request(frame(command.AUTH, payload), decode_nothing_reply, idempotent=True)


def whoami() -> Request[str]:
    return Request(frame(command.WHOAMI, b""), decode_text_reply, idempotent=True)


def snapshot(wait: bool) -> Request[Optional[datetime]]:
    payload = b"\x00" if wait else b"\x01"
    return Request(frame(command.SNAPSHOT, payload), decode_time_reply, wait=math.inf if wait else 0.0)


def backup(folder: str) -> Request[Optional[datetime]]:
    return Request(frame(command.SNAPSHOT, b"\x02" + folder.encode("utf-8")), decode_time_reply, wait=math.inf)


def lastsave() -> Request[Optional[datetime]]:
    return Request(frame(command.LASTSAVE, b""), decode_time_reply, idempotent=True)

"""A blocking client of kv-server: the names of `kv_client`, without await.

    from kv_client.sync import KvClient

    with KvClient.connect("127.0.0.1:6380/shop") as client:
        client.set("price", Decimal("19.90"), ttl=60)
        print(client.get("price"))
"""

from __future__ import annotations

from .._options import Retry
from .._pending import Pending
from .._pool_config import PoolConfig, PoolStats
from .._replies import Acquired, CasResult, ScanPage
from ..errors import (
    AuthenticationError,
    BusyError,
    ClosedError,
    FrameError,
    InternalError,
    InvalidArgumentError,
    InvalidKeyError,
    InvalidRequestError,
    InvalidValueError,
    KvConnectionError,
    KvError,
    KvTimeoutError,
    LockedError,
    NoPermissionError,
    NumberOverflowError,
    OutOfMemoryError,
    PoolTimeoutError,
    ProtocolError,
    ReadOnlyError,
    ServerError,
    TooLargeError,
    UnknownCommandError,
    WrongTypeError,
)
from ..values import KvInput, KvValue, ValueType
from ._cached import cached
from ._client import KvClient
from ._lock import Lock
from ._pipeline import Pipeline
from ._pool import KvPool

__all__ = [
    "Acquired",
    "AuthenticationError",
    "BusyError",
    "CasResult",
    "ClosedError",
    "FrameError",
    "InternalError",
    "InvalidArgumentError",
    "InvalidKeyError",
    "InvalidRequestError",
    "InvalidValueError",
    "KvClient",
    "KvConnectionError",
    "KvError",
    "KvInput",
    "KvPool",
    "KvTimeoutError",
    "KvValue",
    "Lock",
    "LockedError",
    "NoPermissionError",
    "NumberOverflowError",
    "OutOfMemoryError",
    "Pending",
    "Pipeline",
    "PoolConfig",
    "PoolStats",
    "PoolTimeoutError",
    "ProtocolError",
    "ReadOnlyError",
    "Retry",
    "ScanPage",
    "ServerError",
    "TooLargeError",
    "UnknownCommandError",
    "ValueType",
    "WrongTypeError",
    "cached",
]

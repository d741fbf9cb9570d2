"""For code that was written against `data_bridge.kv`: change the import to this module, and nothing else.

    from kv_client.compat import KvClient, KvPool, KvValue, Lock, PoolConfig, PoolStats

All of them are those of `kv_client`, which can do more; there is no need to stay here.
"""

from __future__ import annotations

from ._client import KvClient
from ._lock import Lock
from ._pool import KvPool
from ._pool_config import PoolConfig, PoolStats
from .values import KvValue

__all__ = ["KvClient", "KvPool", "KvValue", "Lock", "PoolConfig", "PoolStats"]

"""A cache of cachelib, the library behind the caches and server-side sessions of Flask's extensions.

    cache = KvCache("127.0.0.1:6380/cache")
    cache.set("answer", 42, timeout=60)

An int is kept as an Int, so that `inc` and `dec` are atomic, and everything else pickled.
"""

from __future__ import annotations

from typing import Any, Dict, List, Optional

from cachelib.base import BaseCache

from ..errors import KvError
from ..sync import KvPool, PoolConfig
from ._pickled import dumped, loaded


class KvCache(BaseCache):
    """What cachelib asks for. A timeout of 0 means that a value never expires, None the default."""

    def __init__(self, addr: str, default_timeout: int = 300, **options: Any) -> None:
        """`addr` is what `KvClient.connect` takes, `options` are those of `PoolConfig`."""
        super().__init__(default_timeout)
        settings: Dict[str, Any] = {"min_size": 0, **options}
        self._pool = KvPool.connect(PoolConfig(addr, **settings))

    def get(self, key: str) -> Any:
        return loaded(self._pool.get(key))

    def get_many(self, *keys: str) -> List[Any]:
        return [loaded(stored) for stored in self._pool.mget(keys)]

    def set(self, key: str, value: Any, timeout: Optional[int] = None) -> bool:
        self._pool.set(key, dumped(value), self._ttl(timeout))
        return True

    def add(self, key: str, value: Any, timeout: Optional[int] = None) -> bool:
        return self._pool.setnx(key, dumped(value), self._ttl(timeout))

    def set_many(self, mapping: Dict[str, Any], timeout: Optional[int] = None) -> List[Any]:
        self._pool.mset({key: dumped(value) for key, value in mapping.items()}, self._ttl(timeout))
        return list(mapping)

    def delete(self, key: str) -> bool:
        return self._pool.delete(key)

    def delete_many(self, *keys: str) -> List[Any]:
        pipe = self._pool.pipeline()
        for key in keys:
            pipe.delete(key)
        return [key for key, was_there in zip(keys, pipe.execute()) if was_there]

    def has(self, key: str) -> bool:
        return self._pool.exists(key)

    def clear(self) -> bool:
        """Deletes everything in the namespace of the address, or on the server where it has none."""
        self._pool.flush()
        return True

    def inc(self, key: str, delta: int = 1) -> Optional[int]:
        """Adds and returns the sum; None where the value is no integer."""
        try:
            return self._pool.incr(key, delta)
        except KvError:
            return None

    def dec(self, key: str, delta: int = 1) -> Optional[int]:
        """Subtracts and returns the difference; None where the value is no integer."""
        try:
            return self._pool.decr(key, delta)
        except KvError:
            return None

    def close(self) -> None:
        """Ends all connections."""
        self._pool.close()

    def _ttl(self, timeout: Optional[int]) -> Optional[float]:
        seconds = self._normalize_timeout(timeout)
        return float(seconds) if seconds > 0 else None

"""Django keeps its cache in kv-server.

    CACHES = {"default": {
        "BACKEND": "kv_client.contrib.django.KvCache",
        "LOCATION": "kv://127.0.0.1:6380/cache",
        "OPTIONS": {"max_size": 20},
    }}

LOCATION is what `KvClient.connect` takes; its namespace is what `clear()` deletes, and without one that is everything
on the server. OPTIONS are those of `PoolConfig`. An int is kept as an Int, so that `incr` is atomic, and everything
else pickled. All threads of a process share one pool.
"""

from __future__ import annotations

from typing import Any, Dict, Iterable, List, Optional

from django.core.cache.backends.base import DEFAULT_TIMEOUT, BaseCache

from ..sync import Lock
from ._pickled import dumped, loaded
from ._shared_pool import shared_pool

BATCH = 1000


class KvCache(BaseCache):
    """What Django's cache framework asks for, and besides `delete_pattern` and `lock`."""

    def __init__(self, server: str, params: Dict[str, Any]) -> None:
        super().__init__(params)
        options = {name: value for name, value in params.get("OPTIONS", {}).items() if name.islower()}
        self._pool = shared_pool(server, options)

    def add(self, key: str, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: Optional[int] = None) -> bool:
        name, ttl = self._name(key, version), self._ttl(timeout)
        if ttl == 0:
            return not self._pool.exists(name)
        return self._pool.setnx(name, dumped(value), ttl)

    def get(self, key: str, default: Any = None, version: Optional[int] = None) -> Any:
        stored = self._pool.get(self._name(key, version))
        return default if stored is None else loaded(stored)

    def set(self, key: str, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: Optional[int] = None) -> None:
        name, ttl = self._name(key, version), self._ttl(timeout)
        if ttl == 0:
            self._pool.delete(name)
        else:
            self._pool.set(name, dumped(value), ttl)

    def touch(self, key: str, timeout: Any = DEFAULT_TIMEOUT, version: Optional[int] = None) -> bool:
        name, ttl = self._name(key, version), self._ttl(timeout)
        if ttl is not None:
            return self._pool.expire(name, ttl)
        return self._pool.persist(name) or self._pool.exists(name)

    def delete(self, key: str, version: Optional[int] = None) -> bool:
        return self._pool.delete(self._name(key, version))

    def has_key(self, key: str, version: Optional[int] = None) -> bool:
        return self._pool.exists(self._name(key, version))

    def get_many(self, keys: Iterable[str], version: Optional[int] = None) -> Dict[str, Any]:
        wanted = {key: self._name(key, version) for key in keys}
        found: Dict[str, Any] = {}
        for some in _batches(list(wanted)):
            for key, stored in zip(some, self._pool.mget([wanted[key] for key in some])):
                if stored is not None:
                    found[key] = loaded(stored)
        return found

    def set_many(
        self, data: Dict[str, Any], timeout: Any = DEFAULT_TIMEOUT, version: Optional[int] = None
    ) -> List[str]:
        names = {self._name(key, version): value for key, value in data.items()}
        ttl = self._ttl(timeout)
        for some in _batches(list(names)):
            if ttl == 0:
                self._pool.mdel(some)
            else:
                self._pool.mset([(name, dumped(names[name])) for name in some], ttl)
        return []

    def delete_many(self, keys: Iterable[str], version: Optional[int] = None) -> None:
        for some in _batches([self._name(key, version) for key in keys]):
            self._pool.mdel(some)

    def incr(self, key: str, delta: int = 1, version: Optional[int] = None) -> Any:
        """Adds `delta` to a value, whatever others do meanwhile, and returns the sum. ValueError for an absent key."""
        name = self._name(key, version)
        stored = self._pool.get(name)
        while stored is not None:
            total = loaded(stored) + delta
            result = self._pool.cas(name, stored, dumped(total))
            if result:
                return total
            stored = result.current
        raise ValueError(f"Key '{key}' not found")

    def clear(self) -> None:
        """Deletes everything in the namespace of LOCATION, or on the server where it has none."""
        self._pool.flush()

    def delete_pattern(self, pattern: str, version: Optional[int] = None) -> int:
        """Deletes the keys that match a glob, of this version and prefix. Returns how many there were."""
        found = list(self._pool.scan_iter(self.make_key(pattern, version), count=BATCH))
        return sum(self._pool.mdel(some) for some in _batches(found))

    def lock(
        self, key: str, ttl: float = 30.0, wait: float = 0.0, auto_renew: bool = False, version: Optional[int] = None
    ) -> Lock:
        """Returns a lock with this key, to be entered by `with`; see `kv_client.Lock`."""
        return Lock(self._pool, self._name(key, version), ttl=ttl, wait=wait, auto_renew=auto_renew)

    def _name(self, key: str, version: Optional[int]) -> str:
        name: str = self.make_key(key, version)
        self.validate_key(name)
        return name

    def _ttl(self, timeout: Any) -> Optional[float]:
        """Seconds, None for no expiry, 0 for a timeout that is over already."""
        seconds = self.default_timeout if timeout is DEFAULT_TIMEOUT else timeout
        return None if seconds is None else max(float(seconds), 0.0)


def _batches(items: List[str]) -> Iterable[List[str]]:
    return (items[at : at + BATCH] for at in range(0, len(items), BATCH))

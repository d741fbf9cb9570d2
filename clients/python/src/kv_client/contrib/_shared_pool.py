"""One pool for each server and process. Frameworks make an adapter for every thread, and those share it."""

from __future__ import annotations

from typing import Any, Dict, Mapping, Tuple

from ..sync import KvPool, PoolConfig

_pools: Dict[Tuple[str, str], KvPool] = {}


def shared_pool(addr: str, options: Mapping[str, Any]) -> KvPool:
    """The pool for this address and these options of `PoolConfig`, of which `min_size` is 0 unless it is named.

    Without a mutex, which a fork could leave locked for ever: where two threads come first, one of their pools stays.
    """
    name = (addr, repr(sorted(options.items())))
    pool = _pools.get(name)
    if pool is not None and not pool.closed:
        return pool
    settings: Dict[str, Any] = {"min_size": 0, **options}
    made = KvPool.connect(PoolConfig(addr, **settings))
    if pool is not None:
        _pools.pop(name, None)
    kept = _pools.setdefault(name, made)
    if kept is not made:
        made.close()
    return kept

"""Celery keeps its results in kv-server.

    app = Celery("shop", broker=..., backend="kv://127.0.0.1:6380/celery")

Where the package isn't installed by pip, so that Celery doesn't know `kv://`, say
`backend="kv_client.contrib.celery.KvBackend+kv://..."`. Results expire as `result_expires` says. Chords are counted on
the server. All threads of a process share a pool of `kv_max_connections` (10) connections, made when it is first
used and anew in every forked worker.
"""

from __future__ import annotations

from typing import Any, List, Optional, Union

from celery.backends.base import KeyValueStoreBackend
from kombu.utils.encoding import bytes_to_str

from ..errors import KvConnectionError
from ..sync import KvPool
from ._shared_pool import shared_pool

MAX_CONNECTIONS = 10
BATCH = 1000
Encoded = Union[str, bytes]


class KvBackend(KeyValueStoreBackend):
    """The backend of `kv://` and `kvs://` URLs, which are those that `KvClient.from_url` takes."""

    key_t = bytes_to_str
    implements_incr = True
    supports_autoexpire = True
    supports_native_join = True
    persistent = True

    def __init__(self, app: Any, url: Optional[str] = None, **kwargs: Any) -> None:
        super().__init__(app, url=url, **kwargs)
        most = int(app.conf.get("kv_max_connections", MAX_CONNECTIONS))
        self._server = (url or "kv://127.0.0.1", {"max_size": most})

    @property
    def client(self) -> KvPool:
        """The pool of this process, which connects when it is first used."""
        return shared_pool(*self._server)

    def get(self, key: str) -> Any:
        return self.client.get(key)

    def mget(self, keys: List[str]) -> List[Any]:
        found: List[Any] = []
        for at in range(0, len(keys), BATCH):
            found += self.client.mget(keys[at : at + BATCH])
        return found

    def set(self, key: str, value: Encoded) -> None:
        self.client.set(key, value, self.expires)

    def delete(self, key: str) -> None:
        self.client.delete(key)

    def incr(self, key: str) -> int:
        return self.client.incr(key)

    def expire(self, key: str, value: Optional[float]) -> None:
        if value is not None:
            self.client.expire(key, value)

    def exception_safe_to_retry(self, exc: BaseException) -> bool:
        """Whether Celery's `result_backend_always_retry` applies: storing a result twice does no harm."""
        return isinstance(exc, KvConnectionError)

    def __reduce__(self, args: Any = (), kwargs: Any = None) -> Any:
        return super().__reduce__(args, {**(kwargs or {}), "url": self.url})

"""A lock on the server, held for a piece of code."""

from __future__ import annotations

import time
import uuid
from types import TracebackType
from typing import Optional, Type

from ._commands import Commands
from ._renewal import Renewal
from ._shielded import shielded
from .errors import KvConnectionError, KvError

DEFAULT_TTL = 30.0


class Lock:
    """Holds the lock `key` as `owner` (by default a name that nobody else has) for `ttl` seconds at most.

        async with Lock(client, "job:7", wait=10.0, auto_renew=True) as acquired:
            if acquired:
                ...

    Entering waits up to `wait` seconds, on the server and in the order of coming, and returns whether the lock was
    acquired; the block is entered either way. Leaving releases it, and raises LockedError where it had run out and
    somebody else has it now, unless another exception leaves the block. `auto_renew` extends it at every third of its
    ttl for as long as it is held.

    A holder that is paused may outlive its lock. `token` grows with every acquisition: hand it along with each write
    to what the lock protects, and let that refuse a smaller one than the largest it has seen.

    A lock is not re-entrant. `client` may be a client or a pool, which puts its namespace before `key`.
    """

    def __init__(
        self,
        client: Commands,
        key: str,
        owner: Optional[str] = None,
        ttl: float = DEFAULT_TTL,
        wait: float = 0.0,
        auto_renew: bool = False,
    ) -> None:
        self.key = key
        self.owner = uuid.uuid4().hex if owner is None else owner
        self.ttl = ttl or DEFAULT_TTL
        self.wait = wait
        self.auto_renew = auto_renew
        self._client = client
        self._token: Optional[int] = None
        self._until = 0.0
        self._entered = False
        self._renewal: Optional[Renewal] = None

    def __repr__(self) -> str:
        return f"<Lock {self.key!r} of {self.owner!r}{', owned' if self.owned else ''}>"

    @property
    def token(self) -> Optional[int]:
        """The fencing token of the last acquisition; None before, and where the last try failed."""
        return self._token

    @property
    def owned(self) -> bool:
        """Whether the lock is held, as far as is known here: acquired, not released, and its time not over."""
        return time.monotonic() < self._until

    async def acquire(self) -> bool:
        """Takes the lock, waiting for it as long as `wait` says. Returns whether it was acquired."""
        acquired = await self._client.acquire(self.key, self.owner, self.ttl, self.wait)
        if acquired:
            self._token = acquired.token
            self._until = time.monotonic() + self.ttl
            self._stop_renewal()
            if self.auto_renew:
                self._renewal = Renewal(self._renew, self.ttl / 3)
        elif not self.owned:
            self._token = None
        return bool(acquired)

    async def extend(self, ttl: Optional[float] = None) -> bool:
        """Sets the time that the lock has left to `ttl`, by default its own. Returns False where it isn't held.

        Raises LockedError where another owner holds it.
        """
        seconds = ttl or self.ttl
        asked_at = time.monotonic()
        try:
            extended = await self._client.extend_lock(self.key, self.owner, seconds)
        except KvConnectionError:
            raise
        except KvError:
            self._until = 0.0
            raise
        self._until = asked_at + seconds if extended else 0.0
        return extended

    async def release(self) -> bool:
        """Releases the lock. Returns False where it isn't held. Raises LockedError where another owner holds it."""
        self._stop_renewal()
        self._until = 0.0
        return await shielded(self._client.unlock(self.key, self.owner))

    def _stop_renewal(self) -> None:
        if self._renewal is not None:
            self._renewal.stop()
            self._renewal = None

    async def _renew(self) -> Optional[float]:
        """Extends the lock. Returns when to do it again, None where it is lost."""
        try:
            return self.ttl / 3 if await self.extend() else None
        except KvConnectionError:
            return self.ttl / 10 if self.owned else None
        except KvError:
            return None

    async def __aenter__(self) -> bool:
        self._entered = await self.acquire()
        return self._entered

    async def __aexit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        if not self._entered:
            return
        try:
            await self.release()
        except KvError:
            if kind is None:
                raise

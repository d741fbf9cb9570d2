# Written by tools/generate_twins.py from _methods.py: don't edit.
"""The methods that clients and pools have in common: one for each command.

tools/generate_twins.py makes the blocking ones (sync/_methods.py) and those of pipelines (_pipeline_methods.py) of this
file; a test checks that they are up to date.
"""

from __future__ import annotations

from datetime import datetime
from typing import Iterable, List, Optional, TypeVar

from .. import _requests as requests
from .._replies import Acquired, CasResult, ScanPage
from .._requests import Number, Pairs, Request
from ..values import KvInput, KvValue, ValueType

T = TypeVar("T")


class SingleCommands:
    """The methods that are one command each.

    Keys are strings of 1 to 65,535 bytes in UTF-8; the namespace, if there is one, is put before them. A `ttl` is in
    seconds and rounded up to a millisecond; where a value is stored, None and 0 mean that it never expires. Arguments
    that can't be sent raise TypeError, ValueError or OverflowError before anything is sent. Every method may raise
    KvConnectionError and KvTimeoutError, and the ServerError that the server answers; those of a command's own are
    named with it.
    """

    _prefix: bytes

    def _call(self, request: Request[T]) -> T:
        raise NotImplementedError

    def ping(self) -> str:
        """Returns "PONG"."""
        return self._call(requests.ping())

    def echo(self, data: bytes) -> bytes:
        """Sends `data`, which can't be empty, to the server and returns what comes back: the same."""
        return self._call(requests.echo(data))

    def get(self, key: str) -> KvValue:
        """Returns the value of `key`, or None where it is absent."""
        return self._call(requests.get(self._prefix, key))

    def set(self, key: str, value: KvInput, ttl: Optional[float] = None) -> None:
        """Stores `value`, whatever the key held before; its old value, expiry and lock are gone."""
        return self._call(requests.set(self._prefix, key, value, ttl))

    def setnx(self, key: str, value: KvInput, ttl: Optional[float] = None) -> bool:
        """Stores `value` only where `key` is absent. Returns whether it did."""
        return self._call(requests.setnx(self._prefix, key, value, ttl))

    def delete(self, key: str) -> bool:
        """Deletes `key`. Returns whether it was there."""
        return self._call(requests.delete(self._prefix, key))

    def exists(self, key: str) -> bool:
        """Returns whether `key` is present."""
        return self._call(requests.exists(self._prefix, key))

    def type(self, key: str) -> Optional[ValueType]:
        """Returns the type of the value of `key`, or None where it is absent. A lock is a STRING."""
        return self._call(requests.type(self._prefix, key))

    def incr(self, key: str, delta: int = 1) -> int:
        """Adds `delta` to an Int and returns the sum. An absent key counts as 0; a present one keeps its expiry.

        Raises WrongTypeError where the key holds no Int, and NumberOverflowError where the sum has over 64 bits.
        """
        return self._call(requests.incr(self._prefix, key, delta))

    def decr(self, key: str, delta: int = 1) -> int:
        """Subtracts `delta` from an Int and returns the difference; see `incr`."""
        return self._call(requests.decr(self._prefix, key, delta))

    def add(self, key: str, delta: Number) -> Number:
        """Adds an int, float or Decimal to a number of the same type and returns the sum; Decimals exactly.

        An absent key becomes `delta`. Raises WrongTypeError where the key holds another type, and NumberOverflowError
        where the sum doesn't fit.
        """
        return self._call(requests.add(self._prefix, key, delta))

    def cas(self, key: str, expected: KvInput, new: KvInput, ttl: Optional[float] = None) -> CasResult:
        """Stores `new` if the value is `expected`; an `expected` of None matches an absent key too.

        Returns a result that is true where it swapped, and else has the `current` value, or `absent`. Without `ttl`
        the key keeps its expiry.
        """
        return self._call(requests.cas(self._prefix, key, expected, new, ttl))

    def swap(self, key: str, value: KvInput, ttl: Optional[float] = None) -> KvValue:
        """Stores `value`, as `set` does, and returns the value before; None where there was none."""
        return self._call(requests.swap(self._prefix, key, value, ttl))

    def take(self, key: str) -> KvValue:
        """Deletes `key` and returns its value; None where it was absent."""
        return self._call(requests.take(self._prefix, key))

    def mget(self, keys: Iterable[str]) -> List[KvValue]:
        """Returns the values of up to 65,535 keys, read at one instant; None for each that is absent."""
        return self._call(requests.mget(self._prefix, keys))

    def mset(self, pairs: Pairs, ttl: Optional[float] = None) -> None:
        """Stores many values at one instant: up to 65,535 pairs of key and value, or a mapping."""
        return self._call(requests.mset(self._prefix, pairs, ttl))

    def mdel(self, keys: Iterable[str]) -> int:
        """Deletes up to 65,535 keys at one instant. Returns how many of them were there."""
        return self._call(requests.mdel(self._prefix, keys))

    def mexists(self, keys: Iterable[str]) -> List[bool]:
        """Returns for each of up to 65,535 keys whether it is present, at one instant."""
        return self._call(requests.mexists(self._prefix, keys))

    def expire(self, key: str, ttl: float) -> bool:
        """Makes `key` expire in `ttl` seconds; 0 deletes it now. Returns whether it is there."""
        return self._call(requests.expire(self._prefix, key, ttl))

    def ttl(self, key: str) -> Optional[float]:
        """Returns the seconds that `key` has left, `math.inf` where it never expires, None where it is absent."""
        return self._call(requests.ttl(self._prefix, key))

    def persist(self, key: str) -> bool:
        """Takes the expiry of `key` away. Returns whether there was one."""
        return self._call(requests.persist(self._prefix, key))

    def lock(self, key: str, owner: str, ttl: float = 30.0) -> bool:
        """Takes the lock `key` for `owner`. Returns whether it did; not re-entrant, and it never waits.

        `Lock` is the better way to hold one for a piece of code.
        """
        return self._call(requests.lock(self._prefix, key, owner, ttl))

    def unlock(self, key: str, owner: str) -> bool:
        """Releases the lock. Returns False where nobody holds it.

        Raises LockedError where another owner does, and WrongTypeError where the key is no lock.
        """
        return self._call(requests.unlock(self._prefix, key, owner))

    def extend_lock(self, key: str, owner: str, ttl: float = 30.0) -> bool:
        """Sets the time that the lock has left. Returns False where nobody holds it.

        Raises LockedError where another owner does, and WrongTypeError where the key is no lock.
        """
        return self._call(requests.extend_lock(self._prefix, key, owner, ttl))

    def acquire(self, key: str, owner: str, ttl: float = 30.0, wait: float = 0.0) -> Acquired:
        """Takes the lock `key`, waiting on the server for up to `wait` seconds, a day at most.

        Returns a result that is true where it was acquired, with the fencing `token`; else with the seconds
        `remaining`. Where the caller is cancelled meanwhile, it leaves the queue, and what it was given it gives back.
        """
        return self._call(requests.acquire(self._prefix, key, owner, ttl, wait))

    def scan(self, cursor: int = 0, match: str = "", count: int = 0) -> ScanPage:
        """One step of a walk over the keys, which begins and ends with cursor 0; `scan_iter` does them all."""
        return self._call(requests.scan(self._prefix, cursor, match, count))

    def info(self, section: str = "") -> str:
        """Returns JSON about the server, all of it or one section. Raises InvalidArgumentError for an unknown one."""
        return self._call(requests.info(section))

    def whoami(self) -> str:
        """Returns the user that the server takes us for; "default" where nobody has to say who it is."""
        return self._call(requests.whoami())

    def snapshot(self, wait: bool = True) -> Optional[datetime]:
        """Writes all data to disk. Returns when it was done, or None at once where it isn't waited for.

        Raises InternalError where it fails or the server keeps nothing on disk. `timeout` doesn't count here.
        """
        return self._call(requests.snapshot(wait))

    def backup(self, folder: str) -> Optional[datetime]:
        """Makes a backup in `folder`, an absolute path on the server's machine; see `snapshot`. Returns when."""
        return self._call(requests.backup(folder))

    def lastsave(self) -> Optional[datetime]:
        """Returns when the newest snapshot was finished, None where there is none."""
        return self._call(requests.lastsave())

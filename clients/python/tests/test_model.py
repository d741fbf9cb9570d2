"""Random sequences of commands, compared with a model of what the server promises."""

from __future__ import annotations

import asyncio
import itertools
import math
from decimal import Decimal
from typing import Any, Dict, List, Optional

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

import kv_client
import kv_client.sync
from kv_client import LockedError, NumberOverflowError, WrongTypeError
from support import Blocking, LiveServer
from test_values import same, values

keys = st.sampled_from(["a", "b", "c", "ключ", "d\0"])
small = st.integers(-3, 3) | st.sampled_from([2**63 - 1, -(2**63)])
owners = st.sampled_from(["me", "you"])
stored = st.one_of(small, values)
ABSENT = object()
_numbers = itertools.count(1)


class Model(RuleBasedStateMachine):
    """What a namespace holds: `data` has values, `locks` the keys that LOCK made, `deadlines` those with an expiry."""

    open_face: Any

    def __init__(self) -> None:
        super().__init__()
        self.face = type(self).open_face()
        self.data: Dict[str, Any] = {}
        self.locks: Dict[str, str] = {}
        self.expiring: Dict[str, bool] = {}

    def teardown(self) -> None:
        self.face.flush()

    def put(self, key: str, value: Any, ttl: Optional[float]) -> None:
        self.data[key] = value
        self.locks.pop(key, None)
        self.expiring[key] = bool(ttl)

    def drop(self, key: str) -> bool:
        self.locks.pop(key, None)
        self.expiring.pop(key, None)
        return self.data.pop(key, ABSENT) is not ABSENT

    ttls = st.sampled_from([None, 0, 1000.0])

    @rule(key=keys, value=stored, ttl=ttls)
    def set(self, key: str, value: Any, ttl: Optional[float]) -> None:
        assert self.face.set(key, value, ttl) is None
        self.put(key, value, ttl)

    @rule(key=keys, value=stored, ttl=ttls)
    def setnx(self, key: str, value: Any, ttl: Optional[float]) -> None:
        assert self.face.setnx(key, value, ttl) == (key not in self.data)
        if key not in self.data:
            self.put(key, value, ttl)

    @rule(key=keys, value=stored, ttl=ttls)
    def swap(self, key: str, value: Any, ttl: Optional[float]) -> None:
        assert same(self.data.get(key), self.face.swap(key, value, ttl))
        self.put(key, value, ttl)

    @rule(key=keys)
    def take(self, key: str) -> None:
        assert same(self.data.get(key), self.face.take(key))
        self.drop(key)

    @rule(key=keys)
    def delete(self, key: str) -> None:
        assert self.face.delete(key) == self.drop(key)

    @rule(some=st.lists(keys))
    def mdel(self, some: List[str]) -> None:
        assert self.face.mdel(some) == sum(self.drop(key) for key in some)

    @rule(pairs=st.lists(st.tuples(keys, stored), max_size=4), ttl=ttls)
    def mset(self, pairs: Any, ttl: Optional[float]) -> None:
        self.face.mset(pairs, ttl)
        for key, value in pairs:
            self.put(key, value, ttl)

    @rule(key=keys, delta=small, down=st.booleans())
    def count(self, key: str, delta: int, down: bool) -> None:
        call = self.face.decr if down else self.face.incr
        before = self.data.get(key, 0)
        after = before - delta if down and type(before) is int else before + delta if type(before) is int else None
        if after is None:
            with pytest.raises(WrongTypeError):
                call(key, delta)
        elif not -(2**63) <= after < 2**63:
            with pytest.raises(NumberOverflowError):
                call(key, delta)
        else:
            assert call(key, delta) == after
            self.data[key] = after
            self.expiring.setdefault(key, False)

    @rule(key=keys, delta=st.sampled_from([Decimal("0.10"), Decimal("-2"), 1.5]))
    def add(self, key: str, delta: Any) -> None:
        before = self.data.get(key, ABSENT)
        if before is not ABSENT and type(before) is not type(delta):
            with pytest.raises(WrongTypeError):
                self.face.add(key, delta)
        elif before is ABSENT or isinstance(delta, float):
            after = delta if before is ABSENT else before + delta
            assert self.face.add(key, delta) == after
            self.data[key] = after
            self.expiring.setdefault(key, False)

    @rule(key=keys, new=stored, right=st.booleans())
    def cas(self, key: str, new: Any, right: bool) -> None:
        before = self.data.get(key)
        expected = before if right else "not this"
        result = self.face.cas(key, expected, new)
        assert bool(result) == (right or before == "not this")
        if result:
            self.data[key] = new
            self.locks.pop(key, None)
            self.expiring.setdefault(key, False)
        else:
            assert result.absent == (key not in self.data) and same(before, result.current)

    @rule(key=keys, owner=owners)
    def lock(self, key: str, owner: str) -> None:
        assert self.face.lock(key, owner, 1000) == (key not in self.data)
        if key not in self.data:
            self.data[key] = self.locks[key] = owner
            self.expiring[key] = True

    @rule(key=keys, owner=owners)
    def acquire(self, key: str, owner: str) -> None:
        got = self.face.acquire(key, owner, 1000)
        assert bool(got) == (key not in self.data)
        if got:
            self.data[key] = self.locks[key] = owner
            self.expiring[key] = True
        else:
            assert (got.remaining == math.inf) == (not self.expiring[key])

    @rule(key=keys, owner=owners, extend=st.booleans())
    def unlock_or_extend(self, key: str, owner: str, extend: bool) -> None:
        call = self.face.extend_lock if extend else self.face.unlock
        if key not in self.data:
            assert call(key, owner) is False
        elif key not in self.locks:
            with pytest.raises(WrongTypeError):
                call(key, owner)
        elif self.locks[key] != owner:
            with pytest.raises(LockedError):
                call(key, owner)
        else:
            assert call(key, owner) is True
            if extend:
                self.expiring[key] = True
            else:
                self.drop(key)

    @rule(key=keys)
    def expire(self, key: str) -> None:
        assert self.face.expire(key, 1000) == (key in self.data)
        if key in self.data:
            self.expiring[key] = True

    @rule(key=keys)
    def expire_now(self, key: str) -> None:
        assert self.face.expire(key, 0) == self.drop(key)

    @rule(key=keys)
    def persist(self, key: str) -> None:
        assert self.face.persist(key) == self.expiring.get(key, False)
        if key in self.data:
            self.expiring[key] = False

    @rule(key=keys)
    def ttl(self, key: str) -> None:
        left = self.face.ttl(key)
        if key not in self.data:
            assert left is None
        else:
            assert (left == math.inf) == (not self.expiring[key])

    @rule(some=st.lists(keys, max_size=3), value=small)
    def pipeline(self, some: List[str], value: int) -> None:
        pipe = self.face.pipeline()
        for key in some:
            pipe._target.set(key, value) if isinstance(pipe, Blocking) else pipe.set(key, value)
        assert pipe.execute() == [None] * len(some)
        for key in some:
            self.put(key, value, None)

    @invariant()
    def what_is_there_is_what_should_be(self) -> None:
        names = ["a", "b", "c", "ключ", "d\0"]
        assert all(same(self.data.get(name), found) for name, found in zip(names, self.face.mget(names)))
        assert self.face.mexists(names) == [name in self.data for name in names]


def run(open_face: Any) -> None:
    machine = type("Machine", (Model,), {"open_face": staticmethod(open_face)})
    check: Any = run_state_machine_as_test
    check(machine, settings=settings(max_examples=30, stateful_step_count=30))


def test_the_blocking_client_does_as_the_model(address: str) -> None:
    with kv_client.sync.KvClient.connect(address) as client:
        run(lambda: client)


def test_the_pool_of_an_event_loop_does_as_the_model(server: LiveServer, address: str) -> None:
    loop = asyncio.new_event_loop()
    config = kv_client.PoolConfig(address, min_size=1, max_size=2)
    pool = kv_client.KvPool(config)
    face = Blocking(pool, loop)
    run(lambda: face)
    face.close()
    loop.close()

"""How well the entries are chosen that make room: hit ratios of a cache that reads through."""

import random
import struct
from collections.abc import Iterator
from dataclasses import replace
from itertools import accumulate, islice
from typing import BinaryIO

from bench import Failed, Part, Settings
from client import BYTES, GET, SET, connect
from servers import Server, Target, Targets
from tables import number, table

LIMIT_MIB = 128
KEYS = 3_000_000
REQUESTS = 4_000_000  # of which those after the first half count
BATCH = 200
SKEW = 1.0
VALUE_BYTES = range(16, 400)
# A scan reads so many keys once and never again, after so many other requests.
SCAN, BETWEEN_SCANS = 60_000, 90_000
SEED = 20_240_416

KV_POLICIES = ["sieve", "lru", "lfu"]
REDIS_POLICIES = ["allkeys-lru", "allkeys-lfu"]
AIM = "sieve"  # at least as good as any policy of redis-server

Trace = Iterator[list[int]]  # keys without end, by batches of requests that are sent together


def zipf(keys: int) -> Trace:
    """Keys by their popularity, the nth most popular 1/n^SKEW as often as the first."""
    draw = random.Random(SEED)
    names = list(range(keys))
    draw.shuffle(names)
    weights = list(accumulate(1 / rank**SKEW for rank in range(1, keys + 1)))
    while True:
        yield draw.choices(names, cum_weights=weights, k=BATCH)


def scan_polluted(keys: int) -> Trace:
    """The same, and every so often somebody reads many keys that nobody reads again."""
    others = zipf(keys)
    fresh = keys
    while True:
        yield from islice(others, BETWEEN_SCANS // BATCH)
        for _ in range(SCAN // BATCH):
            yield list(range(fresh, fresh + BATCH))
            fresh += BATCH


TRACES = {"zipf": zipf, "zipf and scans": scan_polluted}


class Cache:
    """A server that is asked for keys, and given those that it didn't have."""

    def __init__(self, server: Server) -> None:
        self._connection = connect(server)
        self._replies: BinaryIO = self._connection.makefile("rb", 1 << 20)
        self._speaks_kv = server.target.proto == "kv"
        self._filling = random.Random(SEED).randbytes(VALUE_BYTES.stop)

    def __enter__(self) -> "Cache":
        return self

    def __exit__(self, *_: object) -> None:
        self._replies.close()
        self._connection.close()

    def hits(self, keys: list[int]) -> int:
        """How many of them were there; the others are from now on."""
        names = [b"key:%012d" % key for key in keys]
        self._connection.sendall(b"".join(map(self._get, names)))
        missing = [name for name in names if not self._was_there()]
        self._connection.sendall(b"".join(map(self._set, missing)))
        for _ in missing:
            self._expect_done()
        return len(keys) - len(missing)

    def _value(self, name: bytes) -> bytes:
        return self._filling[:VALUE_BYTES[int(name[4:]) * 7919 % len(VALUE_BYTES)]]

    def _get(self, name: bytes) -> bytes:
        if self._speaks_kv:
            return struct.pack(">BI", GET, len(name)) + name
        return b"*2\r\n$3\r\nGET\r\n$%d\r\n%b\r\n" % (len(name), name)

    def _set(self, name: bytes) -> bytes:
        value = self._value(name)
        if self._speaks_kv:
            payload = struct.pack(">H", len(name)) + name + struct.pack(">QBI", 0, BYTES, len(value)) + value
            return struct.pack(">BI", SET, len(payload)) + payload
        return b"*3\r\n$3\r\nSET\r\n$%d\r\n%b\r\n$%d\r\n%b\r\n" % (len(name), name, len(value), value)

    def _was_there(self) -> bool:
        if self._speaks_kv:
            status, size = struct.unpack(">BI", self._replies.read(5))
            self._replies.read(size)
            if status > 1:
                raise Failed("a GET fails")
            return status == 0
        size = int(self._replies.readline()[1:])
        if size >= 0:
            self._replies.read(size + 2)
        return size >= 0

    def _expect_done(self) -> None:
        reply, done = (self._replies.read(5), bytes(5)) if self._speaks_kv else (self._replies.readline(), b"+OK\r\n")
        if reply != done:
            raise Failed(f"a SET is answered with {reply!r}")


def hit_ratio(server: Server, trace: Trace, requests: int) -> float:
    """Of the second half of the requests: the first one fills the cache."""
    with Cache(server) as cache:
        for keys in islice(trace, requests // 2 // BATCH):
            cache.hits(keys)
        hits = sum(cache.hits(keys) for keys in islice(trace, requests // 2 // BATCH))
    return hits / (requests // 2)


def caches(targets: Targets, limit_mib: int) -> list[Target]:
    """Each policy of each server that is compared."""

    def limited(target: Target, policy: str, options: list[str]) -> Target:
        return replace(target, name=f"{target.name} {policy}", title=f"{target.title}, {policy}",
                       command=lambda port: [*target.command(port), *options, policy])

    found = []
    if "kv" in targets:
        options = ["--max-memory", f"{limit_mib}MiB", "--eviction"]
        found += [limited(targets["kv"], policy, options) for policy in KV_POLICIES]
    if "redis" in targets:
        options = ["--maxmemory", f"{limit_mib}mb", "--maxmemory-policy"]
        found += [limited(targets["redis"], policy, options) for policy in REDIS_POLICIES]
    return found


def eviction(settings: Settings, targets: Targets) -> Part:
    """Hit ratios of each policy with the same limit, on the same requests."""
    limit_mib = max(32, settings.scaled(LIMIT_MIB))
    keys = settings.scaled(KEYS)
    requests = 2 * BATCH * settings.scaled(REQUESTS // BATCH // 2)
    ratios: dict[str, list[float]] = {}
    resident: dict[str, int] = {}
    cached = caches(targets, limit_mib)
    for target in cached:
        for trace in TRACES.values():
            with Server(target) as server:
                ratios.setdefault(target.name, []).append(hit_ratio(server, trace(keys), requests))
                resident[target.name] = max(resident.get(target.name, 0), server.peak_resident_bytes())
    others = [ratios[target.name] for target in cached if target.proto == "resp"]
    best = [max(column) for column in zip(*others)]
    rows = []
    for target in cached:
        aims = [f" (≥ {100 * aim:.1f})" for aim in best] if target.name == f"kv {AIM}" else []
        cells = [f"{100 * ratio:.1f}" for ratio in ratios[target.name]]
        shown = [cell + aim for cell, aim in zip(cells, aims)] if aims else cells
        rows.append([target.title, *shown, number(resident[target.name] / (1 << 20))])
    return Part(
        f"Hits of a cache with a limit of {limit_mib} MiB that reads through: what a GET doesn't find is SET. In "
        f"percent of the second half of {requests:,} requests, {BATCH} at a time on one connection, for {keys:,} keys "
        f"by Zipf's law (exponent {SKEW:g}), with values of {VALUE_BYTES.start} to {VALUE_BYTES.stop - 1} bytes; and "
        f"the same with {SCAN:,} keys that are read once after every {BETWEEN_SCANS:,} requests. Seed {SEED}. At the "
        f"right, the most MiB that were resident. (The aim: what redis-server's best policy reaches.)\n\n"
        f"{table(['', *TRACES, 'resident'], rows)}")

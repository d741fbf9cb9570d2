"""A program as it was written for another package. The test runs it as it stands, but for the import."""

import asyncio
import json
import sys
from decimal import Decimal

from data_bridge.kv import KvClient, KvPool, KvValue, Lock, PoolConfig, PoolStats


def show(what, value):
    print(f"{what}: {value!r}")


async def basics(client):
    show("namespace", client.namespace)
    show("ping", await client.ping())
    show("absent", await client.get("absent"))
    values: "list[KvValue]" = [
        None, 42, -1.5, Decimal("19.90"), "text", b"\x00\xff", [1, ["two"]], {"a": {"b": [None, True]}}, False
    ]
    for value in values:
        await client.set("value", value)
        assert await client.get("value") == value
    show("last", await client.get("value"))
    await client.set("brief", 1, ttl=0.05)
    await client.set("longer", 1, 60.0)
    await asyncio.sleep(0.1)
    show("after its ttl", [await client.exists("brief"), await client.exists("longer")])
    show("delete", [await client.delete("value"), await client.delete("value")])
    show("count", [await client.incr("hits"), await client.incr("hits", 10), await client.decr("hits"),
                   await client.decr("hits", delta=5)])
    show("setnx", [await client.setnx("once", 1), await client.setnx("once", 2, ttl=5.0)])
    show("info", isinstance(json.loads(await client.info())["entries"], int))
    try:
        await client.set("never", 1, ttl=-1)
    except ValueError:
        show("negative ttl", "ValueError")
    try:
        await client.incr("longer", 2**70)
    except (OverflowError, ValueError):
        show("too large", "refused")
    await client.set("word", "text")
    try:
        await client.incr("word")
    except RuntimeError:
        show("not a number", "RuntimeError")


async def batches(client):
    await client.mset([("a", 1), ("b", "two"), ("c", [3])], ttl=60.0)
    await client.mset([("d", None)])
    show("mget", await client.mget(["a", "b", "nope", "c"]))
    show("mdel", await client.mdel(["a", "b", "nope"]))


async def locks(client):
    show("lock", [await client.lock("job", "one"), await client.lock("job", "one", ttl=5.0)])
    show("extend", await client.extend_lock("job", "one", ttl=10.0))
    for call in (client.unlock, client.extend_lock):
        try:
            await call("job", "two")
        except RuntimeError:
            show("another's", "RuntimeError")
    show("unlock", [await client.unlock("job", "one"), await client.unlock("job", "one")])
    show("extend nothing", await client.extend_lock("job", "one"))

    async with Lock(client, "section", "one", ttl=30.0) as acquired:
        show("acquired", acquired)
        async with Lock(client, "section", "two") as second:
            show("second", second)
    lock = Lock(client, "section", "three", 5.0)
    async with lock as acquired:
        show("again", [acquired, await lock.extend(), await lock.extend(ttl=20.0)])


async def pools(address):
    config = PoolConfig(address, min_size=2, max_size=4, idle_timeout=300.0, acquire_timeout=5.0)
    pool = await KvPool.connect(config)
    show("pool", pool.namespace)
    stats = pool.stats()
    show("stats", [isinstance(stats, PoolStats), stats.idle, stats.active, stats.max_size])
    show("total", max(await asyncio.gather(*[pool.incr("total") for _ in range(50)])))
    async with Lock(pool, "section", "one") as acquired:
        show("acquired", acquired)
    await pool.mdel(["total", "hits", "once", "longer", "word", "c", "d"])
    show("left", await pool.mget(["total", "hits", "once"]))


async def main():
    address = sys.argv[1]
    client = await KvClient.connect(address + "/shop/orders")
    await basics(client)
    await batches(client)
    await locks(client)
    async with KvClient.connect(address) as plain:
        show("no namespace", plain.namespace)
        show("seen from outside", await plain.get("shop/orders:hits"))
        show("an empty one", (await KvClient.connect(address + "/")).namespace)
    await pools(address + "/shop/orders")


asyncio.run(main())

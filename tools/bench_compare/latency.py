"""How long an answer takes: at a steady rate, and while something big happens."""

import json
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial

from bench import OPS, Failed, Part, Probe, Settings, interleave
from client import DEL, FLUSH, GET, INFO, OK, SET, KvClient, encode_bytes, encode_set
from servers import Server, Targets, wait_until
from tables import number, table


def tail(settings: Settings, targets: Targets) -> Part:
    """Open loop at half of what kv-server can do, and the same absolute rate for everyone."""
    with ExitStack() as stack:
        servers = {target.name: stack.enter_context(Server(target)) for target in targets.values()}
        for server in servers.values():
            settings.load(server)
        reference = servers.get("kv") or next(iter(servers.values()))
        rates = {op: settings.run(reference, op=op)["ops_per_second"] / 2 for op in OPS}
        loads = {op.upper(): partial(settings.run, op=op, rate=round(rates[op])) for op in OPS}
        cells = interleave(settings.rounds, loads, servers.values())
    rows = [[target.title, *(number(cells[name, op.upper()].p99_9_us) for op in OPS)]
            for name, target in targets.items()]
    asked = " and ".join(f"{rates[op]:,.0f} {op.upper()}s" for op in OPS)
    return Part(f"99.9th percentile of the latency in µs, open loop, pipeline 1, {asked} a second, which is half of "
                f"what {reference.target.title} can do:\n\n{table(['', *(op.upper() for op in OPS)], rows)}")


STALLS_TARGETS = ["kv", "echo"]  # these alone: both speak the protocol that the events are made with
GROWN_KEYS = 10_000_000
EXPIRING_KEYS = 1_000_000
EXPIRING_TTL_MS = 4000
LARGE_BYTES = (64 << 20) - 64  # with a key and the value's head it is just under the limit of a payload
LARGE_KEY = b"large"
LARGE_TIMES = 5
LOAD_CONNECTIONS = 4  # enough to keep the server busy, and few enough that the probe doesn't stand in a long queue
AFTERWARDS_S = 1  # what an event leaves to be done counts too
WANTED_STALL_MS = 5

Latency = dict[str, float]  # of the probe, in µs, as kv-bench reports it
Stalls = dict[tuple[str, str], list[Latency]]  # by the name of the server and the event


def stalls(settings: Settings, targets: Targets) -> Part:
    """The longest that anyone waits while something big happens."""
    names = [name for name in STALLS_TARGETS if name in targets]
    seen: Stalls = {}
    for number_of_round in range(settings.rounds):
        for name in names if number_of_round % 2 == 0 else reversed(names):
            with Server(targets[name]) as server:
                for event, latency in _events(settings, server):
                    seen.setdefault((name, event), []).append(latency)
    return Part(f"Latency in ms of {Probe.RATE:,} GETs a second, of other keys and on {Probe.CONNECTIONS} connections "
                f"of their own, from the beginning of an event to {AFTERWARDS_S} s after its end; medians of the "
                "rounds, and the longest wait of all of them. The server that stores nothing gets the same requests "
                f"and shows what the machine alone does. (The aim: nothing over {WANTED_STALL_MS} ms that isn't over "
                f"it there too.)\n\n{stalls_table(targets, seen)}")


def stalls_table(targets: Targets, seen: Stalls) -> str:
    names = list(dict.fromkeys(name for name, _ in seen))
    head = [""]
    for name in names:
        head += [f"{targets[name].title}: 99.9 %", "longest", "of all rounds"]
    rows = []
    for event in dict.fromkeys(event for _, event in seen):
        row = [event]
        for name in names:
            latencies = seen[name, event]
            worst = _worst_ms(latencies)
            row += [number(statistics.median(latency["p99_9"] for latency in latencies) / 1000),
                    number(statistics.median(latency["max"] for latency in latencies) / 1000), number(worst)]
            if name == "kv" and ("echo", event) in seen:
                row[-1] += f" (≤ {number(max(WANTED_STALL_MS, _worst_ms(seen['echo', event])))})"
        rows.append(row)
    return table(head, rows)


def _worst_ms(latencies: list[Latency]) -> float:
    return max(latency["max"] for latency in latencies) / 1000


def _events(settings: Settings, server: Server) -> Iterator[tuple[str, Latency]]:
    """One after the other on the same server, which is empty at first."""
    grown, expiring = settings.scaled(GROWN_KEYS), settings.scaled(EXPIRING_KEYS)
    with KvClient(server) as client:
        settings.load(server, **Probe.KEYS)
        yield (f"growth from nothing to {grown:,} keys",
               _watch(settings, server, partial(_fill, settings, server, grown)))

        yield f"FLUSH of {grown:,} keys", _watch(settings, server, partial(_flush, client, server, grown))

        settings.load(server, **Probe.KEYS)
        _fill(settings, server, expiring, ttl=EXPIRING_TTL_MS)
        over_s = time.monotonic() + EXPIRING_TTL_MS / 1000
        yield f"{expiring:,} keys expire at once", _watch(settings, server, partial(_expire, client, server, over_s))

        size = settings.scaled(LARGE_BYTES)
        value = bytes(size)
        payload, wanted = encode_set(LARGE_KEY, value), encode_bytes(value)
        with _large_reader(server, size) as reader:
            yield (f"{LARGE_TIMES} times SET, GET and DEL of a value of {number(size / (1 << 20))} MiB",
                   _watch(settings, server, partial(_move_large, client, reader, server, payload, wanted)))


def _watch(settings: Settings, server: Server, happening: Callable[[], None]) -> Latency:
    with Probe(settings, server) as probe:
        happening()
        time.sleep(AFTERWARDS_S)
        return probe.end()["latency_us"]


def _fill(settings: Settings, server: Server, keys: int, ttl: int = 0) -> None:
    settings.run(server, preload=True, keys=keys, ttl=ttl, requests=1, warmup=0, connections=LOAD_CONNECTIONS)


def _flush(client: KvClient, server: Server, keys: int) -> None:
    status, payload = client.ask(FLUSH)
    if server.target.stores and (status, int.from_bytes(payload, "big")) != (OK, keys + Probe.KEYS["keys"]):
        raise Failed(f"{server.target.name} answers FLUSH with {status} {payload!r}")


def _expire(client: KvClient, server: Server, over_s: float) -> None:
    """Until all keys have had their time, and their memory is free again."""
    def all_gone() -> bool:
        status, payload = client.ask(INFO)
        if server.target.stores and (status != OK or json.loads(payload)["entries"] > Probe.KEYS["keys"]):
            return False
        return time.monotonic() >= over_s

    wait_until(all_gone, f"{server.target.name} removes what has expired", every_s=0.1)


@contextmanager
def _large_reader(server: Server, size: int) -> Iterator[KvClient]:
    """Reads large values. A server that stores nothing has none, so another one beside it that answers every GET with
    one makes the machine as busy."""
    with ExitStack() as stack:
        if not server.target.stores:
            command = server.target.command
            target = replace(server.target, command=lambda port: [*command(port), str(size)])
            server = stack.enter_context(Server(target))
        yield stack.enter_context(KvClient(server))


def _move_large(client: KvClient, reader: KvClient, server: Server, payload: bytes, wanted: bytes) -> None:
    for _ in range(LARGE_TIMES):
        stored = client.ask(SET, payload)
        status, found = reader.ask(GET, LARGE_KEY)
        deleted = client.ask(DEL, LARGE_KEY)
        if server.target.stores and (stored, deleted) != ((OK, b""), (OK, b"\x01")):
            raise Failed(f"{server.target.name} answers SET with {stored} and DEL with {deleted}")
        if status != OK or len(found) != len(wanted) or (server.target.stores and found != wanted):
            raise Failed(f"{server.target.name} answers GET with {status} and {len(found):,} bytes")

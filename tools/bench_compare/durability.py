"""What it costs to keep the data on disk: each write, a snapshot under load, and the start afterwards."""

import json
import os
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench import Cells, Failed, Load, Part, Probe, Settings, interleave
from client import INFO, LASTSAVE, OK, SNAPSHOT, KvClient, RedisClient, answers_ping
from servers import Server, Target, Targets, wait_until
from tables import number, table

KV_NAMES = {"kv": "kv-server", "kv-default": "kv-server as it comes"}
# Neither makes its log shorter by itself while something is measured.
KV_QUIET = ["--snapshot-interval-secs", "0", "--snapshot-wal-bytes", "0"]
REDIS_QUIET = ["--auto-aof-rewrite-percentage", "0"]


@contextmanager
def _folder(settings: Settings) -> Iterator[Path]:
    """A folder on the disk that is measured, gone afterwards."""
    settings.data_folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix="bench-compare-", dir=settings.data_folder) as folder:
        if _file_system(Path(folder)) == "tmpfs":
            print(f"{settings.data_folder} is no disk but a tmpfs, so take no figure for a fact.", file=sys.stderr)
        yield Path(folder)


def _file_system(folder: Path) -> str:
    return subprocess.run(["stat", "--file-system", "--format", "%T", str(folder)], capture_output=True, text=True,
                          check=True).stdout.strip()


def _with(target: Target, title: str, *arguments: str) -> Target:
    """The same server with further arguments; of those that it has already the last counts."""
    return replace(target, name=title, title=title, command=lambda port: [*target.command(port), *arguments])


def _kv_on_disk(kv: Target, folder: Path, fsync: str, *arguments: str) -> Target:
    return _with(kv, f"{KV_NAMES[kv.name]}, --fsync {fsync}", "--data-dir", str(folder), "--fsync", fsync, *KV_QUIET,
                 *arguments)


# Writes --------------------------------------------------------------------------------------------------------------

PIPELINES = [1, 16]
IN_MEMORY = "in memory"
FSYNC_POLICIES = {"kv": ["never", "interval", "always"], "kv-default": ["interval", "always"]}
APPENDFSYNC_POLICIES = ["everysec", "always"]
SYNCED_BYTES, SYNCS = 4096, 200

# Throughput of the first at least so many times that of the second, by pipeline.
RATIOS: list[tuple[str, str, dict[int, float]]] = [
    ("kv-server, --fsync always", "redis-server, appendfsync always", {1: 1.5, 16: 3}),
    ("kv-server as it comes, --fsync always", "redis-server, appendfsync always", {1: 1.5, 16: 3}),
    # What the first could be at most.
    ("kv-server, in memory", "redis-server, appendfsync always", {}),
    ("kv-server, --fsync interval", "redis-server, appendfsync everysec", {}),
    ("kv-server, --fsync always", "kv-server, in memory", {}),
    ("kv-server, --fsync interval", "kv-server, in memory", {16: 0.85}),
    ("kv-server as it comes, --fsync interval", "kv-server as it comes, in memory", {16: 0.85}),
    ("kv-server, --fsync never", "kv-server, in memory", {}),
]

WATCHED_PIPELINE = 16  # of the SETs beside which GETs are watched


def durability(settings: Settings, targets: Targets) -> Part:
    """SETs under each policy, and GETs beside them."""
    with ExitStack() as stack:
        folder = stack.enter_context(_folder(settings))
        synced_us = _sync_us(folder)
        kinds = _policies(targets, folder)
        servers = [stack.enter_context(Server(target)) for target in kinds]
        for server in servers:
            settings.load(server)
        loads = {str(pipeline): partial(_clean_run, settings, op="set", pipeline=pipeline) for pipeline in PIPELINES}
        cells = interleave(settings.rounds, loads, servers)
        parts = [f"All on the same disk ({_file_system(folder)}), where writing {SYNCED_BYTES:,} bytes at the end of a "
                 f"file and fdatasync take {number(synced_us)} µs (median of {SYNCS}). Dirty pages are written out "
                 "before each run. Neither server makes a snapshot or rewrites its log meanwhile; kv-server has one "
                 "thread for its sessions, as it comes one for each processor.\n\nSETs, by pipeline:",
                 _policy_table(kinds, cells)]
        if ratios := policy_ratios(cells):
            parts += ["Throughput of one as a multiple of the other's (and the aim):", ratios]
        spread = max(cell.spread for cell in cells.values())
        parts.append(f"The rounds of one throughput were at most {spread:.0%} of it apart.")
        if "kv" in targets:
            parts.append(_reads_beside_writes(settings, servers, cells))
    return Part("\n\n".join(parts))


def _policies(targets: Targets, folder: Path) -> list[Target]:
    kinds = []
    for name, policies in FSYNC_POLICIES.items():
        if name not in targets:
            continue
        kinds.append(_with(targets[name], f"{KV_NAMES[name]}, {IN_MEMORY}"))
        kinds += [_kv_on_disk(targets[name], folder / f"{name}-{policy}", policy) for policy in policies]
    if "redis" in targets:
        kinds.append(_with(targets["redis"], f"redis-server, {IN_MEMORY}"))
        for policy in APPENDFSYNC_POLICIES:
            data = folder / f"redis-{policy}"
            data.mkdir()
            kinds.append(_with(targets["redis"], f"redis-server, appendfsync {policy}", "--dir", str(data),
                               "--appendonly", "yes", "--appendfsync", policy, *REDIS_QUIET))
    return kinds


def _sync_us(folder: Path) -> float:
    """What the disk alone takes to keep a small write."""
    took = []
    with (folder / "synced").open("wb", buffering=0) as file:
        for _ in range(SYNCS):
            started = time.perf_counter()
            file.write(bytes(SYNCED_BYTES))
            os.fdatasync(file.fileno())
            took.append((time.perf_counter() - started) * 1e6)
    return statistics.median(took)


def _clean_run(settings: Settings, server: Server, **options: Any) -> dict[str, Any]:
    """A run that doesn't pay for what the one before it has left to be written."""
    os.sync()
    return settings.run(server, **options)


def _policy_table(kinds: list[Target], cells: Cells) -> str:
    head = [""]
    for pipeline in PIPELINES:
        head += [f"pipeline {pipeline}: thousand a second", "CPU of the server, µs", "p99.9, µs"]
    rows = []
    for target in kinds:
        row = [target.title]
        for pipeline in PIPELINES:
            cell = cells[target.name, str(pipeline)]
            row += [number(cell.ops_per_second / 1000), number(cell.server_us), number(cell.p99_9_us)]
        rows.append(row)
    return table(head, rows)


def policy_ratios(cells: Cells) -> str:
    """Those of which both are there; empty where none is."""
    rows = []
    for first, second, aims in RATIOS:
        row = [f"{first} / {second}"]
        for pipeline in map(str, PIPELINES):
            if (first, pipeline) in cells and (second, pipeline) in cells:
                ratio = cells[first, pipeline].ops_per_second / cells[second, pipeline].ops_per_second
                aim = aims.get(int(pipeline))
                row.append(f"{ratio:.2f}" + (f" (≥ {aim})" if aim else ""))
        if len(row) > 1:
            rows.append(row)
    return table(["", *(f"pipeline {pipeline}" for pipeline in PIPELINES)], rows) if rows else ""


def _reads_beside_writes(settings: Settings, servers: list[Server], cells: Cells) -> str:
    """Whether those who only read feel that others' writes go to disk."""
    names = [f"kv-server, {IN_MEMORY}", "kv-server, --fsync interval"]
    watched = [server for server in servers if server.target.name in names]
    rate = round(cells[names[0], str(WATCHED_PIPELINE)].ops_per_second / 2)
    for server in watched:
        settings.load(server, **Probe.KEYS)
    seen = interleave_reports(settings.rounds, {"": partial(_probed_run, settings, rate)}, watched)
    rows = []
    for name in names:
        latencies = seen[name, ""]
        rows.append([name, *(number(statistics.median(latency[field] for latency in latencies) / 1000)
                             for field in ("p50", "p99", "p99_9")),
                     number(max(latency["max"] for latency in latencies) / 1000)])
    head = ["", "50 %", "99 %", "99.9 %", "longest of all rounds"]
    return (f"Latency in ms of {Probe.RATE:,} GETs a second, open loop, on {Probe.CONNECTIONS} connections of their "
            f"own, beside {rate:,} SETs a second at pipeline {WATCHED_PIPELINE}, open loop too, which is half of what "
            f"kv-server can do in memory. (The aim: that the second row is as the first.)\n\n{table(head, rows)}")


def _probed_run(settings: Settings, rate: int, server: Server) -> dict[str, float]:
    os.sync()
    with Probe(settings, server) as probe:
        settings.run(server, op="set", pipeline=WATCHED_PIPELINE, rate=rate)
        return probe.end()["latency_us"]


def interleave_reports(rounds: int, loads: Mapping[str, Callable[[Server], Any]],
                       servers: list[Server]) -> dict[tuple[str, str], list[Any]]:
    """As interleave, for what isn't a report of kv-bench: returns everything, by server and load."""
    seen: dict[tuple[str, str], list[Any]] = {}
    for number_of_round in range(rounds):
        for name, load in loads.items():
            for offset in range(len(servers)):
                server = servers[(number_of_round + offset) % len(servers)]
                seen.setdefault((server.target.name, name), []).append(load(server))
    return seen


# Snapshots -----------------------------------------------------------------------------------------------------------

SNAPSHOT_KEYS = 5_000_000
SNAPSHOT_DEADLINE_S = 300
SAMPLED_S = 0.02
WANTED_SLOWER = 2  # times, with a snapshot under way
WANTED_GROWTH_MIB = 64
MIB = 1 << 20


@dataclass(frozen=True)
class Snapshot:
    """One that was taken under load."""

    get_us: float  # the 99.9th percentiles meanwhile
    set_us: float
    seconds: float
    file_bytes: int
    grown_bytes: int


def snapshots(settings: Settings, targets: Targets) -> Part:
    """GETs and SETs at half of the peak, with and without a snapshot under way."""
    keys = settings.scaled(SNAPSHOT_KEYS)
    with ExitStack() as stack:
        folder = stack.enter_context(_folder(settings))
        kinds = []
        if "kv" in targets:
            kinds.append(_kv_on_disk(targets["kv"], folder / "kv", "interval"))
        if "redis" in targets:
            data = folder / "redis"
            data.mkdir()
            kinds.append(_with(targets["redis"], "redis-server, appendfsync everysec, BGSAVE", "--dir", str(data),
                               "--appendonly", "yes", "--appendfsync", "everysec", *REDIS_QUIET))
        if not kinds:
            return Part("Nothing was compared.")
        servers = [stack.enter_context(Server(target)) for target in kinds]
        for server in servers:
            settings.load(server, keys=keys)
        mixed = {"op": "mixed", "mix": 0.5, "keys": keys}
        rate = round(settings.run(servers[0], **mixed)["ops_per_second"] / 2)
        loads = {"without": partial(_unsaved, settings, mixed | {"rate": rate}),
                 "with": partial(_saved, settings, folder, mixed | {"rate": rate})}
        seen = interleave_reports(settings.rounds, loads, servers)
    rows = [_snapshot_row(target, seen) for target in kinds]
    head = ["", "GET without", "GET with", "times", "SET without", "SET with", "times", "took, s", "file, MB",
            "grown by, MiB"]
    return Part(f"{keys:,} keys; {rate:,} operations a second, half of them SETs, open loop, pipeline 1, which is half "
                f"of what {servers[0].target.title} can do; 99.9th percentile of the latency in µs, without and with a "
                "snapshot under way, and how many times the one the other is (and the aim); how long the snapshot "
                "took, the bytes of its file, and by how much resident memory grew at most meanwhile (and the aim): "
                "of redis-server those pages that it and the process it forks have each for themselves.\n\n"
                f"{table(head, rows)}")


def _unsaved(settings: Settings, load: dict[str, Any], server: Server) -> tuple[float, float]:
    os.sync()
    return _p99_9(settings.run(server, **load))


def _saved(settings: Settings, folder: Path, load: dict[str, Any], server: Server) -> Snapshot:
    os.sync()
    with Load(settings, server, **load) as running:
        time.sleep(settings.warmup_s + 0.1)  # what is answered during the warm-up doesn't count
        save = _save_kv if server.target.proto == "kv" else partial(_save_redis, folder / "redis")
        started = time.monotonic()
        file_bytes, grown_bytes = save(server)
        took = time.monotonic() - started
        get_us, set_us = _p99_9(running.end())
    return Snapshot(get_us, set_us, took, file_bytes, grown_bytes)


def _p99_9(report: dict[str, Any]) -> tuple[float, float]:
    """Of GET and of SET."""
    return report["get"]["latency_us"]["p99_9"], report["set"]["latency_us"]["p99_9"]


def _save_kv(server: Server) -> tuple[int, int]:
    """Takes a snapshot; returns the bytes of the file and by how much the process grew."""
    before = most = server.resident_bytes()
    with KvClient(server) as client:
        before_at = _ask(client, LASTSAVE)
        _ask(client, SNAPSHOT, b"\x01")

        def is_done() -> bool:
            nonlocal most
            most = max(most, server.resident_bytes())
            return _ask(client, LASTSAVE) != before_at

        wait_until(is_done, "kv-server takes a snapshot", SNAPSHOT_DEADLINE_S, SAMPLED_S)
        return json.loads(_ask(client, INFO))["persistence"]["last_snapshot_bytes"], most - before


def _ask(client: KvClient, command: int, payload: bytes = b"") -> bytes:
    status, answer = client.ask(command, payload)
    if status != OK:
        raise Failed(f"kv-server answers command {command:#x} with {status} {answer!r}")
    return bytes(answer)


def _save_redis(folder: Path, server: Server) -> tuple[int, int]:
    with RedisClient(server) as client:
        client.ask("BGSAVE")
        wait_until(lambda: "rdb_bgsave_in_progress:0" in client.ask("INFO", "persistence"), "redis-server saves",
                   SNAPSHOT_DEADLINE_S, SAMPLED_S)
        info = client.ask("INFO", "persistence")
        if "rdb_last_bgsave_status:ok" not in info:
            raise Failed(f"redis-server couldn't save:\n{info}")
        copied = int(re.search(r"rdb_last_cow_size:(\d+)", info)[1])
    return (folder / "dump.rdb").stat().st_size, copied


def _snapshot_row(target: Target, seen: dict[tuple[str, str], list[Any]]) -> list[str]:
    without = [statistics.median(column) for column in zip(*seen[target.name, "without"], strict=True)]
    taken: list[Snapshot] = seen[target.name, "with"]
    is_ours = target.proto == "kv"
    row = [target.title]
    for before, during in zip(without, (statistics.median(one.get_us for one in taken),
                                        statistics.median(one.set_us for one in taken)), strict=True):
        row += [number(before), number(during),
                f"{during / before:.2f}" + (f" (≤ {WANTED_SLOWER})" if is_ours else "")]
    grown = max(one.grown_bytes for one in taken) / MIB
    return [*row, number(statistics.median(one.seconds for one in taken)),
            number(statistics.median(one.file_bytes for one in taken) / 1e6),
            number(grown) + (f" (≤ {WANTED_GROWTH_MIB})" if is_ours else "")]


# Recovery ------------------------------------------------------------------------------------------------------------

RECOVERED_KEYS = 5_000_000
RECOVERY_DEADLINE_S = 300
WANTED_OF_REDIS = 0.5
FROM_RDB = "redis-server, from its RDB"


def recovery(settings: Settings, targets: Targets) -> Part:
    """How long a start takes until the first answer."""
    keys = settings.scaled(RECOVERED_KEYS)
    with _folder(settings) as folder:
        kinds: dict[str, tuple[Target, Path]] = {}
        if "kv" in targets:
            for title in ("kv-server, from a snapshot", "kv-server, from the log alone"):
                data = folder / title.replace(" ", "-")
                kinds[title] = _kv_on_disk(targets["kv"], data, "interval"), data
        if "redis" in targets:
            data = folder / "redis"
            data.mkdir()
            kinds[FROM_RDB] = _with(targets["redis"], "redis-server", "--dir", str(data)), data
        for title, (target, _) in kinds.items():
            with Server(target) as server:
                settings.load(server, keys=keys)
                if "snapshot" in title:
                    with KvClient(server) as client:
                        _ask(client, SNAPSHOT, b"\x00")
                elif title == FROM_RDB:
                    with RedisClient(server) as redis:
                        redis.ask("SAVE")
        sizes = {title: _read_bytes(data) for title, (_, data) in kinds.items()}
        took: dict[str, list[float]] = {}
        titles = list(kinds)
        for number_of_round in range(settings.rounds):
            for offset in range(len(titles)):
                title = titles[(number_of_round + offset) % len(titles)]
                took.setdefault(title, []).append(_start_s(settings, *kinds[title], keys))
    medians = {title: statistics.median(seconds) for title, seconds in took.items()}
    rows = [[title, number(seconds), number(sizes[title] / 1e6), _of_redis(title, medians)]
            for title, seconds in medians.items()]
    return Part(f"Seconds from the start of the process until it answers PING, with {keys:,} keys, all read into the "
                "page cache before; kv-server loads on all processors. What lies in the folder (of a snapshot, the log "
                "of before it too, which is not read), and the time as a share of redis-server's (and the aim):\n\n"
                f"{table(['', 'seconds', 'folder, MB', 'of redis-server'], rows)}")


def _start_s(settings: Settings, target: Target, data: Path, keys: int) -> float:
    os.sync()
    _read_bytes(data)
    started = time.monotonic()
    with Server(target) as server:
        wait_until(lambda: answers_ping(server), f"{target.name} recovers", RECOVERY_DEADLINE_S, every_s=0.005)
        took = time.monotonic() - started
        report = settings.run(server, keys=keys, requests=min(keys, 10_000), verify=True, warmup=0)
        if report["misses"]:
            raise Failed(f"{target.name} has lost {report['misses']} keys over a restart")
    return took


def _read_bytes(folder: Path) -> int:
    """Reads all files, so that they are in the page cache; returns what they take."""
    size = 0
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                while part := file.read(MIB):
                    size += len(part)
    return size


def _of_redis(title: str, medians: dict[str, float]) -> str:
    if title == FROM_RDB or FROM_RDB not in medians:
        return ""
    return f"{medians[title] / medians[FROM_RDB]:.2f} (≤ {WANTED_OF_REDIS})"

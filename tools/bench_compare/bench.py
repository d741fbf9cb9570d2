"""Running kv-bench, and taking turns fairly."""

import json
import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from servers import Server, die_with_parent, wait_until

OPS = ["get", "set"]
RUN_SLACK_S = 300
CHECKED_BYTES = 64 << 20


class Failed(Exception):
    """A measurement that can't be used; says why."""


@dataclass(frozen=True)
class Settings:
    """What all runs have in common."""

    kv_bench: Path
    connections: int
    keys: int
    key_bytes: int
    value_bytes: int
    warmup_s: float
    duration_s: float
    rounds: int
    divisor: int = 1
    data_folder: Path = Path()  # on the disk that durable servers write to

    def scaled(self, size: int) -> int:
        """Of what takes long, a quick look takes a part."""
        return max(1, size // self.divisor)

    def command(self, server: Server, **options: Any) -> list[str]:
        """A kv-bench against `server`; `options` are its long options, and win over what is common."""
        common = {
            "proto": server.target.proto, "port": server.port, "server-pid": server.pid,
            "connections": self.connections, "keys": self.keys, "key-size": self.key_bytes,
            "value-size": self.value_bytes, "warmup": self.warmup_s, "duration": self.duration_s,
        }
        command = [str(self.kv_bench), "--json", *server.target.flags]
        for name, value in (common | {name.replace("_", "-"): value for name, value in options.items()}).items():
            command += [f"--{name}"] if value is True else [f"--{name}", str(value)]
        return command

    def run(self, server: Server, **options: Any) -> dict[str, Any]:
        """Runs it to its end and returns what it reports."""
        command = self.command(server, **options)
        seconds = options.get("duration", self.duration_s) + self.warmup_s + RUN_SLACK_S
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds)
        return _report(command, done.returncode, done.stdout, done.stderr)

    def load(self, server: Server, **options: Any) -> None:
        """Sets every key and reads some back, each compared byte for byte."""
        if not server.target.stores:
            return
        value_bytes = max(1, options.get("value_size", self.value_bytes))
        checked = min(10_000, max(100, CHECKED_BYTES // value_bytes))
        report = self.run(server, preload=True, requests=checked, verify=True, warmup=0, **options)
        if report["misses"]:
            raise Failed(f"{server.target.name} has lost {report['misses']} of {checked:,} keys just after they were "
                         "set")


def _report(command: list[str], exit_code: int, out: str, err: str) -> dict[str, Any]:
    if exit_code != 0:
        raise Failed(f"{' '.join(command)}\nended with {exit_code}: {err or out}")
    return json.loads(out)


class Load:
    """A kv-bench that runs from its construction, when it has connected, to `end`."""

    def __init__(self, settings: Settings, server: Server, **options: Any) -> None:
        self._command = settings.command(server, **options | {"duration": 86_400, "timeout": 60})
        connections = options.get("connections", settings.connections)
        self._process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                         stderr=subprocess.PIPE, text=True, preexec_fn=die_with_parent)
        try:
            wait_until(lambda: self._process.poll() is not None or self._sockets() == connections,
                       "kv-bench connects")
        except BaseException:
            self.kill()
            raise

    def __enter__(self) -> "Load":
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def end(self) -> dict[str, Any]:
        """What it has seen so far."""
        self._process.send_signal(signal.SIGINT)
        out, err = self._process.communicate(timeout=RUN_SLACK_S)
        return _report(self._command, self._process.returncode, out, err)

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate()

    def _sockets(self) -> int:
        links = []
        for file in Path(f"/proc/{self._process.pid}/fd").iterdir():
            with suppress(FileNotFoundError):
                links.append(os.readlink(file))
        return sum(link.startswith("socket:") for link in links)


class Probe(Load):
    """Looks how long a server takes to answer while something else goes on: GETs that are due at fixed times, on
    connections of their own and of keys that nothing else uses."""

    CONNECTIONS = 4
    KEYS = {"keys": 1000, "key_size": 12}  # no other load has keys of this length
    RATE = 2000  # a second: little enough to leave the server alone, and a stall of 1 ms meets two of them

    def __init__(self, settings: Settings, server: Server) -> None:
        super().__init__(settings, server, **self.KEYS, connections=self.CONNECTIONS, rate=self.RATE, warmup=0)


@dataclass(frozen=True)
class Part:
    """What a section has to show: its part of docs/benchmarks.md, and the drawings that this links, by their paths from
    there."""

    text: str
    drawings: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Cell:
    """The medians of one server under one load."""

    ops_per_second: float
    server_us: float
    client_us: float
    p99_9_us: float
    spread: float  # of the throughput: how far the rounds were apart, as a share of the median


Cells = dict[tuple[str, str], Cell]  # by the names of server and load


def cell(reports: list[dict[str, Any]]) -> Cell:
    rates = [report["ops_per_second"] for report in reports]
    median = statistics.median(rates)
    return Cell(ops_per_second=median,
                server_us=statistics.median(report["server_cpu_us_per_op"] for report in reports),
                client_us=statistics.median(report["client_cpu_us_per_op"] for report in reports),
                p99_9_us=statistics.median(report["latency_us"]["p99_9"] for report in reports),
                spread=(max(rates) - min(rates)) / median)


def interleave(rounds: int, loads: Mapping[str, Callable[[Server], dict[str, Any]]],
               servers: Iterable[Server]) -> Cells:
    """Every load on every server once, and all of that again in each round, so that whatever else goes on in the
    machine meets all of them alike. The order of the servers moves on by one each round: none always follows the same
    one. Returns the medians."""
    servers = list(servers)
    reports: dict[tuple[str, str], list[dict[str, Any]]] = {}
    started = time.monotonic()
    total = rounds * len(loads) * len(servers)
    done = 0
    for number in range(rounds):
        for name, load in loads.items():
            for offset in range(len(servers)):
                server = servers[(number + offset) % len(servers)]
                _progress(f"round {number + 1} of {rounds}: {server.target.name}, {name}", done, total, started)
                reports.setdefault((server.target.name, name), []).append(load(server))
                done += 1
    _progress("", done, total, started)
    return {key: cell(values) for key, values in reports.items()}


def _progress(what: str, done: int, total: int, started: float) -> None:
    if not sys.stderr.isatty():
        return
    left = (time.monotonic() - started) / done * (total - done) if done else 0
    line = f"{what}; {left:.0f} s left" if what else ""
    print(f"\r\033[K{line}", end="", file=sys.stderr, flush=True)

"""What is compared. Each section measures and returns its part of docs/benchmarks.md."""

from collections.abc import Callable
from dataclasses import dataclass

from bench import Part, Settings
from connections import connections
from durability import durability, recovery, snapshots
from eviction import eviction
from growth import growth
from latency import stalls, tail
from memory import deletes, memory
from servers import Targets
from throughput import throughput
from tls import tls


@dataclass(frozen=True)
class Section:
    """How it is measured, and how long each run takes unless the command line says otherwise: all sections together
    stay below 30 minutes on a machine of two cores."""

    measure: Callable[[Settings, Targets], Part]
    rounds: int = 1
    duration_s: float = 2
    warmup_s: float = 0.5
    quick_rounds: int = 1


SECTIONS = {
    "throughput": Section(throughput, rounds=5, quick_rounds=5),
    "tls": Section(tls, rounds=3),
    "memory": Section(memory),
    "deletes": Section(deletes),
    "eviction": Section(eviction),
    "tail": Section(tail, rounds=5, duration_s=1.5),
    "stalls": Section(stalls, rounds=3),
    "connections": Section(connections, rounds=3, duration_s=1, warmup_s=0.3),
    "growth": Section(growth, rounds=3, duration_s=0.4, warmup_s=0.15),
    "durability": Section(durability, rounds=3, duration_s=1.2, warmup_s=0.3),
    "snapshots": Section(snapshots, rounds=3, duration_s=4),
    "recovery": Section(recovery, rounds=3),
}

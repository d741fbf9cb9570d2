"""How many operations a second, and what one costs."""

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial

from bench import OPS, Cell, Cells, Part, Settings, interleave
from servers import Server, Targets
from tables import number, table

PIPELINES = [1, 16, 64]
LOADS = [(op, pipeline) for op in OPS for pipeline in PIPELINES]

# What kv-server with one thread is to reach: its throughput at least so many times that of the other, by pipeline.
WANTED_THROUGHPUT = {
    "ceiling": {1: 0.95, 16: 0.90, 64: 0.90},
    "echo": {1: 0.95, 16: 0.80, 64: 0.60},
    "redis": {1: 1.15, 16: 2.6, 64: 4.5},
    "memcached": {1: 1.1, 16: 3, 64: 7},
}
WANTED_OPS = {"memcached": ["set"]}  # all, where nothing is said
# Its CPU time per operation at most so many times that of the other.
WANTED_CPU = {"redis": {1: 0.80, 16: 0.40, 64: 0.22}}
# And with its default number of threads at least so many times what it has with one.
WANTED_DEFAULT = {1: 0.9, 16: 0.9, 64: 0.9}


def load_name(op: str, pipeline: int) -> str:
    return f"{op.upper()} {pipeline}"


HEAD = [load_name(*load) for load in LOADS]


def throughput(settings: Settings, targets: Targets) -> Part:
    """GET and SET at three depths of pipeline, against everyone."""
    with ExitStack() as stack:
        servers = [stack.enter_context(Server(target)) for target in targets.values()]
        for server in servers:
            settings.load(server)
        loads = {load_name(op, pipeline): partial(settings.run, op=op, pipeline=pipeline) for op, pipeline in LOADS}
        cells = interleave(settings.rounds, loads, servers)
    parts = ["Thousand operations a second:", _rows(targets, cells, lambda cell: cell.ops_per_second / 1000),
             "CPU time of the server per operation, in µs:", _rows(targets, cells, lambda cell: cell.server_us)]
    if "kv" in targets:
        parts += ["kv-server with one thread against each: throughput, as a multiple of theirs (and the aim):",
                  _ratios(targets, cells), "its CPU time per operation, as a multiple of theirs (and the aim):",
                  _cpu_ratios(targets, cells),
                  "CPU time of kv-bench itself per operation, in µs:",
                  table(["", *HEAD], [["against kv-server, 1 thread",
                                       *(number(cells["kv", load].client_us) for load in HEAD)]])]
    spread = max(cell.spread for cell in cells.values())
    parts.append(f"The rounds of one figure were at most {spread:.0%} of it apart.")
    return Part("\n\n".join(parts))


def _rows(targets: Targets, cells: Cells, figure: Callable[[Cell], float]) -> str:
    return table(["", *HEAD], [[target.title, *(number(figure(cells[name, load])) for load in HEAD)]
                               for name, target in targets.items()])


def _ratios(targets: Targets, cells: Cells) -> str:
    rows = []
    for name, target in targets.items():
        if name == "kv":
            continue
        row = []
        for op, pipeline in LOADS:
            load = load_name(op, pipeline)
            ratio = cells["kv", load].ops_per_second / cells[name, load].ops_per_second
            wanted = WANTED_THROUGHPUT.get(name, {}).get(pipeline) if op in WANTED_OPS.get(name, OPS) else None
            if name == "kv-default":  # the other way round: it is the one that has something to reach
                ratio, wanted = 1 / ratio, WANTED_DEFAULT[pipeline]
            row.append(f"{ratio:.2f}" + (f" (≥ {wanted})" if wanted else ""))
        rows.append([target.title + (", of one thread" if name == "kv-default" else ""), *row])
    return table(["", *HEAD], rows)


def _cpu_ratios(targets: Targets, cells: Cells) -> str:
    rows = []
    for name, target in targets.items():
        if name in ("kv", "kv-default"):
            continue
        row = []
        for op, pipeline in LOADS:
            load = load_name(op, pipeline)
            wanted = WANTED_CPU.get(name, {}).get(pipeline)
            ratio = cells["kv", load].server_us / cells[name, load].server_us
            row.append(f"{ratio:.2f}" + (f" (≤ {wanted})" if wanted else ""))
        rows.append([target.title, *row])
    return table(["", *HEAD], rows)

"""How throughput and cost change as everything gets more: keys, bytes, connections, requests at once."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any

from bench import OPS, Cell, Part, Settings, interleave
from servers import Server, Targets
from svg_plot import Line, Panel, draw
from tables import number, table

GROWTH_TARGETS = ["kv", "redis"]
COLOURS = {"kv": "#0b5fc1", "redis": "#c2342b"}
DEEP_PIPELINE = 16  # where the number of keys is to show, and not that of system calls
VALUES_BYTES_MAX = 256 << 20  # of all values together


@dataclass(frozen=True)
class Axis:
    """Something that grows, and what kv-bench is told at each of its values."""

    name: str
    title: str
    values: list[int]
    label: Callable[[int], str]
    options: Callable[[Settings, int], dict[str, Any]]
    loads: bool = False  # each value has keys of its own to load
    divided: bool = False  # the values are sizes that take long

    def values_for(self, settings: Settings) -> list[int]:
        return [settings.scaled(value) for value in self.values] if self.divided else self.values


def short(count: int) -> str:
    for size, unit in ((1_000_000, " M"), (1000, " k")):
        if count >= size:
            return f"{count / size:g}{unit}"
    return str(count)


def size(count: int) -> str:
    for unit_bytes, unit in ((1 << 20, " MiB"), (1 << 10, " KiB")):
        if count >= unit_bytes:
            return f"{count / unit_bytes:g}{unit}"
    return f"{count} B"


def _value_size(settings: Settings, value_bytes: int) -> dict[str, Any]:
    return {"keys": max(1, min(settings.keys, settings.scaled(VALUES_BYTES_MAX) // value_bytes)),
            "value_size": value_bytes}


AXES = [
    Axis("keys", f"Number of keys (pipeline {DEEP_PIPELINE})", [10_000, 100_000, 1_000_000, 5_000_000, 20_000_000],
         short, lambda _, keys: {"keys": keys, "pipeline": DEEP_PIPELINE}, loads=True, divided=True),
    Axis("value-size", "Size of a value (pipeline 1)", [8, 64, 512, 4 << 10, 32 << 10, 256 << 10, 1 << 20], size,
         _value_size, loads=True),
    Axis("connections", "Connections (pipeline 1)", [1, 10, 100, 1000, 5000], short,
         lambda _, count: {"connections": count}),
    Axis("pipeline", "Depth of the pipeline", [1, 4, 16, 64, 256], short, lambda _, depth: {"pipeline": depth}),
]

Curves = dict[tuple[str, str], list[Cell]]  # by the names of server and operation: a cell for each value of the axis


def growth(settings: Settings, targets: Targets) -> Part:
    """Throughput and CPU time against what grows."""
    chosen = {name: targets[name] for name in GROWTH_TARGETS if name in targets}
    texts = ["In the tables: thousand operations a second / CPU time of the server per operation in µs."]
    drawings = {}
    for axis in AXES:
        curves = _measure(settings, chosen, axis)
        file = f"benchmarks/growth-{axis.name}.svg"
        values = axis.values_for(settings)
        drawings[file] = drawing(chosen, axis, values, curves)
        texts += [f"![{axis.title}: throughput and CPU time per operation]({file})",
                  figures(chosen, axis, values, curves)]
    return Part("\n\n".join(texts), drawings)


def _measure(settings: Settings, targets: Targets, axis: Axis) -> Curves:
    curves: Curves = {}
    with ExitStack() as stack:
        servers = [stack.enter_context(Server(target)) for target in targets.values()]
        for index, value in enumerate(axis.values_for(settings)):
            options = axis.options(settings, value)
            for server in servers if axis.loads or index == 0 else []:
                settings.load(server, **{name: options[name] for name in ("keys", "value_size") if name in options})
            loads = {op: partial(settings.run, op=op, **options) for op in OPS}
            for key, cell in interleave(settings.rounds, loads, servers).items():
                curves.setdefault(key, []).append(cell)
    return curves


def drawing(targets: Targets, axis: Axis, values: list[int], curves: Curves) -> str:
    def lines(figure: Callable[[Cell], float]) -> list[Line]:
        return [Line(f"{targets[name].title}, {op.upper()}", [figure(cell) for cell in cells], COLOURS[name],
                     dashed=op == "set") for (name, op), cells in curves.items()]

    return draw(axis.title, [(value, axis.label(value)) for value in values],
                [Panel("Thousand operations a second", lines(lambda cell: cell.ops_per_second / 1000)),
                 Panel("CPU time of the server per operation, µs", lines(lambda cell: cell.server_us))])


def figures(targets: Targets, axis: Axis, values: list[int], curves: Curves) -> str:
    rows = [[f"{targets[name].title}, {op.upper()}",
             *(f"{number(cell.ops_per_second / 1000)} / {number(cell.server_us)}" for cell in cells)]
            for (name, op), cells in curves.items()]
    return table([axis.title, *(axis.label(value) for value in values)], rows)

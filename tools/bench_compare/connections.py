"""Few and many connections, busy and idle."""

import resource
import socket
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial

from bench import Part, Settings, interleave
from client import PING, connect
from servers import Server, Targets, wait_until
from tables import number, table

CONNECTIONS = [1, 10, 50, 500, 5000]
IDLE_CONNECTIONS = 10_000
WANTED_IDLE_BYTES = 8192
OTHER_FILES = 200  # that this process or a server opens

Connect = Callable[[Server], socket.socket]


def connections(settings: Settings, targets: Targets) -> Part:
    """How throughput holds with few and with many connections, and what one takes that is idle."""
    with ExitStack() as stack:
        servers = [stack.enter_context(Server(target)) for target in targets.values()]
        for server in servers:
            settings.load(server)
        loads = {f"{count:,}": partial(settings.run, op="get", connections=count) for count in CONNECTIONS}
        cells = interleave(settings.rounds, loads, servers)
    rows = [[target.title, *(number(cells[name, load].ops_per_second / 1000) for load in loads)]
            for name, target in targets.items()]
    return Part(f"Thousand GETs a second at pipeline 1, by the number of connections:\n\n{table(['', *loads], rows)}"
                f"\n\n{idle(targets, settings.scaled(IDLE_CONNECTIONS), WANTED_IDLE_BYTES)}")


def idle(targets: Targets, count: int, wanted_bytes: int, connect: Connect = connect) -> str:
    """What a connection takes of a server's memory that asks for nothing, with `count` of them or as many as the
    system allows; `wanted_bytes` is our aim after one request."""
    count = _allow_open_files(count)
    rows = []
    for target in targets.values():
        with Server(target) as server:
            unused, used = _idle_bytes(server, count, connect)
        aim = f" (≤ {wanted_bytes:,})" if target.name == "kv" else ""
        rows.append([target.title, number(unused), number(used) + aim])
    head = ["", "before their first request", "after one request each"]
    return (f"Resident bytes of the server per idle connection, with {count:,} of them (and the aim):\n\n"
            f"{table(head, rows)}")


def _idle_bytes(server: Server, count: int, connect: Connect) -> tuple[float, float]:
    """What each of `count` connections takes in the server's memory, before and after its first request."""
    files, before = server.open_files(), server.resident_bytes()
    with ExitStack() as stack:
        sockets = [stack.enter_context(connect(server)) for _ in range(count)]
        wait_until(lambda: server.open_files() >= files + count, f"{server.target.name} accepts {count:,} connections")
        unused = server.resident_bytes()
        for one in sockets:
            _ping(one, server.target.proto)
        used = server.resident_bytes()
    return (unused - before) / count, (used - before) / count


def _ping(connection: socket.socket, proto: str) -> None:
    connection.sendall(PING[proto])
    if not connection.recv(1024):
        raise RuntimeError("the server closed an idle connection")


def _allow_open_files(wanted: int) -> int:
    """Lets this process and the servers that it starts open so many files. Returns how many are possible."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = wanted + OTHER_FILES
    if hard != resource.RLIM_INFINITY:
        needed = min(needed, hard)
    if soft != resource.RLIM_INFINITY and soft < needed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
    return needed - OTHER_FILES

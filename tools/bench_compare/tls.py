"""The same loads as in throughput, through TLS."""

import socket
import ssl
import subprocess
import tempfile
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path

from bench import Part, Settings, interleave
from client import connect
from connections import idle
from servers import Server, Target, Targets
from tables import number, table
from throughput import HEAD, LOADS, load_name

NAME = "localhost"
IDLE_CONNECTIONS = 2000
WANTED_IDLE_BYTES = 64 << 10


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate of its own authority, and its key: P-256, as most servers have now."""
    certificate, key = folder / "server.pem", folder / "server.key"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-days", "2", "-subj", f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME}",
                    "-keyout", str(key), "-out", str(certificate)], capture_output=True, check=True)
    return certificate, key


def through_tls(target: Target, certificate: Path, key: Path) -> Target:
    """The same server, which speaks nothing but TLS."""
    files = [str(certificate), str(key)]

    def command(port: int) -> list[str]:
        if target.proto == "resp":
            return [*target.command(0), "--tls-port", str(port), "--tls-auth-clients", "no", "--tls-cert-file",
                    files[0], "--tls-key-file", files[1], "--tls-ca-cert-file", files[0], "--tls-protocols", "TLSv1.3"]
        plain = target.command(port)
        at = plain.index("--bind")
        return [*plain[:at], "--bind", "none", "--tls-bind", *plain[at + 1:], "--tls-cert", files[0], "--tls-key",
                files[1]]

    return replace(target, title=f"{target.title}, TLS", command=command,
                   flags=["--tls", "--tls-ca", files[0], "--tls-server-name", NAME])


def tls(settings: Settings, targets: Targets) -> Part:
    """GET and SET at three depths of pipeline, against those that speak TLS 1.3; and what a connection takes."""
    with ExitStack() as stack:
        certificate, key = make_certificate(Path(stack.enter_context(tempfile.TemporaryDirectory())))
        chosen = {name: through_tls(targets[name], certificate, key) for name in ("kv", "kv-default", "redis")
                  if name in targets}
        servers = [stack.enter_context(Server(target)) for target in chosen.values()]
        for server in servers:
            settings.load(server)
        loads = {load_name(op, pipeline): partial(settings.run, op=op, pipeline=pipeline) for op, pipeline in LOADS}
        cells = interleave(settings.rounds, loads, servers)
        context = ssl.create_default_context(cafile=certificate)

        def connect_through_tls(server: Server) -> socket.socket:
            return context.wrap_socket(connect(server), server_hostname=NAME)

        memory = idle(chosen, settings.scaled(IDLE_CONNECTIONS), WANTED_IDLE_BYTES, connect_through_tls)

    def rows(figure) -> str:
        return table(["", *HEAD], [[target.title, *(number(figure(cells[name, load])) for load in HEAD)]
                                   for name, target in chosen.items()])

    parts = ["Thousand operations a second:", rows(lambda cell: cell.ops_per_second / 1000),
             "CPU time of the server per operation, in µs:", rows(lambda cell: cell.server_us)]
    if "kv" in chosen and "redis" in chosen:
        ratios = [f"{cells['kv', load].ops_per_second / cells['redis', load].ops_per_second:.2f}" for load in HEAD]
        parts += ["kv-server with one thread, throughput as a multiple of that of redis-server:",
                  table(["", *HEAD], [["both through TLS", *ratios]])]
    spread = max(cell.spread for cell in cells.values())
    parts.append(f"The rounds of one figure were at most {spread:.0%} of it apart.")
    return Part("\n\n".join([*parts, memory]))

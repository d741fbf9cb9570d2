"""What the tests stand on: a real kv-server, servers that do as a script says, blocking faces of async clients."""

from __future__ import annotations

import asyncio
import inspect
import os
import re
import socket
import subprocess
import threading
import time
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, List, Optional, Sequence, Tuple

# The server under test, and kv-cli beside it: that of the release build unless the environment names another.
os.environ.setdefault("KV_SERVER", str(Path(__file__).resolve().parents[3] / "build" / "release" / "bin" / "kv-server"))

START_DEADLINE = 60.0
DEADLINE = 20.0
LISTENING = re.compile(r"listening on 127\.0\.0\.1:(\d+) tls=(true|false)")


class LiveServer:
    """A kv-server of its own, on free ports or on those that it had before. The environment's KV_SERVER names it.

    With `tls` it listens a second time, for TLS; the arguments say with which certificate.
    """

    def __init__(self, *arguments: str, port: int = 0, tls: bool = False) -> None:
        self._arguments = arguments
        self._tls = tls
        self.port = port
        self.tls_port = 0
        self.log = ""
        """What it has said so far, since it was first started."""
        self._process: Optional["subprocess.Popen[str]"] = None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def tls_address(self) -> str:
        assert self.tls_port, "it doesn't speak TLS"
        return f"127.0.0.1:{self.tls_port}"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> LiveServer:
        command = [os.environ["KV_SERVER"], "--bind", f"127.0.0.1:{self.port}", *self._arguments]
        if self._tls:
            command += ["--tls-bind", f"127.0.0.1:{self.tls_port}"]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("KV_")}
        self._process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
        )
        assert self._process.stdout is not None
        too_late = threading.Timer(START_DEADLINE, self._process.kill)
        too_late.start()
        said, listeners = "", 0
        while listeners < (2 if self._tls else 1):
            line = self._process.stdout.readline()
            assert line, f"the server never said where it listens:\n{said}"
            said += line
            found = LISTENING.search(line)
            if found:
                listeners += 1
                if found[2] == "true":
                    self.tls_port = int(found[1])
                else:
                    self.port = int(found[1])
        too_late.cancel()
        self.log += said
        self._drain = threading.Thread(target=self._read_log, args=(self._process.stdout,), daemon=True)
        self._drain.start()
        return self

    def _read_log(self, stdout: Iterable[str]) -> None:
        for line in stdout:
            self.log += line

    def signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def stop(self, kill: bool = False) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if kill:
            process.kill()
        else:
            process.terminate()
        process.wait(DEADLINE)
        self._drain.join()
        assert process.stdout is not None
        process.stdout.close()

    def __enter__(self) -> LiveServer:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


Script = Callable[["Peer"], None]


class Peer:
    """The server's side of one connection, for scripts."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock

    def request(self) -> Tuple[int, bytes]:
        """The next request: its command byte and payload. EOFError where none comes."""
        head = self._exactly(5)
        return head[0], self._exactly(int.from_bytes(head[1:], "big"))

    def reply(self, status: int, payload: bytes = b"") -> None:
        self.sock.sendall(bytes([status]) + len(payload).to_bytes(4, "big") + payload)

    def ended(self) -> bool:
        """Waits until the client closes its side."""
        return self.sock.recv(1) == b""

    def _exactly(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            part = self.sock.recv(size - len(data))
            if not part:
                raise EOFError
            data += part
        return data


class FakeServer:
    """Runs `scripts` on the connections in the order in which they come, the last one on all further ones.

    `wrap` may put TLS around an accepted socket.
    """

    def __init__(
        self, *scripts: Script, wrap: Callable[[socket.socket], socket.socket] = lambda sock: sock, backlog: int = 16
    ) -> None:
        self._scripts = scripts
        self._wrap = wrap
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=backlog)
        self._sockets: List[socket.socket] = []
        self._threads: List[threading.Thread] = []
        self.errors: List[BaseException] = []
        self.connections = 0

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> FakeServer:
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for sock in self._sockets:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        for thread in self._threads:
            thread.join(DEADLINE)
        for sock in self._sockets:
            sock.close()

    def _start(self, target: Callable[..., None], *arguments: Any) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            script = self._scripts[min(self.connections, len(self._scripts) - 1)]
            self.connections += 1
            self._sockets.append(sock)
            self._start(self._serve, sock, script)

    def _serve(self, sock: socket.socket, script: Script) -> None:
        try:
            wrapped = self._wrap(sock)
            self._sockets.append(wrapped)
            script(Peer(wrapped))
            wrapped.close()
        except (EOFError, OSError):
            sock.close()
        except BaseException as error:
            self.errors.append(error)
            sock.close()


def in_memory(peer: Peer) -> None:
    """A script that knows PING, SET, GET and INCR, as far as these tests need them."""
    kept: Dict[bytes, bytes] = {}
    while True:
        command, payload = peer.request()
        if command == 0x08:
            peer.reply(0, payload or b"PONG")
        elif command == 0x02:
            size = int.from_bytes(payload[:2], "big")
            kept[payload[2 : 2 + size]] = payload[2 + size + 8 :]
            peer.reply(0)
        elif command == 0x01:
            value = kept.get(payload)
            peer.reply(1 if value is None else 0, value or b"")
        else:
            peer.reply(3, b"COMMAND not in this script")


class Blocking:
    """An async client or pool, called without await: every coroutine runs in `loop` to its end."""

    def __init__(self, target: Any, loop: asyncio.AbstractEventLoop) -> None:
        self._target = target
        self._loop = loop

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._target, name)
        return self._blocking(attribute) if callable(attribute) else attribute

    def _run_once(self) -> None:
        """Lets the event loop see what has happened to its sockets."""
        self._loop.run_until_complete(asyncio.sleep(0.01))

    def _blocking(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            result = function(*args, **kwargs)
            if inspect.isawaitable(result):
                return self._loop.run_until_complete(_awaited(result))
            if inspect.isasyncgen(result):
                return iter(self._loop.run_until_complete(_collected(result)))
            return Blocking(result, self._loop) if hasattr(result, "execute") else result

        return call


async def _awaited(awaitable: Any) -> Any:
    return await awaitable


async def _collected(items: Any) -> List[Any]:
    return [item async for item in items]


def eventually(holds: Callable[[], Any], what: str = "the condition") -> None:
    """Waits until `holds()` is true; an AssertionError when that takes too long."""
    deadline = time.monotonic() + DEADLINE
    while not holds():
        assert time.monotonic() < deadline, f"{what} never came to be"
        time.sleep(0.005)


async def eventually_async(holds: Callable[[], Any], what: str = "the condition") -> None:
    """The same for tests of an event loop."""
    deadline = time.monotonic() + DEADLINE
    while not holds():
        assert time.monotonic() < deadline, f"{what} never came to be"
        await asyncio.sleep(0.005)


def run_threads(*targets: Callable[[], Any]) -> Sequence[Any]:
    """Runs all at once and returns what they return; the first exception of one is raised."""
    results: List[Any] = [None] * len(targets)
    errors: List[BaseException] = []

    def run(index: int) -> None:
        try:
            results[index] = targets[index]()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(index,), daemon=True) for index in range(len(targets))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE)
        assert not thread.is_alive(), "a thread doesn't end"
    if errors:
        raise errors[0]
    return results

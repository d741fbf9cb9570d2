"""The servers that are compared: how each is started, and that each is stopped by the pid it was started with."""

import ctypes
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

START_DEADLINE_S = 30
STOP_DEADLINE_S = 30
PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class Target:
    """A kind of server. `command` makes its command line from the port it must take on 127.0.0.1."""

    name: str
    title: str
    proto: str
    command: Callable[[int], list[str]]
    flags: list[str] = field(default_factory=list)  # what kv-bench needs to speak to it, beside its protocol
    stores: bool = True  # False: it answers without keeping anything, so its values are never the right ones


Targets = dict[str, Target]  # by name


def targets(bin_dir: Path, directory: str) -> Targets:
    """All that can be compared, by name. Nothing is written to disk, though `directory` is there for it."""
    kv = [str(bin_dir / "kv-server"), "--log-level", "warn", "--bind"]
    redis = ["redis-server", "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", directory, "--port"]
    memcached = ["memcached", "-l", "127.0.0.1", "-U", "0", "-u", "nobody", "-m", "8192", "-c", "16384"]
    known = [
        Target("kv", "kv-server, 1 thread", "kv", lambda port: [*kv, f"127.0.0.1:{port}", "--threads", "1"]),
        Target("kv-default", "kv-server, as it comes", "kv", lambda port: [*kv, f"127.0.0.1:{port}"]),
        Target("ceiling", "raw epoll, same engine", "kv", lambda port: [str(bin_dir / "kv-epoll-engine"), str(port)]),
        Target("echo", "raw epoll, stores nothing", "kv", lambda port: [str(bin_dir / "kv-epoll-echo"), str(port)],
               stores=False),
        Target("redis", "redis-server", "resp", lambda port: [*redis, str(port)]),
        Target("memcached", "memcached, 1 thread", "memcached",
               lambda port: [*memcached, "-t", "1", "-p", str(port)]),
    ]
    return {target.name: target for target in known}


def is_there(target: Target) -> bool:
    return shutil.which(target.command(0)[0]) is not None


class Server:
    """A running server: constructed it accepts connections; `stop` or leaving a `with` block ends it."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.port = _free_port()
        self._log = tempfile.TemporaryFile()
        # kv-server reads KV_ variables as flags.
        environment = {name: value for name, value in os.environ.items() if not name.startswith("KV_")}
        self._process = subprocess.Popen(target.command(self.port), stdin=subprocess.DEVNULL, stdout=self._log,
                                         stderr=subprocess.STDOUT, env=environment, preexec_fn=die_with_parent)
        try:
            self._wait_until_it_accepts()
        except BaseException:
            self.stop()
            raise

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        return self._process.pid

    def resident_bytes(self) -> int:
        return self._status_bytes("VmRSS:")

    def peak_resident_bytes(self) -> int:
        """The most that it ever had."""
        return self._status_bytes("VmHWM:")

    def open_files(self) -> int:
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(STOP_DEADLINE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()

    def _status_bytes(self, field: str) -> int:
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith(field):
                return int(line.split()[1]) * 1024
        raise RuntimeError(f"{self.target.name} has ended")

    def _wait_until_it_accepts(self) -> None:
        deadline = time.monotonic() + START_DEADLINE_S
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                break
            if _is_listened_on(self.port):
                return
            time.sleep(0.01)
        self._log.seek(0)
        raise RuntimeError(f"{self.target.name} doesn't listen:\n{self._log.read().decode(errors='replace')[-2000:]}")


def wait_until(condition: Callable[[], bool], what: str, deadline_s: float = 60, every_s: float = 0.01) -> None:
    """Raises RuntimeError when `condition` isn't met in time."""
    deadline = time.monotonic() + deadline_s
    while not condition():
        if time.monotonic() > deadline:
            raise RuntimeError(f"not in {deadline_s:g} s: {what}")
        time.sleep(every_s)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _is_listened_on(port: int) -> bool:
    """Asks the kernel: a connection made to find out would still be there when those of a measurement are counted."""
    listening = "0A"
    rows = (line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:])
    return any(row[1].endswith(f":{port:04X}") and row[3] == listening for row in rows)


def die_with_parent() -> None:
    """For preexec_fn: a comparison that is killed leaves nothing behind."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)

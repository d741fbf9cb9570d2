"""Clean Debian systems in folders, for tests that install something.

A test that uses them calls `enter_namespaces()` first. From then on its mounts and processes are its own: they end with
it, however it ends. The folders lie in memory, so nothing is left and nothing waits for a disk. What it runs as a
server gets a network of its own too, so that a default port is always free.

The environment's KV_CHROOTS names a folder to mount that memory on.
"""

import contextlib
import ctypes
import fcntl
import os
import shutil
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path

CHROOTS = Path(os.environ["KV_CHROOTS"])
BASE = CHROOTS / "base"  # the clean system
MEMORY_MAX = "4G"  # by far the most takes what the image is built with

SUITE = "bookworm"
MIRROR = os.environ.get("KV_DEBIAN_MIRROR", "http://deb.debian.org/debian")
# Without an address of its own, a name server is taken from the host.
FROM_HOST = ("etc/resolv.conf", "etc/hosts")
ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
               "DEBIAN_FRONTEND": "noninteractive"}
COMMAND_DEADLINE_S = 600
SERVER_DEADLINE_S = 60

CLONE_NEWNET = 0x4000_0000
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1

LEAVE_OUT = "tools/test.sh --without package leaves this part out"


def require(condition: bool, sentence: str) -> None:
    """Ends the test, as failed, where it can't be run at all."""
    if not condition:
        sys.exit(f"The package can't be tested here: {sentence}; {LEAVE_OUT}.")


def enter_namespaces() -> None:
    """Starts this program again, with mounts and processes that are its own."""
    if os.environ.get("KV_NAMESPACES") == "own":
        return
    require(os.geteuid() == 0, "installing a package takes root")
    os.environ["KV_NAMESPACES"] = "own"
    command = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    require(subprocess.run([*command, "true"]).returncode == 0, "no namespaces can be made")
    os.execvp(command[0], [*command, sys.executable, *sys.argv])


def make_base() -> None:
    """Makes BASE, the smallest system that Debian has. Takes half a minute and the network."""
    require(shutil.which("debootstrap") is not None, "there is no debootstrap")
    CHROOTS.mkdir(parents=True, exist_ok=True)
    _mount("-t", "tmpfs", "-o", f"size={MEMORY_MAX},mode=755", "tmpfs", CHROOTS)
    done = subprocess.run(["debootstrap", "--variant=minbase", SUITE, BASE, MIRROR], capture_output=True, text=True)
    require(done.returncode == 0, f"debootstrap failed with {MIRROR}:\n{done.stdout[-2000:]}{done.stderr}")
    for name in FROM_HOST:
        shutil.copy(Path("/", name), BASE / name)


def _mount(*words: str | Path) -> None:
    subprocess.run(["mount", *words], check=True)


class Chroot:
    """A system of its own that begins as BASE."""

    def __init__(self, name: str) -> None:
        self.root = CHROOTS / name
        changes, scratch = CHROOTS / f"{name}-changes", CHROOTS / f"{name}-scratch"
        for folder in (self.root, changes, scratch):
            folder.mkdir()
        _mount("-t", "overlay", "-o", f"lowerdir={BASE},upperdir={changes},workdir={scratch}", "overlay", self.root)
        _mount("-t", "proc", "proc", self.path("/proc"))

    def path(self, path: str) -> Path:
        """Where a path of the system is on the host."""
        return self.root / path.lstrip("/")

    def command(self, words: list[str], user: str = "") -> list[str]:
        # A user that is given as two numbers is in no group besides.
        as_user = [f"--userspec={user}"] if user else []
        return ["chroot", *as_user, str(self.root), *words]

    def run(self, *words: str, environment: dict[str, str] | None = None) -> str:
        """What the command prints; raises, with what it said, where it fails."""
        done = subprocess.run(self.command(list(words)), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              timeout=COMMAND_DEADLINE_S, env=ENVIRONMENT | (environment or {}),
                              stdin=subprocess.DEVNULL)
        if done.returncode != 0:
            raise AssertionError(f"{' '.join(words)} ended with {done.returncode}:\n{done.stdout[-8000:]}")
        return done.stdout

    def bind(self, source: Path, target: str) -> None:
        self.path(target).mkdir(parents=True, exist_ok=True)
        _mount("--bind", source, self.path(target))

    @contextlib.contextmanager
    def server(self, words: list[str], user: str, environment: dict[str, str] | None = None):
        """Runs a server as `user`, and stops it with SIGTERM, after which it has to end with 0. Gives a function that
        runs a command in the server's network and returns its exit code and what it prints."""
        log_path = self.root.with_suffix(".log")
        with log_path.open("w+", encoding="utf-8") as log:
            process = subprocess.Popen(self.command(words, user), stdout=log, stderr=subprocess.STDOUT, cwd="/",
                                       env=ENVIRONMENT | (environment or {}), preexec_fn=_own_network)

            def beside(*command: str) -> tuple[int, str]:
                enter = ["nsenter", f"--net=/proc/{process.pid}/ns/net", *self.command(list(command), user)]
                done = subprocess.run(enter, capture_output=True, text=True, env=ENVIRONMENT, timeout=SERVER_DEADLINE_S)
                return done.returncode, done.stdout.strip() + done.stderr

            try:
                _await(lambda: process.poll() is not None or beside("kv-cli", "ping") == (0, "PONG"))
                if process.poll() is not None:
                    raise AssertionError(f"the server ended with {process.returncode}:\n{log_path.read_text()}")
                yield beside
                process.terminate()
                code = process.wait(SERVER_DEADLINE_S)
                if code != 0:
                    raise AssertionError(f"the server ended with {code}:\n{log_path.read_text()}")
            finally:
                if process.poll() is None:
                    process.kill()
                    process.wait()


def _await(condition) -> None:
    deadline = time.monotonic() + SERVER_DEADLINE_S
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError("the server isn't there in time")
        time.sleep(0.05)


def _own_network() -> None:
    """A network with nothing but loopback, for this process and those that enter it."""
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    with socket.socket() as control:
        request = fcntl.ioctl(control, SIOCGIFFLAGS, struct.pack("16sh22x", b"lo", 0))
        flags = struct.unpack("16sh22x", request)[1]
        fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sh22x", b"lo", flags | IFF_UP))

"""A kv-server of one's own on a free port. The environment's KV_SERVER names the program."""

import ctypes
import os
import re
import signal
import socket
import subprocess
import threading
from pathlib import Path

START_DEADLINE_S = 60
STOP_DEADLINE_S = 10
LISTENING = re.compile(r"(?<!admin )listening on 127\.0\.0\.1:(\d+)")
ADMIN_LISTENING = re.compile(r"admin listening on 127\.0\.0\.1:(\d+)")


PR_SET_PDEATHSIG = 1


def die_with_parent() -> None:
    """A test that is killed leaves no server behind."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class LiveServer:
    """Starts the server when entered, and stops it, with SIGTERM and by its own pid, when left.

    port is where it serves, admin_port where it serves the admin pages, None where it doesn't.
    """

    def __init__(self, *flags: str) -> None:
        self._flags = flags
        self.admin_port: int | None = None

    def __enter__(self) -> "LiveServer":
        command = [os.environ["KV_SERVER"], "--bind", "127.0.0.1:0", *self._flags]
        # The server reads KV_ variables as flags.
        environment = {name: value for name, value in os.environ.items() if not name.startswith("KV_")}
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                         env=environment, preexec_fn=die_with_parent)
        try:
            self.port = self._read_port()
        except BaseException:
            self._process.kill()
            self._process.wait()
            raise
        # Whatever it logs from now on is read away, so that it never blocks on a full pipe.
        self._drain = threading.Thread(target=self._process.stdout.read, daemon=True)
        self._drain.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Does nothing when it has stopped before."""
        if self._process.returncode is not None:
            return
        self._process.terminate()
        try:
            code = self._process.wait(STOP_DEADLINE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise AssertionError("the server didn't stop after SIGTERM") from None
        finally:
            self._drain.join()
            self._process.stdout.close()
        if code != 0:
            raise AssertionError(f"the server ended with code {code}")

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port))

    def _read_port(self) -> int:
        too_late = threading.Timer(START_DEADLINE_S, self._process.kill)
        too_late.start()
        try:
            log = ""
            for line in self._process.stdout:
                log += line
                if admin := ADMIN_LISTENING.search(line):
                    self.admin_port = int(admin[1])
                if found := LISTENING.search(line):
                    return int(found[1])
            raise AssertionError(f"the server never said where it listens:\n{log}")
        finally:
            too_late.cancel()


def program(name: str) -> str:
    """Where a program is that was built with the server."""
    return os.path.join(os.path.dirname(os.environ["KV_SERVER"]), name)


def run_server(*args: str) -> str:
    """What the server prints when it is only asked something, such as --help."""
    return subprocess.run([os.environ["KV_SERVER"], *args], check=True, capture_output=True, text=True,
                          timeout=START_DEADLINE_S).stdout


def self_signed(folder: Path) -> tuple[str, str]:
    """Files with a certificate for localhost and its key."""
    certificate, key = f"{folder}/server.pem", f"{folder}/server.key"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-days", "60", "-subj", "/CN=localhost", "-keyout", key, "-out", certificate],
                   check=True, capture_output=True, timeout=START_DEADLINE_S)
    return certificate, key

"""What the systemd unit forbids, the server doesn't do: its system calls while it serves, against the unit's filters.

No systemd runs where the tests do, so this is how a call that the service would be refused is found. The environment's
KV_PROGRAMS names the folder of the programs.
"""

import os
import re
import signal
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

UNIT = (Path(__file__).resolve().parents[3] / "tools/package/kv-server.service").read_text("utf-8")
BUILT = Path(os.environ["KV_PROGRAMS"])
DEADLINE_S = 60


def settings(name: str) -> list[str]:
    return re.findall(rf"^{name}=(.*)$", UNIT, re.M)


def calls_in(group: str) -> set[str]:
    """The calls that systemd means by `@group`, with those of the groups in it."""
    done = subprocess.run(["systemd-analyze", "syscall-filter", group], check=True, capture_output=True, text=True,
                          timeout=DEADLINE_S)
    names = re.findall(r"^ +(@?[\w-]+)$", done.stdout, re.M)
    return {call for name in names for call in (calls_in(name) if name.startswith("@") else [name])}


def allowed_calls() -> set[str]:
    allowed: set[str] = set()
    for value in settings("SystemCallFilter"):
        calls = set().union(*(calls_in(group) for group in value.removeprefix("~").split()))
        allowed = allowed - calls if value.startswith("~") else allowed | calls
    return allowed


def cli(port: str, *words: str) -> None:
    subprocess.run([BUILT / "kv-cli", "-p", port, *words], check=True, capture_output=True, timeout=DEADLINE_S)


def trace(folder: Path) -> str:
    """The system calls of a server that starts, serves, takes a snapshot and a backup, reopens its log, and ends."""
    log = folder / "log"
    command = ["strace", "--follow-forks", "--output", folder / "calls", BUILT / "kv-server", "--bind", "localhost:0",
               "--data-dir", folder / "data", "--log-file", log]
    strace = subprocess.Popen(command, env={"PATH": os.environ["PATH"]}, stdout=subprocess.DEVNULL)
    server = 0
    try:
        deadline = time.monotonic() + DEADLINE_S
        mark = r"(?<!admin )listening on \S+:(\d+)"
        while not (found := re.search(mark, log.read_text("utf-8") if log.exists() else "")):
            if strace.poll() is not None or time.monotonic() > deadline:
                raise AssertionError("the server doesn't start under strace")
            time.sleep(0.02)
        server = int(Path(f"/proc/{strace.pid}/task/{strace.pid}/children").read_text("utf-8").split()[0])
        for words in (["mset", "a", "1", "b", "2"], ["info"], ["backup", str(folder / "backup")], ["flush"]):
            cli(found[1], *words)
        os.kill(server, signal.SIGHUP)
        os.kill(server, signal.SIGTERM)
        strace.wait(DEADLINE_S)
    finally:
        if strace.poll() is None:
            os.kill(server or strace.pid, signal.SIGKILL)
            strace.wait()
    return (folder / "calls").read_text("utf-8")


class SandboxTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        with tempfile.TemporaryDirectory() as folder:
            cls.trace = trace(Path(folder))

    def calls(self, name: str) -> list[str]:
        return re.findall(rf"^\d+ +(?:\[.*\] )?{name}\((.*)", self.trace, re.M)

    def test_every_call_passes_the_filter(self) -> None:
        made = set(re.findall(r"^\d+ +(\w+)\(", self.trace, re.M)) - {"execve"}  # systemd's own
        self.assertLessEqual({"accept", "epoll_wait", "fdatasync"}, made)
        self.assertEqual(made - allowed_calls(), set())
        self.assertNotIn("reboot", allowed_calls())
        self.assertNotIn("chown", allowed_calls())

    def test_every_socket_is_of_a_family_that_it_may_have(self) -> None:
        # Names are looked up with netlink's help where that is there.
        (allowed,) = settings("RestrictAddressFamilies")
        made = {call.split(",")[0] for call in self.calls("socket")}
        self.assertIn("AF_INET", made)
        self.assertLessEqual(made - {"AF_NETLINK"}, set(allowed.split()))

    def test_no_memory_is_both_written_and_run(self) -> None:
        self.assertEqual(settings("MemoryDenyWriteExecute"), ["yes"])
        mapped = self.calls("mmap")
        self.assertTrue(mapped)
        self.assertEqual([call for call in mapped if "PROT_WRITE" in call and "PROT_EXEC" in call], [])
        self.assertEqual([call for call in self.calls("mprotect") if "PROT_EXEC" in call], [])


if __name__ == "__main__":
    unittest.main()

"""The systemd unit, as systemd itself judges it. The environment's KV_PROGRAMS names the folder of the programs."""

import os
import re
import subprocess
import tempfile
import unittest
from pathlib import Path

UNIT = Path(__file__).resolve().parents[3] / "tools/package/kv-server.service"
DEADLINE_S = 60

# By `systemd-analyze security` of Debian 12, in tenths: 1.2 as of now. What is left are the sockets and the host's root
# directory, which it needs.
EXPOSURE_MAX = 13


def analyze(unit: str, *words: str) -> subprocess.CompletedProcess:
    """What `systemd-analyze` says of a unit with this text. Its program is the one that was built."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, UNIT.name)
        path.write_text(unit.replace("/usr/bin/", f"{os.environ['KV_PROGRAMS']}/"), "utf-8")
        return subprocess.run(["systemd-analyze", *words, path], capture_output=True, text=True, timeout=DEADLINE_S)


def is_exposed(unit: str) -> bool:
    return analyze(unit, "security", "--offline=true", f"--threshold={EXPOSURE_MAX}").returncode != 0


class ServiceTest(unittest.TestCase):
    unit = UNIT.read_text("utf-8")

    def test_systemd_finds_no_fault_in_it(self) -> None:
        done = analyze(self.unit, "verify", "--man=no")
        self.assertEqual((done.stderr, done.returncode), ("", 0))

    def test_systemd_finds_a_fault_where_there_is_one(self) -> None:
        self.assertIn("NoSuchKey", analyze(f"{self.unit}\n[Service]\nNoSuchKey=yes\n", "verify", "--man=no").stderr)

    def test_systemd_hears_of_the_start_from_the_server_and_watches_it(self) -> None:
        settings = dict(line.split("=", 1) for line in self.unit.splitlines() if "=" in line and line[0] != "#")
        self.assertEqual((settings["Type"], settings["TimeoutStartSec"], settings["WatchdogSec"]),
                         ("notify", "1h", "30s"))
        self.assertEqual(settings["Restart"], "on-failure", "which a watchdog that bites is, too")
        self.assertIn("AF_UNIX", settings["RestrictAddressFamilies"], "the way to systemd")

    def test_what_the_service_could_do_to_the_machine_stays_within_bounds(self) -> None:
        self.assertFalse(is_exposed(self.unit))
        self.assertTrue(is_exposed(re.sub(r"^SystemCallFilter=.*\n", "", self.unit, flags=re.M)))


if __name__ == "__main__":
    unittest.main()

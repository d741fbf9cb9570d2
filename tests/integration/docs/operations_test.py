"""docs/operations.md against the server: every line that it may log and every field of INFO is explained there."""

import json
import re
import subprocess
import tempfile
import unittest
from pathlib import Path

from live_server import LiveServer, program, self_signed

TREE = Path(__file__).resolve().parents[3]
PAGE = (TREE / "docs/operations.md").read_text(encoding="utf-8")
DEADLINE_S = 60

# Calls whose text comes from elsewhere, and the texts.
INDIRECT = {
    "options.cpp": "unknown environment variable ",
    "wal.cpp": "can't begin a new log segment: ",
    "recovery.cpp": "loading the snapshot",
}


def logged(level: str, source: str) -> list[str]:
    """The messages that the code logs at this level, as far as they stand in one piece."""
    names = "(?:info|note)" if level == "info" else level
    calls = re.findall(rf"(?:\blog::|^\s+){names}\(\s*(?:\w+ \? )?((?:\"[^\"]+\"(?: : )?)+)", source, re.M)
    return [message for call in calls for message in re.findall(r'"([^"]+)"', call)]


def explained(level: str) -> str:
    """What the page has under this level."""
    return PAGE.split("\n## What the log says\n")[1].split(f"\n**{level}**\n")[1].split("\n**")[0]


def explained_fields(section: str) -> set[str]:
    rows = re.search(rf"^\*\*{section}\*\*.*?\n\n(.*?)\n\n", PAGE + "\n\n", re.M | re.S)[1]
    return {name for row in rows.splitlines()[2:] for name in re.findall(r"`(\w+)`", row.split("|")[1])}


class LogTest(unittest.TestCase):
    def test_every_line_is_on_the_page_under_its_level(self) -> None:
        count = 0
        for path in sorted((TREE / "src").rglob("*.cpp")):
            source = path.read_text("utf-8")
            for level in ("error", "warn", "info"):
                for message in logged(level, source):
                    count += 1
                    self.assertIn(f"`{message.strip()}", explained(level), path.name)
        self.assertGreater(count, 25)

    def test_so_are_those_whose_text_comes_from_elsewhere(self) -> None:
        for name, message in INDIRECT.items():
            (path,) = (TREE / "src").rglob(name)
            self.assertIn(f'"{message}"', path.read_text("utf-8"))
            self.assertIn(f"`{message.rstrip(': ')}`", explained("info" if "loading" in message else "warn"))

    def test_a_line_is_found_however_it_is_written(self) -> None:
        source = 'log::warn("one", {{"a", 1}});\n  log::warn(\n      "two");\nlog::warn(ended ? "three" : "four");\n'
        self.assertEqual(logged("warn", source), ["one", "two", "three", "four"])
        self.assertEqual(logged("error", source), [])
        self.assertEqual(logged("info", 'log::info("five");\nlog::note("six",\n  {});\n'), ["five", "six"])


class AccessTest(unittest.TestCase):
    def test_every_setting_of_who_may_come_in_is_told_where_that_is_told(self) -> None:
        done = subprocess.run([program("kv-server"), "--print-config"], check=True, capture_output=True, text=True,
                              timeout=DEADLINE_S)
        settings = re.findall(r"^#?((?:tls|acl|password)-[a-z-]+) = ", done.stdout, re.M)
        self.assertGreater(len(settings), 6)
        section = PAGE.split("\n## Who may come in\n")[1].split("\n## ")[0]
        for setting in settings:
            self.assertRegex(section, rf"(?m)`{setting}`|^    {setting} = ")

    def test_every_file_that_a_signal_has_read_again_is_told(self) -> None:
        (row,) = re.findall(r"^\| SIGHUP \|.*$", PAGE, re.M)
        for setting in ("log-file", "tls-cert", "tls-key", "tls-ca", "acl-file", "password-file"):
            self.assertIn(f"`{setting}`", row)

    def test_whoever_reaches_it_is_not_said_to_be_let_in_whatever_the_settings(self) -> None:
        self.assertNotRegex(PAGE, r"Whoever reaches an\s+address of the server may")


class InfoTest(unittest.TestCase):
    def test_every_field_is_on_the_page_and_nothing_else(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            certificate, key = self_signed(Path(folder))
            with LiveServer("--data-dir", f"{folder}/data", "--tls-bind", "127.0.0.1:0", "--tls-cert", certificate,
                            "--tls-key", key) as server:
                self.ask(server, "snapshot")  # some is said only of one that there is
                done = self.ask(server, "info")
        sections = {name: set(value) for name, value in json.loads(done.stdout).items() if isinstance(value, dict)}
        self.assertEqual({name: explained_fields(name) for name in sections}, sections)

    def ask(self, server: LiveServer, command: str) -> subprocess.CompletedProcess:
        return subprocess.run([program("kv-cli"), "-p", str(server.port), command], check=True, capture_output=True,
                              text=True, timeout=DEADLINE_S)


if __name__ == "__main__":
    unittest.main()

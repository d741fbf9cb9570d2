"""README.md against the server: what it tells people to type does what it says, and its flags are the ones there are.

A fenced `sh` or `python` block with a `text` block right behind it is run, on a live port in place of 6380, and it
must print that text.
"""

import os
import re
import subprocess
import sys
import unittest
from dataclasses import dataclass
from pathlib import Path

from live_server import LiveServer, run_server

PAGE = (Path(__file__).resolve().parents[3] / "README.md").read_text(encoding="utf-8")
DEADLINE_S = 60


@dataclass
class Snippet:
    language: str
    code: str
    prints: str


def parse_snippets(page: str) -> list[Snippet]:
    blocks = list(re.finditer(r"^```(\w*)\n(.*?)^```$", page, re.M | re.S))
    return [
        Snippet(block[1], block[2], output[2])
        for block, output in zip(blocks, blocks[1:])
        if block[1] in ("sh", "python") and output[1] == "text" and not page[block.end() : output.start()].strip()
    ]


def programs_first() -> dict[str, str]:
    """The environment, with the programs that were built in front of all others."""
    return dict(os.environ, PATH=f"{os.path.dirname(os.environ['KV_SERVER'])}:{os.environ['PATH']}")


def run(snippet: Snippet, port: int) -> str:
    """What the snippet prints for a reader whose server is the one on `port`."""
    code = snippet.code.replace("6380", str(port)).replace("kv-cli ", f"kv-cli -p {port} ")
    interpreter = {"sh": "sh", "python": sys.executable}[snippet.language]
    return subprocess.run([interpreter, "-c", code], text=True, timeout=DEADLINE_S, env=programs_first(),
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT).stdout


class ReadmeTest(unittest.TestCase):
    def test_every_snippet_prints_what_the_page_shows(self) -> None:
        snippets = parse_snippets(PAGE)
        self.assertEqual({snippet.language for snippet in snippets}, {"sh", "python"})
        self.assertTrue(any("nc -N" in snippet.code for snippet in snippets))
        with LiveServer() as server:
            for snippet in snippets:
                with self.subTest(code=snippet.code):
                    self.assertEqual(run(snippet, server.port), snippet.prints)

    def test_the_load_that_it_shows_can_be_run(self) -> None:
        command = re.search(r"^kv-bench .*$", PAGE, re.M)[0].split()
        with LiveServer() as server:
            shorter = ["--port", str(server.port), "--duration", "0.2", "--warmup", "0", "--keys", "1000"]
            done = subprocess.run(command + shorter, env=programs_first(), timeout=DEADLINE_S, capture_output=True)
        self.assertEqual((done.returncode, done.stderr), (0, b""))

    def test_the_flags_are_the_ones_that_help_lists(self) -> None:
        in_page = set(re.findall(r"^\| (?:`-\w`, )?`(--[a-z-]+)`", PAGE, re.M))
        in_help = set(re.findall(r"^ +(?:-\w, ?)?(--[a-z-]+)", run_server("--help"), re.M))
        self.assertEqual(in_page, in_help)


class SnippetTest(unittest.TestCase):
    def test_only_blocks_with_their_output_behind_them_are_played(self) -> None:
        page = "```sh\nbuild\n```\n\nwords\n\n```sh\necho 1\n```\n\n```text\n1\n```\n\n```text\nx\n```\n"
        self.assertEqual(parse_snippets(page), [Snippet("sh", "echo 1\n", "1\n")])

    def test_a_snippet_that_prints_something_else_is_seen(self) -> None:
        self.assertEqual(run(Snippet("sh", "echo on 6380\n", "on 2\n"), 1), "on 1\n")
        self.assertEqual(run(Snippet("python", "print(1 / 0)\n", "0\n"), 1).splitlines()[-1],
                         "ZeroDivisionError: division by zero")


if __name__ == "__main__":
    unittest.main()

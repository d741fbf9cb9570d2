"""docs/protocol.md against the server: every example is played, and every command and error word is there."""

import json
import re
import tempfile
import unittest
from pathlib import Path

from hex_player import HEADER_BYTES, parse_blocks, play
from live_server import LiveServer, run_server, self_signed
from protocol_page import faults, parse_error_words, parse_info

TREE = Path(__file__).resolve().parents[3]
INFO = bytes.fromhex("09 00000000")
SNAPSHOT = bytes.fromhex("80 00000001 00")
PAGE = (TREE / "docs/protocol.md").read_text(encoding="utf-8")


def ask(server: LiveServer, request: bytes) -> bytes:
    with server.connect() as connection, connection.makefile("rb") as replies:
        connection.sendall(request)
        header = replies.read(HEADER_BYTES)
        return replies.read(int.from_bytes(header[1:], "big"))


def info_of(server: LiveServer) -> dict:
    return json.loads(ask(server, INFO))


class ProtocolPageTest(unittest.TestCase):
    def test_a_server_answers_every_example_as_it_stands(self) -> None:
        with LiveServer() as server:
            play(parse_blocks(PAGE), server.connect)

    def test_the_page_has_the_commands_that_the_server_has(self) -> None:
        self.assertEqual(faults(PAGE, json.loads(run_server("--print-commands"))), [])

    def test_the_page_has_the_fields_that_info_has(self) -> None:
        with LiveServer() as server:
            for section in ("persistence", "tls"):
                self.assertEqual(info_of(server)[section], {"enabled": False}, "it doesn't come by itself")
        with tempfile.TemporaryDirectory() as folder:
            certificate, key = self_signed(Path(folder))
            with LiveServer("--data-dir", f"{folder}/data", "--tls-bind", "127.0.0.1:0", "--tls-cert", certificate,
                            "--tls-key", key) as server:
                ask(server, SNAPSHOT)  # some is said only of one that there is
                info = info_of(server)
        sections = {name: set(section) for name, section in info.items() if isinstance(section, dict)}
        self.assertEqual(parse_info(PAGE), sections)
        self.assertEqual(set(info) - set(sections), {"shards", "entries"})

    def test_the_page_has_the_error_words_that_the_server_has(self) -> None:
        table = (TREE / "src/protocol/status.cpp").read_text(encoding="utf-8")
        words = {(status.upper(), word) for status, word in re.findall(r'Status::k(\w+), "([A-Z]+)"', table)}
        self.assertNotEqual(words, set())
        self.assertEqual(parse_error_words(PAGE), words)


if __name__ == "__main__":
    unittest.main()

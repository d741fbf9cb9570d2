"""The comparison of page and server must itself be able to fail."""

import unittest

from protocol_page import faults, parse_error_words, parse_info

GET = {"byte": 1, "name": "GET", "fields": ["key_rest"], "flags": ["read"]}
FLUSH = {"byte": 27, "name": "FLUSH", "fields": [], "flags": ["write"]}

INDEX = "| 0x01 | [GET](#0x01-get) | Reads | 0.1 |\n| 0x1B | [FLUSH](#0x1b-flush) | Deletes | 0.1 |\n"
PARTS = "- Response: OK\n- Errors: `KEY`, and a\n  second line\n- Complexity: O(1)\n- Since: 0.1\n"
GET_SECTION = f"### 0x01 GET\n\n- Payload: `key`\n{PARTS}\n```hex\n> 01 00000001 61\n< 01 00000000\n```\n\n"
FLUSH_SECTION = f"### 0x1B FLUSH\n\n- Payload: empty\n{PARTS}\n```hex\n> 1b 00000000\n< 00 ..\n```\n\n## Limits\n"
PAGE = INDEX + GET_SECTION + FLUSH_SECTION


class FaultsTest(unittest.TestCase):
    def check(self, page: str, *wanted: str, commands: tuple = (GET, FLUSH)) -> None:
        self.assertEqual(faults(page, list(commands)), list(wanted))

    def test_a_page_that_agrees_has_none(self) -> None:
        self.check(PAGE)

    def test_a_command_that_the_page_lacks(self) -> None:
        self.check(INDEX + FLUSH_SECTION, "the sections: GET (0x01) is missing")
        self.check(GET_SECTION + FLUSH_SECTION,
                   "the index: GET (0x01) is missing", "the index: FLUSH (0x1B) is missing")

    def test_a_command_that_the_server_lacks(self) -> None:
        self.check(PAGE, "the index: FLUSH (0x1B) is no command", "the sections: FLUSH (0x1B) is no command",
                   commands=(GET,))

    def test_a_command_under_another_byte(self) -> None:
        moved = dict(FLUSH, byte=28)
        self.assertEqual(len(faults(PAGE, [GET, moved])), 4)

    def test_a_command_that_stands_twice(self) -> None:
        self.check(PAGE + GET_SECTION, "the sections: GET stands twice")

    def test_a_section_without_an_example_of_its_own_command(self) -> None:
        self.check(PAGE.replace("> 01 00000001 61", "> 08 00000000"), "GET: no example of it")
        self.check(PAGE.replace("```hex\n> 01", "```text\n> 01"), "GET: no example of it")

    def test_a_section_without_one_of_its_parts(self) -> None:
        self.check(PAGE.replace("- Since: 0.1\n", "", 1), "GET: no 'Since'")

    def test_a_payload_of_another_shape(self) -> None:
        self.check(PAGE.replace("- Payload: `key`", "- Payload: `[key]`"), "GET: its payload is 'key', not '[key]'")
        self.check(PAGE.replace("- Payload: empty", "- Payload: `key`"), "FLUSH: its payload is empty, not '`key`'")

    def test_an_index_row_that_links_elsewhere(self) -> None:
        with self.assertRaises(ValueError):
            faults(PAGE.replace("(#0x01-get)", "(#0x02-set)"), [GET, FLUSH])


class InfoTest(unittest.TestCase):
    def test_fields_are_read_from_the_section_of_info_alone(self) -> None:
        info = "### 0x09 INFO\n\n| `server` | `pid`, `threads` now |\n| `x` | `y` |\n\n### 0x0A SETNX\n| `z` | `w` |\n"
        self.assertEqual(parse_info("| `a` | `b` |\n" + info), {"server": {"pid", "threads"}, "x": {"y"}})


class ErrorWordsTest(unittest.TestCase):
    def test_rows_are_read(self) -> None:
        self.assertEqual(parse_error_words("| ERROR | `OOM` | x |\n| INVALID | `KEY` | y |\n| OK | `NO` | z |\n"),
                         {("ERROR", "OOM"), ("INVALID", "KEY")})


if __name__ == "__main__":
    unittest.main()

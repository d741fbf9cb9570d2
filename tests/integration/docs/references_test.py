"""What the documents point at is there: pages, headings, and files of the source tree."""

import re
import unittest
from pathlib import Path

TREE = Path(__file__).resolve().parents[3]
SOURCES = (TREE / "src", TREE / "include/kv", TREE)


def pages() -> list[Path]:
    patterns = ("*.md", "docs/**/*.md", "src/*/README.md", "t*/**/*.md", "clients/*/*.md")
    return [page for pattern in patterns for page in TREE.glob(pattern)]


def without_code(text: str) -> str:
    return re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S)


def anchors(text: str) -> set[str]:
    """The names by which GitHub and others link to headings."""
    headings = re.findall(r"^#+ (.+)$", without_code(text), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def dead_links(page: Path, text: str) -> list[str]:
    dead = []
    for target in re.findall(r"\]\(([^)\s]+)\)", without_code(text)):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        linked = page.parent / path if path else page
        if not linked.exists():
            dead.append(f"{page.name}: {target}: no such file")
        elif anchor and anchor not in anchors(text if linked == page else linked.read_text(encoding="utf-8")):
            dead.append(f"{page.name}: {target}: no such heading")
    return dead


def dead_sources(page: Path, text: str) -> list[str]:
    """Code files named in backticks, as in `net/session.cpp`, that are in none of the places they are named from."""
    named = re.findall(r"`((?:[\w-]+/)*[\w-]+\.(?:hpp|cpp|cmake|txt|sh))`", text)
    places = (*SOURCES, page.parent, TREE / "include/kv" / page.parent.name)
    return [f"{page.name}: {name}: no such file" for name in named if not any((at / name).exists() for at in places)]


class ReferencesTest(unittest.TestCase):
    def test_every_link_leads_somewhere(self) -> None:
        self.assertGreater(len(pages()), 5)
        self.assertEqual([fault for page in pages() for fault in dead_links(page, page.read_text("utf-8"))], [])

    def test_every_source_file_that_is_named_exists(self) -> None:
        self.assertEqual([fault for page in pages() for fault in dead_sources(page, page.read_text("utf-8"))], [])


class DeadReferenceTest(unittest.TestCase):
    page = TREE / "README.md"

    def test_a_link_to_nowhere_is_seen(self) -> None:
        self.assertEqual(dead_links(self.page, "[a](docs/nowhere.md) [b](README.md) [c](https://example.org)"),
                         ["README.md: docs/nowhere.md: no such file"])

    def test_a_link_to_no_heading_is_seen(self) -> None:
        self.assertEqual(dead_links(self.page, "# The `GET` Part\n[a](#the-get-part) [b](#other)"),
                         ["README.md: #other: no such heading"])

    def test_a_source_file_that_is_not_there_is_seen(self) -> None:
        self.assertEqual(dead_sources(self.page, "`base/bytes.hpp` `base/no_such.hpp` `plain`"),
                         ["README.md: base/no_such.hpp: no such file"])


if __name__ == "__main__":
    unittest.main()

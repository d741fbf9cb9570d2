"""Every shell script of the tree, as shellcheck sees it."""

import subprocess
import tempfile
import unittest
from pathlib import Path

TREE = Path(__file__).resolve().parents[3]
FOLDERS = (".ci", "bench", "cmake", "docs", "src", "tests", "tools")
DEADLINE_S = 120


def scripts(tree: Path) -> list[Path]:
    """All files that a shell reads, by their first line or their name."""
    found = []
    for path in sorted(path for folder in FOLDERS for path in (tree / folder).rglob("*") if path.is_file()):
        with path.open("rb") as file:
            first = file.readline(80).split()
        by_shell = first[:1] and first[0].startswith(b"#!") and first[-1].endswith((b"/sh", b"bash"))
        if by_shell or path.suffix == ".sh":
            found.append(path)
    return found


def complaints(paths: list[Path]) -> str:
    return subprocess.run(["shellcheck", *paths], capture_output=True, text=True, timeout=DEADLINE_S).stdout


class ScriptsTest(unittest.TestCase):
    def test_shellcheck_has_nothing_against_any(self) -> None:
        found = scripts(TREE)
        names = {path.relative_to(TREE).as_posix() for path in found}
        self.assertLessEqual({".ci/run", "tools/test.sh", "tools/package/debian/postinst"}, names)
        self.assertEqual(complaints(found), "")

    def test_a_script_with_a_fault_is_seen(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            script = Path(folder, "tools", "faulty")
            script.parent.mkdir()
            script.write_text("#!/bin/sh\nrm -r $1\n", "utf-8")
            self.assertEqual(scripts(Path(folder)), [script])
            self.assertIn("SC2086", complaints([script]))


if __name__ == "__main__":
    unittest.main()

"""mypy --strict, on the package, its tests, examples and tools."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VERSIONS = ("3.9", "3.11")


def test_mypy_has_nothing_to_say() -> None:
    running = {
        version: subprocess.Popen(
            [sys.executable, "-m", "mypy", "--python-version", version],
            cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )
        for version in VERSIONS
    }
    try:
        said = {version: process.communicate(timeout=600)[0] for version, process in running.items()}
    finally:
        for process in running.values():
            process.kill()
    assert all(text.startswith("Success: no issues found") for text in said.values()), "".join(said.values())

"""README.md does what it says: a python block with a text block behind it is run and prints that."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import List, Tuple

import pytest

import kv_client
from kv_client._commands import Commands
from support import LiveServer

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```python\n(.*?)^```\n\n```text\n(.*?)^```$", re.M | re.S)


def examples() -> List[Tuple[str, str]]:
    return [(found[1], found[2]) for found in BLOCK.finditer(PAGE)]


def test_every_example_is_run_or_marked() -> None:
    assert len(examples()) == PAGE.count("```python\n") > 5


@pytest.mark.parametrize("code, prints", examples())
def test_an_example_prints_what_the_page_shows(code: str, prints: str, server: LiveServer) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    code = code.replace("127.0.0.1:6380", server.address)
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == (prints, "")


def test_what_is_not_run_is_python_all_the_same() -> None:
    for code in re.findall(r"^```python no-run\n(.*?)^```$", PAGE, re.M | re.S):
        compile(code, "README.md", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)


def test_every_method_and_every_error_is_named() -> None:
    for name in dir(Commands):
        assert name.startswith("_") or name == "namespace" or f"`{name}(" in PAGE, name
    for name in kv_client.__all__:
        item = getattr(kv_client, name)
        if isinstance(item, type) and issubclass(item, kv_client.KvError):
            assert f"`{name}`" in PAGE, name

"""The package as others get it: a wheel that installs, Python 3.9, nothing but the standard library."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Dict, List

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCES = sorted((ROOT / "src").rglob("*.py"))
NO_NETWORK = {"PIP_NO_INDEX": "1", "http_proxy": "http://127.0.0.1:1", "https_proxy": "http://127.0.0.1:1"}


def run(command: List[str], cwd: Path, extra: Dict[str, str]) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PIP_"))}
    done = subprocess.run(command, cwd=cwd, env={**environment, **extra}, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


USE = """
import importlib.metadata as metadata, pathlib, sys
import kv_client, kv_client.sync, kv_client.compat
folder = pathlib.Path(kv_client.__file__).parent
assert str(folder).startswith(sys.prefix), folder
assert (folder / "py.typed").exists() and (folder / "contrib" / "django.py").exists()
assert metadata.version("kv-client") == kv_client.__version__
assert all("extra ==" in each for each in metadata.requires("kv-client") or [])
points = metadata.distribution("kv-client").entry_points
assert ("kvs", "kv_client.contrib.celery:KvBackend") in [(point.name, point.value) for point in points]
with kv_client.sync.KvClient.connect(sys.argv[1]) as client:
    client.set("from the wheel", [1, "two"])
    print(client.take("from the wheel"))
"""


def test_a_wheel_installs_without_the_network_and_works(address: str, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    shutil.copytree(ROOT, tree, ignore=shutil.ignore_patterns("build", "*.egg-info", "__pycache__"))
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q"]
    wheel = ["wheel", "--no-index", "--no-deps", "--no-build-isolation", "-w", str(tmp_path), "."]
    run([*pip, *wheel], tree, NO_NETWORK)
    (built,) = tmp_path.glob("kv_client-*-py3-none-any.whl")
    run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "clean")], tmp_path, {})
    python = str(tmp_path / "clean" / "bin" / "python")
    run([*pip, "--python", python, "install", "--no-index", str(built)], tmp_path, NO_NETWORK)
    assert run([python, "-c", USE, address], tmp_path, {}) == "[1, 'two']\n"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT / "src")))
def test_a_module_is_python_3_9(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    ast.parse(text, feature_version=(3, 9))
    assert "from __future__ import annotations" in text or not text.strip() or text.count("\n") <= 1


def test_the_package_uses_nothing_but_the_standard_library() -> None:
    standard = getattr(sys, "stdlib_module_names", ())
    assert standard, "this takes Python 3.10"
    for path in SOURCES:
        if "contrib" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.level == 0:
                names.append(node.module or "")
            for name in names:
                assert name.split(".")[0] in standard, f"{path}: {name}"

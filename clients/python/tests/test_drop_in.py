"""Programs: one that was written for another package, and the examples."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, List

import pytest

import kv_client
from kv_client import compat
from support import LiveServer

HERE = Path(__file__).resolve().parent
RECORDED = HERE / "data" / "data_bridge_program.out"


def run(program: Path, *arguments: str) -> str:
    environment = {**os.environ, "PYTHONPATH": str(HERE.parent / "src")}
    done = subprocess.run(
        [sys.executable, str(program), *arguments], env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_program_of_data_bridge_runs_with_another_import(tmp_path: Path) -> None:
    text = (HERE / "data" / "data_bridge_program.py").read_text(encoding="utf-8")
    changed = text.replace("from data_bridge.kv import", "from kv_client.compat import")
    assert sum(one != other for one, other in zip(text.splitlines(), changed.splitlines())) == 1
    program = tmp_path / "program.py"
    program.write_text(changed, encoding="utf-8")
    with LiveServer() as server:
        assert run(program, server.address) == RECORDED.read_text(encoding="utf-8")


SIGNATURES = {
    "KvClient.connect": ["addr='127.0.0.1:6380'"],
    "KvClient.ping": [],
    "KvClient.get": ["key"],
    "KvClient.set": ["key", "value", "ttl=None"],
    "KvClient.delete": ["key"],
    "KvClient.exists": ["key"],
    "KvClient.incr": ["key", "delta=1"],
    "KvClient.decr": ["key", "delta=1"],
    "KvClient.info": [],
    "KvClient.setnx": ["key", "value", "ttl=None"],
    "KvClient.lock": ["key", "owner", "ttl=30.0"],
    "KvClient.unlock": ["key", "owner"],
    "KvClient.extend_lock": ["key", "owner", "ttl=30.0"],
    "KvClient.mget": ["keys"],
    "KvClient.mset": ["pairs", "ttl=None"],
    "KvClient.mdel": ["keys"],
    "Lock": ["client", "key", "owner=None", "ttl=30.0"],
    "Lock.extend": ["ttl=None"],
    "KvPool.connect": ["config"],
    "KvPool.stats": [],
    "PoolConfig": ["addr", "*", "min_size=2", "max_size=10", "idle_timeout=300.0", "acquire_timeout=5.0"],
}


@pytest.mark.parametrize("name, wanted", SIGNATURES.items())
def test_signatures_that_existing_code_relies_on(name: str, wanted: List[str]) -> None:
    item: Any = compat
    for part in name.split("."):
        item = getattr(item, part)
    found: List[str] = []
    for parameter in inspect.signature(item).parameters.values():
        if parameter.kind is parameter.KEYWORD_ONLY and "*" not in found:
            found.append("*")
        default = "" if parameter.default is parameter.empty else f"={parameter.default!r}"
        found.append(f"{parameter.name}{default}")
    assert [each for each in found if each != "self"][: len(wanted)] == wanted


def test_the_module_exports_just_that() -> None:
    assert sorted(compat.__all__) == ["KvClient", "KvPool", "KvValue", "Lock", "PoolConfig", "PoolStats"]
    assert compat.KvClient is kv_client.KvClient and compat.PoolStats._fields == ("idle", "active", "max_size")

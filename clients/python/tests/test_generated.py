"""What is generated is up to date, and the two worlds offer the same."""

from __future__ import annotations

import inspect
import os
from typing import Any, Set

import pytest

import generate_commands
import generate_twins
import kv_client
import kv_client.sync
from kv_client import _requests
from kv_client._command_bytes import NAMES
from kv_client._methods import SingleCommands
from kv_client._pipeline_methods import PipelineCommands


# Commands of the server that this client offers no method for: they are for whoever runs it, who has kv-cli.
STILL_WITHOUT: Set[str] = {"ACL", "CLIENT", "CONFIG", "MEMORY", "KEYS", "MONITOR", "SLOWLOG", "LATENCY"}


def test_the_command_bytes_are_those_of_the_server() -> None:
    printed = generate_commands.printed_commands(os.environ["KV_SERVER"])
    text = generate_commands.module_text(printed)
    assert generate_commands.TARGET.read_text(encoding="utf-8") == text, "run clients/python/tools/generate_commands.py"


def test_every_command_has_a_function() -> None:
    others = {"DEL": "delete", "EXTEND": "extend_lock"}
    for name in sorted(set(NAMES.values()) - STILL_WITHOUT):
        assert hasattr(_requests, others.get(name, name.lower())), name


def test_the_twins_are_up_to_date() -> None:
    for path, text in generate_twins.generated_files().items():
        assert path.read_text(encoding="utf-8") == text, f"{path}: run clients/python/tools/generate_twins.py"


def parameters(function: Any) -> Any:
    return [(each.name, each.default, each.kind) for each in inspect.signature(function).parameters.values()]


@pytest.mark.parametrize("name", ["KvClient", "KvPool", "Lock", "Pipeline", "PoolConfig", "Retry"])
def test_both_worlds_have_the_same_names_and_parameters(name: str) -> None:
    one, other = getattr(kv_client, name), getattr(kv_client.sync, name)
    public = {method for method in dir(one) if not method.startswith("_")}
    assert public == {method for method in dir(other) if not method.startswith("_")}
    for method in public:
        if callable(getattr(one, method)):
            assert parameters(getattr(one, method)) == parameters(getattr(other, method)), method


def test_a_pipeline_has_every_command() -> None:
    assert set(vars(SingleCommands)) - {"_call"} == set(vars(PipelineCommands)) - {"_queue"}


def test_every_public_method_says_what_it_does() -> None:
    for package in (kv_client, kv_client.sync):
        for name in package.__all__:
            item = getattr(package, name)
            if not inspect.isclass(item):
                continue
            assert inspect.getdoc(item), name
            for method, function in inspect.getmembers(item, inspect.isfunction):
                if not method.startswith("_") and function.__module__.startswith("kv_client"):
                    assert inspect.getdoc(function), f"{name}.{method}"

#!/usr/bin/env python3
"""Writes src/kv_client/_command_bytes.py from what `kv-server --print-commands` says.

    tools/generate_commands.py KV_SERVER            writes the module
    tools/generate_commands.py KV_SERVER --check    exit code 1 where it is not up to date
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Dict, List

TARGET = Path(__file__).resolve().parents[1] / "src" / "kv_client" / "_command_bytes.py"

HEAD = '''"""The command bytes. Written by tools/generate_commands.py from `kv-server --print-commands`: don't edit."""

from __future__ import annotations

from typing import Dict

'''


def printed_commands(server: str) -> Dict[str, int]:
    """The commands that the program `server` has, by name."""
    output = subprocess.run([server, "--print-commands"], check=True, capture_output=True, text=True).stdout
    return {row["name"]: row["byte"] for row in json.loads(output)}


def module_text(commands: Dict[str, int]) -> str:
    """The module for these commands, in the order of their bytes."""
    rows = sorted(commands.items(), key=lambda row: row[1])
    constants = "".join(f"{name} = 0x{byte:02X}\n" for name, byte in rows)
    names = "".join(f'    {name}: "{name}",\n' for name, _ in rows)
    return f"{HEAD}{constants}\nNAMES: Dict[int, str] = {{\n{names}}}\n"


def main(arguments: List[str]) -> int:
    text = module_text(printed_commands(arguments[0]))
    if arguments[1:] != ["--check"]:
        TARGET.write_text(text, encoding="utf-8")
    elif TARGET.read_text(encoding="utf-8") != text:
        print(f"{TARGET} is not what the server prints: run tools/generate_commands.py {arguments[0]}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

#!/usr/bin/env python3
"""Writes the blocking twins of the asynchronous modules, and the methods of pipelines.

    tools/generate_twins.py            writes them
    tools/generate_twins.py --check    exit code 1 where one is not up to date

A twin differs by the words in `TO_BLOCKING` alone. What differs by more than words is written by hand in both worlds
and has the same names there.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Dict, List

PACKAGE = Path(__file__).resolve().parents[1] / "src" / "kv_client"
BLOCKING_TWINS = ("_methods.py", "_commands.py", "_lock.py", "_pipeline.py", "_cached.py")
SHARED = ("_requests", "_replies", "_pending", "_pipeline_methods", "_freshness", "_wire", "values", "errors")

TO_BLOCKING = [
    (r"\basync (def|for|with) ", r"\1 "),
    (r"\bawait ", ""),
    (r"\b__a(enter|exit|iter|next)__", r"__\1__"),
    (r"\bAsync(Iterator|ContextManager)\b", r"\1"),
    (r"\bAwaitable\[(\w+)\]", r"\1"),
    (rf"^from \.({'|'.join(SHARED)}) import", r"from ..\1 import"),
    (r"^from \. import _requests as requests", "from .. import _requests as requests"),
]
TO_PIPELINE = [
    (r"\basync def (\w+\(.*\)) -> (.*):$", r"def \1 -> Pending[\2]:"),
    (r"\breturn await self\._call\(", "return self._queue("),
    (r"\b_call\(self, request", "_queue(self, request"),
    (r"^class SingleCommands:", "class PipelineCommands:"),
    (r"^from ._replies import", "from ._pending import Pending\n\\g<0>"),
]
NOTE = "# Written by tools/generate_twins.py from {}: don't edit.\n"


def rewritten(text: str, rules: "List[tuple[str, str]]") -> str:
    """`text` with every rule applied to each line."""
    lines = text.splitlines()
    for pattern, replacement in rules:
        lines = [re.sub(pattern, replacement, line) for line in lines]
    return "\n".join(lines) + "\n"


def generated_files() -> Dict[Path, str]:
    """Every file that is generated, and what it should hold."""
    files = {}
    for name in BLOCKING_TWINS:
        source = (PACKAGE / name).read_text(encoding="utf-8")
        files[PACKAGE / "sync" / name] = NOTE.format(name) + rewritten(source, TO_BLOCKING)
    methods = (PACKAGE / "_methods.py").read_text(encoding="utf-8")
    files[PACKAGE / "_pipeline_methods.py"] = NOTE.format("_methods.py") + rewritten(methods, TO_PIPELINE)
    return files


def main(arguments: List[str]) -> int:
    stale = []
    for path, text in generated_files().items():
        if arguments != ["--check"]:
            path.write_text(text, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != text:
            stale.append(str(path))
    if stale:
        print(f"not up to date, run tools/generate_twins.py: {', '.join(stale)}")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

#!/usr/bin/env python3
"""Reads the tree and says, as file:line, where it breaks the rules that a compiler doesn't know.

    tidy.py [ROOT]

Exit code 0 when there is nothing to say, else 1. Each rule below is a function that yields (line, what to do instead)
for one file; `RULES` at the foot lists them.
"""

import fnmatch
import re
import sys
from pathlib import Path

FOLDERS = ("include", "src", "tests", "tools", "clients", "bench", "cmake", ".ci")
SOURCES = ("*.cpp", "*.hpp", "*.py", "*.sh", "*.cmake", "CMakeLists.txt", ".ci/run")
COLUMNS_MAX = 120

# What each room may use beside itself; docs/architecture.md explains the arrows. `server` knows all of them.
MAY_USE = {
    "base": "",
    "value": "base",
    "protocol": "base value",
    "engine": "base value",
    "observability": "base",
    "pubsub": "base protocol",
    "security": "base protocol",
    "storage": "base value engine observability",
    "net": "base protocol security observability",
    "command": "base value protocol engine pubsub security observability",
    "script": "base value command",
    "client": "base value protocol security",
    "admin": "base observability",
    "cluster": "base protocol engine storage net observability",
}
MAY_USE = {room: set(others.split()) | {room} for room, others in MAY_USE.items()}
MAY_USE["server"] = set(MAY_USE) | {"server"}

# The files through which a third-party library enters, and what everybody else includes or calls instead.
DOORS = [
    ("boost/beast/", ["src/admin/exchange.cpp", "src/observability/otlp.cpp", "tests/fuzz/http_fuzz.cpp",
                      "tests/observability/trace_test.cpp"],
     "serve HTTP through kv/admin/http_listener.hpp, send traces through kv/observability/trace.hpp"),
    ("spdlog/", ["src/observability/*"], "log through kv/observability/log.hpp"),
    ("boost/multiprecision/", ["src/value/decimal.cpp"], "calculate through kv/value/decimal.hpp"),
    ("CLI/", ["src/server/options*", "src/server/config*", "tools/*"], "read options through src/server/options.hpp"),
    ("simdjson", ["src/base/*"], "check UTF-8 through kv/base/utf8.hpp"),
    ("xxhash", ["src/engine/*"], "hash keys through src/engine/hash.hpp"),
    ("isa-l", ["src/storage/crc32c.cpp"], "checksum through src/storage/crc32c.hpp"),
    ("openssl/", ["src/security/tls_*", "tests/security/*", "tests/support/tls/*"],
     "speak TLS through include/kv/security/tls_*.hpp"),
    ("sodium", ["src/security/password.cpp"], "hash through kv/security/password.hpp"),
    ("prometheus/", ["src/server/metric_families.cpp"], "make metrics through src/server/metric_families.hpp"),
    ("zstd", ["src/storage/snapshot_block.cpp"], "compress through src/storage/snapshot_block.hpp"),
]

# Code that talks on purpose to whoever started it.
MAY_PRINT = ["src/main.cpp", "src/base/assert.cpp", "tools/*", "tests/*", "bench/*"]

INCLUDE = re.compile(r'\s*#\s*include\s*[<"]([^>"]+)[>"]')
PRINTING = re.compile(r"\bstd::(cout|cerr|clog)\b|(?<![\w:])(std::)?(printf|puts|putchar|fprintf)\s*\(")
SWITCHED_OFF = re.compile(r"\s*#\s*if\s+[01]\b")


def matches(path, patterns):
    return any(fnmatch.fnmatchcase(path, pattern) for pattern in patterns)


def is_cpp(path):
    return path.endswith((".cpp", ".hpp"))


def includes(lines):
    for number, line in enumerate(lines, 1):
        if found := INCLUDE.match(line):
            yield number, found[1]


def room_of(path):
    """The room that a file of include/kv/ or src/ belongs to, or None."""
    parts = path.split("/")
    if parts[:2] == ["include", "kv"]:
        return parts[2]
    return parts[1] if parts[0] == "src" and len(parts) > 2 else None


def check_rooms(path, lines):
    room = room_of(path)
    if room is None or not is_cpp(path):
        return
    if room not in MAY_USE:
        yield 1, f"`{room}` is not a room: add it to the table in docs/architecture.md and in tests/tidy/tidy.py"
        return
    for number, header in includes(lines):
        parts = header.split("/")
        is_public = parts[0] == "kv"
        other = parts[1] if is_public else parts[0]
        if other not in MAY_USE:
            continue
        if other not in MAY_USE[room]:
            yield number, (f"`{room}` may not use `{other}`: own a small interface in `{room}` that the server room "
                           "plugs the other one into, or move the code")
        elif not is_public and other != room:
            yield number, f"<{header}> is private to `{other}`: use what include/kv/{other}/ offers"
        elif not is_public and path.startswith("include/"):
            yield number, f"<{header}> is not there for those who include this header: move it to include/kv/{room}/"


def check_doors(path, lines):
    if not is_cpp(path):
        return
    for number, header in includes(lines):
        for library, doors, instead in DOORS:
            if header.startswith(library) and not matches(path, doors):
                yield number, f"<{header}> enters only through {', '.join(doors)}: {instead}"


def check_debugging(path, lines):
    if not is_cpp(path):
        return
    for number, line in enumerate(lines, 1):
        if SWITCHED_OFF.match(line):
            yield number, "code that is switched off: delete it, the history keeps it"
        if PRINTING.search(line.split("//")[0]) and not matches(path, MAY_PRINT):
            yield number, "printing from inside the server: log through kv/observability/log.hpp"


def check_columns(path, lines):
    for number, line in enumerate(lines, 1):
        if len(line) > COLUMNS_MAX:
            yield number, f"{len(line)} columns: break the line at {COLUMNS_MAX}"


def check_pragma_once(path, lines):
    if path.endswith(".hpp") and "#pragma once" not in lines:
        yield 1, "no `#pragma once`: put it under the comment that opens the header"


def check_ending(path, lines):
    for number, line in enumerate(lines, 1):
        if line != line.rstrip():
            yield number, "blanks at the end of the line: remove them"


RULES = [check_rooms, check_doors, check_debugging, check_columns, check_pragma_once, check_ending]


def sources(root):
    for folder in FOLDERS:
        for path in sorted((root / folder).rglob("*")):
            name = path.relative_to(root).as_posix()
            if path.is_file() and (matches(path.name, SOURCES) or matches(name, SOURCES)):
                yield path, name


def complaints(root):
    for path, name in sources(root):
        lines = path.read_text(encoding="utf-8").splitlines()
        for rule in RULES:
            for number, what in rule(name, lines):
                yield f"{name}:{number}: {what}"


def main(arguments):
    root = Path(arguments[0] if arguments else Path(__file__).parents[2])
    found = list(complaints(root))
    print("\n".join(found) if found else f"{sum(1 for _ in sources(root))} files are tidy")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

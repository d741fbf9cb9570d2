#!/usr/bin/env python3
"""Shows each rule of tidy.py a small tree that breaks it, and one that keeps all of them."""

import contextlib
import io
import tempfile
import unittest
from pathlib import Path

import tidy

# A file, its text, and where a complaint must stand with some words of it.
BAD = [
    ("src/value/a.cpp", '#include "kv/engine/engine.hpp"\n', 1, "`value` may not use `engine`"),
    ("include/kv/base/a.hpp", '#pragma once\n\n#include "kv/protocol/frame.hpp"\n', 3, "`base` may not use `protocol`"),
    ("src/engine/a.cpp", '#include "kv/observability/log.hpp"\n', 1, "`engine` may not use `observability`"),
    ("src/net/a.cpp", '#  include <kv/command/table.hpp>\n', 1, "`net` may not use `command`"),
    ("src/command/a.cpp", '#include "engine/shard.hpp"\n', 1, "private to `engine`"),
    ("include/kv/engine/a.hpp", '#pragma once\n#include "engine/shard.hpp"\n', 2, "move it to include/kv/engine/"),
    ("src/attic/a.cpp", "int a;\n", 1, "`attic` is not a room"),
    ("src/net/b.cpp", "#include <spdlog/spdlog.h>\n", 1, "kv/observability/log.hpp"),
    ("include/kv/observability/b.hpp", "#pragma once\n#include <spdlog/spdlog.h>\n", 2, "enters only through"),
    ("src/value/b.cpp", "\n#include <boost/multiprecision/cpp_int.hpp>\n", 2, "src/value/decimal.cpp"),
    ("src/net/c.cpp", "#include <CLI/CLI.hpp>\n", 1, "src/server/options"),
    ("src/value/c.cpp", "#include <simdjson.h>\n", 1, "kv/base/utf8.hpp"),
    ("tests/engine/c.cpp", "#include <xxhash.h>\n", 1, "src/engine/hash.hpp"),
    ("src/storage/record.cpp", "#include <isa-l/crc.h>\n", 1, "src/storage/crc32c.hpp"),
    ("src/storage/segment.cpp", "#include <zstd.h>\n", 1, "src/storage/snapshot_block.hpp"),
    ("src/net/d.cpp", 'int a;\nstd::cout << "here";\n', 2, "printing"),
    ("src/net/e.cpp", 'void f() { printf("here"); }\n', 1, "printing"),
    ("src/net/f.cpp", 'void f() { std::fprintf(stderr, "here"); }\n', 1, "printing"),
    ("src/net/g.cpp", "#if 0\nint a;\n#endif\n", 1, "switched off"),
    ("src/net/h.cpp", "//" + "x" * 119 + "\n", 1, "121 columns"),
    ("tools/i.sh", "#" * 130 + "\n", 1, "130 columns"),
    ("include/kv/base/j.hpp", "int a;\n", 1, "#pragma once"),
    ("tests/base/k.cpp", "int a; \n", 1, "blanks"),
]

GOOD = [
    ("src/engine/a.cpp", '#include "engine/shard.hpp"\n#include "kv/base/bytes.hpp"\n#include <xxhash.h>\n'),
    ("src/server/options.cpp", '#include <CLI/CLI.hpp>\n#include "kv/net/acceptor.hpp"\n#include "kv/admin/a.hpp"\n'),
    ("src/observability/log.cpp", "#include <spdlog/spdlog.h>\n"),
    ("src/value/decimal.cpp", "#include <boost/multiprecision/cpp_int.hpp>\n"),
    ("src/base/utf8.cpp", "#include <simdjson.h>\n"),
    ("src/storage/crc32c.cpp", "#include <isa-l/crc.h>\n"),
    ("src/storage/snapshot_block.cpp", "#include <zstd.h>\n"),
    ("src/main.cpp", '#include "kv/server/server.hpp"\nint main() { std::cout << "1.0"; }\n'),
    ("src/net/a.cpp", '// std::cout is not for here\nvoid f() { std::snprintf(a, b, "c"); }\n'),
    ("include/kv/base/a.hpp", "// What it is for.\n#pragma once\n"),
    ("tools/kv-cli/main.cpp", '#include <CLI/CLI.hpp>\nvoid f() { std::printf("%s", a); }\n'),
    ("src/base/b.cpp", "// " + "ä" * 117 + "\n"),
    ("src/base/notes.txt", "x" * 200 + " \n"),
]


def complaints_about(files):
    with tempfile.TemporaryDirectory() as folder:
        for name, text in files:
            path = Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            code = tidy.main([folder])
    return code, output.getvalue().splitlines()


class TidyTest(unittest.TestCase):
    def test_a_tidy_tree_has_no_complaints(self):
        code, output = complaints_about(GOOD)
        self.assertEqual(code, 0, output)
        self.assertEqual(output, [f"{len(GOOD) - 1} files are tidy"])

    def test_each_broken_rule_is_named_once_with_its_place(self):
        code, output = complaints_about([(name, text) for name, text, _, _ in BAD])
        self.assertEqual(code, 1)
        self.assertEqual(len(output), len(BAD), "\n".join(output))
        for name, _, line, words in BAD:
            with self.subTest(name):
                found = [complaint for complaint in output if complaint.startswith(f"{name}:{line}: ")]
                self.assertEqual(len(found), 1, output)
                self.assertIn(words, found[0])


if __name__ == "__main__":
    unittest.main()

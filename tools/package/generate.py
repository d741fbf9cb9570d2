#!/usr/bin/env python3
"""Makes what is installed beside the programs and follows from their --help.

    generate.py --programs FOLDER --out FOLDER --version VERSION --maintainer "NAME <ADDRESS>"

The folder gets manual pages (`man1/`, `man5/`), completions (`bash/`, `zsh/`), documents (`doc/`), `kv-server.toml` and
the changelogs.
SOURCE_DATE_EPOCH dates the package, where it is set, so that it can be built twice alike.
"""

import argparse
import gzip
import os
import shutil
import time
from email.utils import formatdate
from pathlib import Path

import completion
import manual
from config_file import config_file
from documents import documents
from help_text import read_help

HERE = Path(__file__).resolve().parent
CHANGES = HERE.parents[1] / "CHANGELOG.md"
PROGRAMS = ("kv-server", "kv-cli", "kv-bench", "kv-wal")


def write(path: Path, text: str | bytes) -> None:
    """A name that ends in .gz says that it is to be compressed; the same text gives the same bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    data = text.encode() if isinstance(text, str) else text
    path.write_bytes(gzip.compress(data, mtime=0) if path.suffix == ".gz" else data)


def debian_changelog(version: str, maintainer: str) -> str:
    date = formatdate(float(os.environ.get("SOURCE_DATE_EPOCH", time.time())))
    text = (HERE / "debian" / "changelog.in").read_text("utf-8")
    return text.replace("@VERSION@", version).replace("@MAINTAINER@", maintainer).replace("@DATE@", date)


def generate(programs: Path, out: Path, version: str, maintainer: str) -> None:
    helps = {name: read_help(programs / name) for name in PROGRAMS}
    for template in sorted((HERE / "man").glob("*.in")):
        name = template.stem  # `kv-server.toml.5`
        help = helps[name.split(".")[0]]
        write(out / f"man{name[-1]}" / f"{name}.gz", manual.page(template.read_text("utf-8"), help, version))
    for name, help in helps.items():
        write(out / "bash" / name, completion.bash(help))
        write(out / "zsh" / f"_{name}", completion.zsh(help))
    shutil.rmtree(out / "doc", ignore_errors=True)  # of which everything is installed
    for place, data in documents().items():
        write(out / "doc" / place, data)
    write(out / "kv-server.toml", config_file(helps["kv-server"], programs / "kv-server"))
    write(out / "changelog.gz", CHANGES.read_text("utf-8"))
    write(out / "changelog.Debian.gz", debian_changelog(version, maintainer))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--programs", type=Path, required=True, help="where the programs are")
    parser.add_argument("--out", type=Path, required=True, help="where the files go")
    parser.add_argument("--version", required=True, help="of the programs")
    parser.add_argument("--maintainer", required=True, help="who answers for the package")
    arguments = parser.parse_args()
    generate(arguments.programs, arguments.out, arguments.version, arguments.maintainer)


if __name__ == "__main__":
    main()

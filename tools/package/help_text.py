"""Reads what a program's --help prints, so that manual pages, completions and the configuration file can't drift."""

import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

DEADLINE_S = 60

# How CLI11 calls the kinds of values, and how we do.
PLACEHOLDERS = {"UINT": "N", "INT": "N", "FLOAT": "X"}

# What the help of an option says whose default is another on another machine.
BY_MACHINE = "Unless given,"


@dataclass
class Option:
    """A row of an option list, or a positional argument, which has no flags."""

    flags: list[str]
    placeholder: str = ""  # of its value; empty: it takes none
    help: str = ""
    choices: list[str] = field(default_factory=list)  # empty: anything
    required: bool = False

    @property
    def name(self) -> str:
        """The longest flag without its hyphens."""
        return max(self.flags, key=len).lstrip("-")


@dataclass
class Help:
    """What one program or subcommand says of itself."""

    command: list[str]  # `kv-cli`, `client`, `list`
    summary: str = ""
    groups: dict[str, list[Option]] = field(default_factory=dict)
    positionals: list[Option] = field(default_factory=list)
    subcommands: list["Help"] = field(default_factory=list)
    footer: str = ""

    @property
    def options(self) -> list[Option]:
        return [option for options in self.groups.values() for option in options]


def read_help(program: Path) -> Help:
    """The program's help, and that of its subcommands. Raises where it can't be had."""
    return _read([program.name], program)


def run(program: Path, *words: str) -> str:
    """What a program prints, told nothing by the environment."""
    done = subprocess.run([program, *words], check=True, capture_output=True, text=True, timeout=DEADLINE_S, env={})
    return done.stdout


def _read(command: list[str], program: Path) -> Help:
    found = parse(command, run(program, *command[1:], "--help"))
    found.subcommands = [_read(subcommand.command, program) for subcommand in found.subcommands]
    return found


def parse(command: list[str], text: str) -> Help:
    """The page has a summary, a usage line, groups (`Name:` and rows that are set in by two blanks), and a footer."""
    summary, _, rest = text.partition("\nUsage: ")
    found = Help(command, " ".join(summary.split()))
    blocks = [block for block in re.split(r"\n{2,}", rest.partition("\n")[2].strip("\n")) if block]
    for index, block in enumerate(blocks):
        title, _, rows = block.partition("\n")
        if not re.match(r"  (-|\w)", rows) or not title.endswith(":") or not _is_list(title, rows):
            found.footer = "\n\n".join(blocks[index:])
            break
        _add_group(found, title.rstrip(":"), [_parse_row(row) for row in re.split(r"\n(?=  \S)", rows)])
    return found


def _is_list(title: str, rows: str) -> bool:
    return title in ("Positionals:", "Subcommands:") or rows.startswith("  -")


def _add_group(found: Help, title: str, rows: list[tuple[str, str]]) -> None:
    if title == "Subcommands":
        found.subcommands = [Help([*found.command, head], text) for head, text in rows]
    elif title == "Positionals":
        found.positionals = [_parse_positional(head, text) for head, text in rows]
    else:
        found.groups[title] = [_parse_option(head, text) for head, text in rows]


def _parse_row(row: str) -> tuple[str, str]:
    """Its head, and its text in one line."""
    head, _, text = re.sub(r"^  ", "", row).partition("  ")
    if "\n" in head:
        head, _, text = row.strip().partition("\n")
    return head.strip(), " ".join(text.split())


def _parse_positional(head: str, text: str) -> Option:
    name = head.removesuffix(" REQUIRED")
    return Option([], name.partition(" :")[0], text, required=name != head)  # behind it, what CLI11 checks


def _parse_option(head: str, text: str) -> Option:
    if BY_MACHINE in text:
        text = re.sub(r" Default: .*", "", text)
    flags, _, value = head.partition(" ")
    if not value or value.startswith("Excludes:"):
        return Option(flags.split(","), "", text)
    kind = re.match(r"HOST:PORT|\w+", value)[0]
    constraint = value[len(kind) :]
    option = Option(flags.split(","), PLACEHOLDERS.get(kind, kind), text)
    if found := re.search(r"\{(.*)\}", constraint):
        option.choices = found[1].split(",")
        option.help += f": {', '.join(option.choices)}"
    elif found := re.search(r"((?:[\w-]+, )+[\w-]+)\. Default: [\w-]+\.$", text):
        option.choices = found[1].split(", ")
    if found := re.search(r"\[([\d.e+]+) - ([\d.e+]+)\]", constraint):
        option.help += f" ({found[1]} to {found[2]})"
    if found := re.search(r"=([^\])=]+)$", constraint):
        option.help += f"; {found[1]} if not given"
    return option

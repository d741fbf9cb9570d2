"""What docs/protocol.md says about commands and errors, to compare with what the server has."""

import re
from dataclasses import dataclass, field

from hex_player import parse_blocks

PARTS = ("Payload", "Response", "Errors", "Complexity", "Since")

# How the page writes the fields of a payload (protocol/request.hpp has them).
NOTATION = {
    "key": "[key]",
    "key_rest": "key",
    "owner": "[owner]",
    "ttl": "ttl:u64",
    "delta": "delta:i64",
    "wait": "wait:u64",
    "expected": "expected:value",
    "value": "value",
    "keys": "count:u16 [key]…",
    "pairs": "count:u16 ttl:u64 ([key] value)…",
    "cursor": "cursor:u64",
    "count": "count:u32",
    "pattern": "[pattern]",
    "mode": "mode:u8",
    "folder": "folder",
    "client_call": "call:u8 …",
    "user": "[user]",
    "password": "[password]",
    "acl_call": "call:u8 …",
    "config_call": "call:u8 …",
    "slowlog_call": "call:u8 …",
    "latency_call": "call:u8",
    "memory_call": "call:u8",
    "keys_call": "call:u8 …",
}


@dataclass
class Section:
    byte: int
    name: str
    parts: dict[str, str] = field(default_factory=dict)
    examples: list[int] = field(default_factory=list)  # the command bytes of its requests


def parse_sections(page: str) -> list[Section]:
    """One Section per `### 0x01 GET` heading."""
    headings = list(re.finditer(r"^### 0x([0-9A-F]{2}) (\w+)$", page, re.M))
    sections = []
    for heading in headings:
        after = page[heading.end() :]
        body = re.split(r"^##", after, maxsplit=1, flags=re.M)[0]
        section = Section(int(heading[1], 16), heading[2])
        # A part is a list item; it may go on over indented lines.
        parts = re.findall(r"^- (\w+): (.*(?:\n  .*)*)", body, re.M)
        section.parts = {name: " ".join(text.split()) for name, text in parts}
        section.examples = [byte for block in parse_blocks(body) for byte in block.commands()]
        sections.append(section)
    return sections


def parse_index(page: str) -> list[tuple[int, str]]:
    """The rows of the table of all commands, each a link to its section."""
    rows = re.findall(r"^\| 0x([0-9A-F]{2}) \| \[(\w+)\]\(#0x([0-9a-f]{2})-(\w+)\) \|", page, re.M)
    for byte, name, link_byte, link_name in rows:
        if (byte.lower(), name.lower()) != (link_byte, link_name):
            raise ValueError(f"the index links {name} to {link_byte}-{link_name}")
    return [(int(byte, 16), name) for byte, name, _, _ in rows]


def parse_error_words(page: str) -> set[tuple[str, str]]:
    return set(re.findall(r"^\| (INVALID|ERROR) \| `([A-Z]+)` \|", page, re.M))


def parse_info(page: str) -> dict[str, set[str]]:
    """The fields of each section of INFO, from the table in its own section of the page."""
    table = page.split("### 0x09 INFO", 1)[1].split("###", 1)[0]
    rows = re.findall(r"^\| `(\w+)` \| (.*) \|$", table, re.M)
    return {section: set(re.findall(r"`(\w+)`", fields)) for section, fields in rows}


def faults(page: str, commands: list[dict]) -> list[str]:
    """Everything in which the page and the server's command table differ, one line each."""
    wanted = {(command["byte"], command["name"]): command for command in commands}
    sections = parse_sections(page)
    found = []
    for what, have in (("the index", parse_index(page)), ("the sections", [(s.byte, s.name) for s in sections])):
        found += [f"{what}: {name} (0x{byte:02X}) is missing" for byte, name in wanted if (byte, name) not in have]
        found += [f"{what}: {name} (0x{byte:02X}) is no command" for byte, name in have if (byte, name) not in wanted]
        found += [f"{what}: {name} stands twice" for byte, name in set(have) if have.count((byte, name)) > 1]
    for section in sections:
        found += [f"{section.name}: no '{part}'" for part in PARTS if part not in section.parts]
        if section.byte not in section.examples:
            found.append(f"{section.name}: no example of it")
        if command := wanted.get((section.byte, section.name)):
            found += _payload_faults(section, command["fields"])
    return found


def _payload_faults(section: Section, fields: list[str]) -> list[str]:
    said = section.parts.get("Payload", "")
    if not fields:
        return [] if said == "empty" else [f"{section.name}: its payload is empty, not '{said}'"]
    if fields == ["rest"]:  # described in words
        return []
    shape = " ".join(NOTATION[name] for name in fields)
    # `new:value` is CAS's name for its second value.
    written = said.split("`")[1].replace("new:value", "value") if said.startswith("`") else said
    return [] if written == shape else [f"{section.name}: its payload is '{shape}', not '{written}'"]

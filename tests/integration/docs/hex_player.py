"""Plays the worked hex examples of a Markdown page against a server.

An example is a fenced block with the info string `hex`:

    # a comment
    > 08 00000000                    bytes to send
    < 00 00000004 504f4e47           one whole reply

White space between the digits means nothing, and an indented line goes on with the line above it. In a reply `??` is
any byte and a final `..` any rest of the payload. All blocks share one connection and are played in the order of the
page; a block marked `hex alone` has a connection of its own. Requests that follow each other without a reply between
them are pipelined.
"""

import re
import socket
from dataclasses import dataclass, field
from typing import Callable, Optional

HEADER_BYTES = 5


class ExampleError(Exception):
    """An example that can't be read, or a server that answered something else."""


@dataclass
class Step:
    line: int
    sends: bool
    text: str

    def request(self) -> bytes:
        return bytes.fromhex(self.text)

    def pattern(self) -> tuple[list[Optional[int]], bool]:
        """What each byte of the reply must be (None: anything), and whether more may follow."""
        open_ended = self.text.endswith("..")
        digits = "".join(self.text.removesuffix("..").split())
        pairs = [digits[at : at + 2] for at in range(0, len(digits), 2)]
        return [None if pair == "??" else bytes.fromhex(pair)[0] for pair in pairs], open_ended

    def matches(self, reply: bytes) -> bool:
        pattern, open_ended = self.pattern()
        if len(reply) < len(pattern) or (len(reply) > len(pattern) and not open_ended):
            return False
        return all(wanted in (None, byte) for wanted, byte in zip(pattern, reply))


@dataclass
class Block:
    line: int
    alone: bool
    steps: list[Step] = field(default_factory=list)

    def commands(self) -> list[int]:
        """The command byte of every request in the block."""
        return [step.request()[0] for step in self.steps if step.sends]


REQUEST = re.compile(r"(?:[0-9a-fA-F]{2}\s*)+")
REPLY = re.compile(r"(?:(?:[0-9a-fA-F]{2}|\?\?)\s*)+(?:\.\.)?")


def _parse_step(line: int, mark: str, text: str) -> Step:
    if not (REQUEST if mark == ">" else REPLY).fullmatch(text):
        raise ExampleError(f"line {line}: not hex: {text!r}")
    return Step(line, mark == ">", text)


def _parse_block(block: Block, lines: list[tuple[int, str]]) -> None:
    joined: list[tuple[int, str, str]] = []
    for number, text in lines:
        if not text.strip() or text.startswith("#"):
            continue
        if text[0] in "<>":
            joined.append((number, text[0], text[1:].strip()))
        elif text[0].isspace() and joined:
            start, mark, before = joined[-1]
            joined[-1] = (start, mark, f"{before} {text.strip()}")
        else:
            raise ExampleError(f"line {number}: neither a request, a reply nor a comment: {text!r}")
    block.steps = [_parse_step(*step) for step in joined]
    if not any(step.sends for step in block.steps) or block.steps[-1].sends:
        raise ExampleError(f"line {block.line}: an example begins with a request and ends with a reply")


def parse_blocks(page: str, first_line: int = 1) -> list[Block]:
    """The `hex` blocks of a page in their order. Raises ExampleError where one is not well-formed."""
    blocks: list[Block] = []
    info: Optional[str] = None
    lines: list[tuple[int, str]] = []
    for number, text in enumerate(page.splitlines(), first_line):
        if not text.startswith("```"):
            lines.append((number, text))
        elif info is None:
            info, lines = text[3:].strip(), []
        else:
            if info in ("hex", "hex alone"):
                blocks.append(Block(number, info == "hex alone"))
                _parse_block(blocks[-1], lines)
            info = None
    return blocks


def _read_exactly(connection: socket.socket, size: int, line: int) -> bytes:
    data = b""
    while len(data) < size:
        try:
            part = connection.recv(size - len(data))
        except TimeoutError:
            raise ExampleError(f"line {line}: no more bytes came after {data.hex()!r}") from None
        if not part:
            raise ExampleError(f"line {line}: the server closed after {data.hex()!r}")
        data += part
    return data


def _play_block(connection: socket.socket, block: Block) -> None:
    for step in block.steps:
        if step.sends:
            connection.sendall(step.request())
            continue
        header = _read_exactly(connection, HEADER_BYTES, step.line)
        reply = header + _read_exactly(connection, int.from_bytes(header[1:], "big"), step.line)
        if not step.matches(reply):
            raise ExampleError(f"line {step.line}: expected {step.text}, the reply was {reply.hex()} ({reply!r})")


def _finish(connection: socket.socket, line: int) -> None:
    """Says that nothing more comes, and expects the server to have said all it had."""
    try:
        connection.shutdown(socket.SHUT_WR)
        left_over = connection.recv(1024)
    except TimeoutError:
        raise ExampleError(f"line {line}: the server doesn't close a connection that is at its end") from None
    except OSError:
        return  # the server has closed already
    if left_over:
        raise ExampleError(f"line {line}: a reply nobody expects: {left_over.hex()}")


def play(blocks: list[Block], connect: Callable[[], socket.socket], deadline_s: float = 30) -> None:
    """Plays `blocks` over connections from `connect`. Raises ExampleError at the first reply that differs."""

    def play_on_new_connection(chosen: list[Block]) -> None:
        if not chosen:
            return
        with connect() as connection:
            connection.settimeout(deadline_s)
            for block in chosen:
                _play_block(connection, block)
            _finish(connection, chosen[-1].line)

    play_on_new_connection([block for block in blocks if not block.alone])
    for block in blocks:
        if block.alone:
            play_on_new_connection([block])

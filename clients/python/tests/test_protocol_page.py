"""Every worked example of docs/protocol.md, through the client's own encoders and decoders."""

from __future__ import annotations

import json
import os
import struct
import subprocess
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Tuple

import pytest

import hex_player
from kv_client import ServerError, _requests
from kv_client._command_bytes import NAMES
from kv_client._wire import ERROR, INVALID, HEADER, ReplyReader
from kv_client.values import decode_value_at

PAGE = Path(__file__).resolve().parents[3] / "docs" / "protocol.md"


class Payload:
    """Reads the fields of a request's payload, by the names that the server gives them."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def number(self, layout: str) -> Any:
        (value,) = struct.unpack_from(">" + layout, self.data, self.at)
        self.at += struct.calcsize(">" + layout)
        return value

    def text(self) -> str:
        return self.raw(self.number("H")).decode("utf-8")

    def raw(self, size: int) -> bytes:
        if self.at + size > len(self.data):
            raise ValueError("cut short")
        self.at += size
        return self.data[self.at - size : self.at]

    def rest(self) -> bytes:
        return self.raw(len(self.data) - self.at)

    def value(self) -> Any:
        value, self.at = decode_value_at(self.data, self.at)
        return value

    def field(self, name: str) -> Any:
        readers: Dict[str, Callable[[], Any]] = {
            "key": self.text,
            "owner": self.text,
            "user": self.text,
            "password": self.text,
            "acl_call": self.rest,
            "client_call": self.rest,
            "pattern": self.text,
            "key_rest": lambda: self.rest().decode("utf-8"),
            "rest": self.rest,
            "folder": lambda: self.rest().decode("utf-8"),
            "ttl": lambda: self.number("Q") / 1000,
            "wait": lambda: self.number("Q") / 1000,
            "cursor": lambda: self.number("Q"),
            "count": lambda: self.number("I"),
            "mode": lambda: self.number("B"),
            "delta": lambda: self.number("q"),
            "value": self.value,
            "expected": self.value,
            "keys": lambda: [self.text() for _ in range(self.number("H"))],
            "pairs": self.pairs,
        }
        return readers[name]()

    def pairs(self) -> Tuple[List[Tuple[str, Any]], float]:
        count, ttl = self.number("H"), self.number("Q") / 1000
        return [(self.text(), self.value()) for _ in range(count)], ttl


def _ping(data: bytes) -> Any:
    return _requests.echo(data) if data else _requests.ping()


def _snapshot(mode: int, folder: str) -> Any:
    if mode > 2 or (folder and mode != 2):
        raise ValueError("the client has no way to ask for this")
    return _requests.backup(folder) if mode == 2 else _requests.snapshot(mode == 0)


# For whoever runs a server: that is what kv-cli is for.
NOT_OFFERED = {"ACL", "CLIENT", "CONFIG", "MEMORY", "KEYS", "MONITOR", "SLOWLOG", "LATENCY"}

# Where the fields of a payload are not just the arguments of the command's function in their order.
ORDERS: Dict[str, Callable[..., Any]] = {
    "SET": lambda key, ttl, value: _requests.set(b"", key, value, ttl),
    "SETNX": lambda key, ttl, value: _requests.setnx(b"", key, value, ttl),
    "SWAP": lambda key, ttl, value: _requests.swap(b"", key, value, ttl),
    "MSET": lambda pairs: _requests.mset(b"", *pairs),
    "DEL": lambda key: _requests.delete(b"", key),
    "EXTEND": lambda key, owner, ttl: _requests.extend_lock(b"", key, owner, ttl),
    "SCAN": lambda cursor, count, pattern: _requests.scan(b"", cursor, pattern, count),
    "PING": _ping,
    "INFO": lambda section: _requests.info(section.decode("utf-8")),
    "FLUSH": _requests.flush,
    "SNAPSHOT": _snapshot,
    "LASTSAVE": _requests.lastsave,
    "AUTH": _requests.auth,
    "WHOAMI": _requests.whoami,
}


@pytest.fixture(scope="module")
def fields() -> Dict[int, List[str]]:
    """The fields of each command's payload, by its byte."""
    output = subprocess.run([os.environ["KV_SERVER"], "--print-commands"], check=True, capture_output=True).stdout
    return {row["byte"]: row["fields"] for row in json.loads(output)}


def request_for(frame: bytes, fields: Dict[int, List[str]]) -> Optional[Any]:
    """The client's own request with the same arguments; None where it refuses them, or can't ask for such a thing."""
    byte, size = HEADER.unpack_from(frame)
    payload = Payload(frame[HEADER.size :])
    if byte not in fields or size != len(payload.data):
        return None
    name = NAMES[byte]
    if name in NOT_OFFERED:
        return None
    build = ORDERS.get(name) or (lambda *arguments: getattr(_requests, name.lower())(b"", *arguments))
    try:
        arguments = [payload.field(field) for field in fields[byte]]
        if payload.rest():
            return None
        return build(*arguments)
    except (ValueError, TypeError, OverflowError, struct.error, RuntimeError):
        return None


def exchanges() -> List[Tuple[hex_player.Step, hex_player.Step]]:
    found: List[Tuple[hex_player.Step, hex_player.Step]] = []
    for block in hex_player.parse_blocks(PAGE.read_text(encoding="utf-8")):
        sent = [step for step in block.steps if step.sends]
        answered = [step for step in block.steps if not step.sends]
        assert len(sent) == len(answered)
        found += zip(sent, answered)
    return found


def test_the_page_has_its_examples() -> None:
    assert len(exchanges()) > 100


@pytest.mark.parametrize("sent, answered", exchanges(), ids=lambda step: f"line{step.line}")
def test_an_example_of_the_protocol(
    sent: hex_player.Step, answered: hex_player.Step, fields: Dict[int, List[str]]
) -> None:
    frame = sent.request()
    pattern, _ = answered.pattern()
    reply = bytes(byte or 0 for byte in pattern)
    status, payload = reply[0], reply[HEADER.size :]
    request = request_for(frame, fields)
    if status in (ERROR, INVALID):
        decode = request.decode if request else _requests.ping().decode
        with pytest.raises(ServerError) as raised:
            decode(status, payload)
        assert raised.value.word == payload.decode("ascii").split(" ")[0]
        assert type(raised.value).__mro__.index(ServerError) > 0, "a class of its own for every word"
        return
    if NAMES[frame[0]] in NOT_OFFERED:
        return
    assert request is not None, "the client can't ask for this"
    if b"1.50e1" in frame:
        assert b"\x00\x0415.0" in request.frame, "the client sends decimals in their canonical form"
    else:
        assert request.frame == frame
    if None not in pattern:
        assert ReplyReader().feed(reply) == [(status, payload)]
    request.decode(status, payload)

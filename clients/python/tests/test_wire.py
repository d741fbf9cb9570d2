"""Frames and errors, without a server."""

from __future__ import annotations

from typing import List

import pytest
from hypothesis import given
from hypothesis import strategies as st

import kv_client
from kv_client import KvError, ServerError
from kv_client._wire import ERROR, HEADER, INVALID, PUSH, Reply, ReplyReader
from kv_client.errors import InvalidRequestError, server_error

replies = st.lists(st.tuples(st.sampled_from([0, 1, 2, 3, PUSH]), st.binary(max_size=300)), max_size=8)


@given(replies, st.lists(st.integers(1, 400), min_size=1))
def test_replies_are_whole_however_their_bytes_arrive(sent: List[Reply], cuts: List[int]) -> None:
    stream = b"".join(HEADER.pack(status, len(payload)) + payload for status, payload in sent)
    reader = ReplyReader()
    received: List[Reply] = []
    at = turn = 0
    while at < len(stream):
        size = cuts[turn % len(cuts)]
        received += reader.feed(stream[at : at + size])
        at, turn = at + size, turn + 1
    assert received == [reply for reply in sent if reply[0] != PUSH]


def test_another_protocol_is_recognised() -> None:
    with pytest.raises(kv_client.ProtocolError, match="no kv-server"):
        ReplyReader().feed(b"HTTP/1.1 400 Bad Request\r\n")


WORDS = {
    "COMMAND": NotImplementedError, "FRAME": ValueError, "TOOLARGE": ValueError, "KEY": ValueError,
    "VALUE": ValueError, "ARGUMENT": ValueError, "WRONGTYPE": TypeError, "OVERFLOW": OverflowError,
    "LOCKED": RuntimeError, "NOAUTH": PermissionError, "NOPERM": PermissionError, "OOM": MemoryError,
    "READONLY": RuntimeError, "BUSY": ConnectionError, "INTERNAL": RuntimeError,
}


@pytest.mark.parametrize("word, also", WORDS.items())
def test_every_word_has_a_class_that_is_also_what_python_calls_it(word: str, also: type) -> None:
    error = server_error(f"{word} and why", invalid=False)
    assert type(error).word == word == error.word and type(error) is not ServerError
    assert isinstance(error, (KvError, RuntimeError)) and isinstance(error, also)
    assert str(error) == f"{word} and why"
    assert getattr(kv_client, type(error).__name__) is type(error), "exported"


def test_a_word_that_nobody_knows_goes_by_its_status() -> None:
    error, invalid = server_error("NEWS it is new", False), server_error("NEWS it is new", True)
    assert type(error) is ServerError and error.word == "NEWS"
    assert type(invalid) is InvalidRequestError and (ERROR, INVALID) == (2, 3)

"""Values from Python to bytes and back."""

from __future__ import annotations

import collections
import enum
import struct
from decimal import Decimal
from types import MappingProxyType
from typing import Any, List

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kv_client import ProtocolError
from kv_client.values import DEPTH_MAX, KvInput, KvValue, decode_value, encode_value

text = st.text(st.characters(blacklist_categories=["Cs"]))
decimals = st.decimals(allow_nan=False, allow_infinity=False, places=None).filter(
    lambda number: abs(number.adjusted()) < 900
)
plain = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | decimals
    | text
    | st.binary()
)
values = st.recursive(plain, lambda inner: st.lists(inner) | st.dictionaries(text, inner), max_leaves=12)


def _scale(number: Decimal) -> int:
    exponent = number.as_tuple().exponent
    assert isinstance(exponent, int)
    return max(-exponent, 0)


def same(one: Any, other: Any) -> bool:
    """Equal in type too, all the way down; Decimals with their digits, and zeros with their sign but for Decimals."""
    if type(one) is not type(other):
        return False
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    if isinstance(one, Decimal):
        return one == other and _scale(one) == _scale(other)
    if isinstance(one, float):
        return struct.pack(">d", one) == struct.pack(">d", other)
    return bool(one == other)


@given(values)
def test_a_value_comes_back_as_it_was(value: Any) -> None:
    assert same(value, decode_value(encode_value(value)))


@pytest.mark.parametrize(
    "value, encoded",
    [
        (None, "00"),
        (-1, "01ffffffffffffffff"),
        (42, "01000000000000002a"),
        (1.5, "023ff8000000000000"),
        (-0.0, "028000000000000000"),
        (Decimal("1.10"), "030004312e3130"),
        (Decimal("1.50e1"), "03000431352e30"),
        (Decimal("1e3"), "03000431303030"),
        (Decimal("-0.00"), "030004302e3030"),
        (Decimal("0e5"), "03000130"),
        ("hé", "040000000368c3a9"),
        (b"\xff\x00", "0500000002ff00"),
        (bytearray(b"a"), "050000000161"),
        (memoryview(b"a"), "050000000161"),
        ([1, None], "060000000201000000000000000100"),
        ((1, None), "060000000201000000000000000100"),
        ({"a": True}, "07000000010001610801"),
        ({"": False}, "07000000010000" + "0800"),
    ],
)
def test_each_type_has_its_bytes(value: KvInput, encoded: str) -> None:
    assert encode_value(value).hex() == encoded


def test_every_bit_of_a_nan_is_kept() -> None:
    for bits in ("7ff8000000000001", "fff8000000000000", "7ff0000000000001"):
        wire = bytes.fromhex("02" + bits)
        assert encode_value(decode_value(wire)) == wire
        assert repr(decode_value(wire)) == "nan"


class Colour(enum.IntEnum):
    RED = 3


class Name(str):
    pass


def test_a_subclass_is_stored_as_what_it_derives_from() -> None:
    point = collections.namedtuple("point", "x y")
    assert decode_value(encode_value(Colour.RED)) == 3
    assert decode_value(encode_value(Name("x"))) == "x"
    assert decode_value(encode_value(point(1, 2))) == [1, 2]
    assert decode_value(encode_value(collections.OrderedDict(a=1))) == {"a": 1}
    assert decode_value(encode_value(MappingProxyType({"a": 1}))) == {"a": 1}


@pytest.mark.parametrize("value", [2**63, -(2**63) - 1, [2**64], {"a": 10**30}])
def test_an_int_beyond_64_bits_is_refused(value: KvInput) -> None:
    with pytest.raises(OverflowError, match="64 bits"):
        encode_value(value)


@pytest.mark.parametrize("value", [object(), {1, 2}, 1j, range(3), iter([]), [object()], {"a": set()}, int])
def test_a_type_that_the_protocol_does_not_know_is_refused(value: Any) -> None:
    with pytest.raises(TypeError, match="can't be stored"):
        encode_value(value)


@pytest.mark.parametrize("value", [{1: 2}, {None: 1}, {b"a": 1}, [{"a": {("b",): 1}}]])
def test_map_keys_are_strings(value: Any) -> None:
    with pytest.raises(TypeError, match="keys of a map are strings"):
        encode_value(value)


@pytest.mark.parametrize("value", ["NaN", "-NaN", "sNaN", "Infinity", "-Infinity", "1e1000", "1e-1001", "9" * 1001])
def test_a_decimal_out_of_the_limits_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="a Decimal"):
        encode_value(Decimal(value))


@pytest.mark.parametrize(
    "value", ["1e999", "1e-1000", "9" * 1000, "0e-1000", "0e999999", "-" + "1" * 500 + "." + "2" * 500]
)
def test_a_decimal_at_the_limits_is_taken(value: str) -> None:
    assert decode_value(encode_value(Decimal(value))) == Decimal(value)


def test_text_that_is_no_utf_8_is_refused() -> None:
    texts: List[KvInput] = ["\ud800", ["\udfff"], {"\ud800": 1}]
    for value in texts:
        with pytest.raises(ValueError):
            encode_value(value)


def test_a_map_key_has_a_limit() -> None:
    assert decode_value(encode_value({"a" * 65535: 1})) == {"a" * 65535: 1}
    with pytest.raises(ValueError, match="65535"):
        encode_value({"a" * 65536: 1})


def test_lists_and_maps_nest_up_to_128_levels() -> None:
    value: KvValue = []
    for _ in range(DEPTH_MAX - 1):
        value = [value]
    assert decode_value(encode_value(value)) == value
    with pytest.raises(ValueError, match="128 levels"):
        encode_value([value])
    endless: Any = {}
    endless["self"] = endless
    with pytest.raises(ValueError, match="128 levels"):
        encode_value(endless)


@given(st.binary(max_size=40))
def test_bytes_that_are_no_value_are_an_error_and_nothing_else(data: bytes) -> None:
    try:
        value = decode_value(data)
    except ProtocolError:
        return
    assert decode_value(encode_value(value)) == value or "nan" in repr(value)


@given(values, st.integers(min_value=1))
def test_a_value_that_is_cut_short_is_an_error(value: Any, cut: int) -> None:
    encoded = encode_value(value)
    with pytest.raises(ProtocolError):
        decode_value(encoded[: len(encoded) - 1 - cut % len(encoded)])
    with pytest.raises(ProtocolError, match="left over"):
        decode_value(encoded + b"\x00")


def test_counts_and_lengths_are_claims() -> None:
    for wire in ("06ffffffff", "07ffffffff", "04ffffffff", "05ffffffff61", "03ffff31"):
        with pytest.raises(ProtocolError):
            decode_value(bytes.fromhex(wire))

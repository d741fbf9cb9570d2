"""What `cached` stores, and how it tells whether that is fresh."""

from __future__ import annotations

import hashlib
import math
from typing import Any, Callable, Dict, NamedTuple, Optional, Tuple

from .values import KvInput, KvValue, encode_value

LOCK_TTL = 30.0
"""Seconds after which another caller may compute, should the first have died. It is renewed as long as that works."""


class Found(NamedTuple):
    """A value from the cache; what isn't `fresh` may be used while somebody computes it anew."""

    value: Any
    fresh: bool


def wrap(value: KvInput) -> KvInput:
    """What is stored for `value`: in a list, so that a None is told from nothing."""
    return [value]


def unwrap(stored: KvValue, left: Optional[float], stale: float) -> Optional[Found]:
    """What was found, given the seconds that it has `left`; None where it is nothing that `wrap` made."""
    if not isinstance(stored, list) or len(stored) != 1 or left is None:
        return None
    return Found(stored[0], left > stale or left == math.inf)


def default_key(function: Callable[..., Any], args: Tuple[Any, ...], kwargs: Dict[str, Any]) -> str:
    """A key for a call of `function`. Raises TypeError for arguments that are no values of the protocol."""
    try:
        arguments = encode_value([list(args), {name: kwargs[name] for name in sorted(kwargs)}])
    except TypeError as error:
        raise TypeError(f"{error}; give `cached` a `key` for functions that take such arguments") from None
    digest = hashlib.sha256(arguments).hexdigest()[:32]
    return f"cached:{function.__module__}.{function.__qualname__}:{digest}"

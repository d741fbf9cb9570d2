"""How the caches keep any object of Python: an int as an Int, so that the server can add to it, the rest pickled."""

from __future__ import annotations

import pickle
from typing import Any

from ..values import INT_MAX, INT_MIN, KvValue


def dumped(value: Any) -> KvValue:
    """What is stored for `value`."""
    if type(value) is int and INT_MIN <= value <= INT_MAX:
        return value
    return pickle.dumps(value, pickle.HIGHEST_PROTOCOL)


def loaded(stored: KvValue) -> Any:
    """The value for what is stored, None for None."""
    return pickle.loads(stored) if isinstance(stored, bytes) else stored

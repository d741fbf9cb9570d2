"""What a pipeline hands out for each of its commands."""

from __future__ import annotations

from typing import Generic, Optional, TypeVar

from ._requests import Request
from ._wire import Reply
from .errors import KvError

T = TypeVar("T")


class Pending(Generic[T]):
    """The result of a command that is in a pipeline."""

    __slots__ = ("_request", "_reply")

    def __init__(self, request: Request[T]) -> None:
        self._request = request
        self._reply: Optional[Reply] = None

    def result(self) -> T:
        """Returns what the command returned, or raises what it raised. KvError where it hasn't been carried out."""
        if self._reply is None:
            raise KvError("the pipeline has not been executed")
        return self._request.decode(*self._reply)

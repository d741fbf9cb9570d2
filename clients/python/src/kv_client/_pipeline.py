"""Many commands in one go."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Awaitable, Callable, List, Optional, Type, TypeVar

from ._pending import Pending
from ._pipeline_methods import PipelineCommands
from ._requests import Request
from ._wire import Reply
from .errors import KvError

T = TypeVar("T")
Replies = List[Reply]
CallMany = Callable[[List[Request[Any]]], Awaitable[Replies]]


class Pipeline(PipelineCommands):
    """Commands that are sent together and answered together, in their order, on one connection.

    Each method takes what the client's takes and returns a `Pending`, whose `result()` is there once the pipeline has
    been executed. Commands of other clients may be carried out in between: it saves time and is no transaction.

        async with client.pipeline() as pipe:
            pipe.set("a", 1)
            total = pipe.incr("hits")
        print(total.result())

    Leaving the block executes what was collected, unless an exception leaves it.
    """

    def __init__(self, prefix: bytes, call_many: CallMany) -> None:
        self._prefix = prefix
        self._call_many = call_many
        self._collected: List[Pending[Any]] = []

    def __len__(self) -> int:
        return len(self._collected)

    def _queue(self, request: Request[T]) -> Pending[T]:
        pending = Pending(request)
        self._collected.append(pending)
        return pending

    async def execute(self, raise_on_error: bool = True) -> List[Any]:
        """Sends what was collected, and returns the results in their order; the pipeline is empty then.

        All commands are carried out, whatever one of them answers. Then the first error is raised, or, with
        `raise_on_error` False, stands in the list in its place. Behind one that is over the server's limit of a
        payload nothing is carried out; those have its TooLargeError too.
        """
        collected, self._collected = self._collected, []
        if not collected:
            return []
        replies = await self._call_many([pending._request for pending in collected])
        for pending, reply in zip(collected, replies):
            pending._reply = reply
        results: List[Any] = []
        for pending in collected:
            try:
                results.append(pending.result())
            except KvError as error:
                if raise_on_error:
                    raise
                results.append(error)
        return results

    async def __aenter__(self) -> Pipeline:
        return self

    async def __aexit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        if kind is None:
            await self.execute()
        else:
            self._collected = []

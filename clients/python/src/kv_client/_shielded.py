"""What must be done even where its caller is cancelled meanwhile."""

from __future__ import annotations

import asyncio
from typing import Any, Coroutine, TypeVar

T = TypeVar("T")

SECONDS = 1.0
"""How long a cancelled caller is held up at most."""


async def shielded(work: Coroutine[Any, Any, T]) -> T:
    """The result of `work`. Where the caller is cancelled, `work` is given some time to come to its end first."""
    task = asyncio.get_running_loop().create_task(work)
    try:
        await asyncio.wait({task})
    except asyncio.CancelledError:
        await asyncio.wait({task}, timeout=SECONDS)
        if not task.done():
            task.cancel()
        elif not task.cancelled():
            task.exception()  # Looked at, so that asyncio doesn't complain of it.
        raise
    return task.result()

"""A step that is done again and again beside everything else, until it is stopped."""

from __future__ import annotations

import asyncio
from typing import Awaitable, Callable, Optional


class Renewal:
    """Runs `step` after `delay` seconds, and again after as many as it returns each time; None ends it."""

    def __init__(self, step: Callable[[], Awaitable[Optional[float]]], delay: float) -> None:
        self._task = asyncio.get_running_loop().create_task(self._run(step, delay))

    def stop(self) -> None:
        """No further step begins."""
        self._task.cancel()

    async def _run(self, step: Callable[[], Awaitable[Optional[float]]], delay: Optional[float]) -> None:
        while delay is not None:
            await asyncio.sleep(delay)
            delay = await step()

"""A step that is done again and again beside everything else, until it is stopped."""

from __future__ import annotations

import threading
from typing import Callable, Optional


class Renewal:
    """Runs `step` after `delay` seconds, and again after as many as it returns each time; None ends it."""

    def __init__(self, step: Callable[[], Optional[float]], delay: float) -> None:
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(step, delay), name="kv-renewal", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """No further step begins, and the one that is under way has ended."""
        self._stopped.set()
        self._thread.join()

    def _run(self, step: Callable[[], Optional[float]], delay: Optional[float]) -> None:
        while delay is not None and not self._stopped.wait(delay):
            delay = step()

# Written by tools/generate_twins.py from _commands.py: don't edit.
"""Everything that clients and pools can do: the methods of one command each, and those that take several."""

from __future__ import annotations

from typing import Any, Iterator, List, Optional

from .. import _requests as requests
from ._methods import SingleCommands
from ._pipeline import Pipeline
from .._requests import Request
from .._wire import Reply


class Commands(SingleCommands):
    """All methods that clients and pools have in common."""

    def _call_many(self, many: List[Request[Any]]) -> List[Reply]:
        raise NotImplementedError

    def pipeline(self) -> Pipeline:
        """Returns an empty pipeline: its methods collect commands, and `execute` sends them all at once."""
        return Pipeline(self._prefix, self._call_many)

    @property
    def namespace(self) -> Optional[str]:
        """What stands, with a colon behind it, before all keys and locks; None without one."""
        return self._prefix[:-1].decode("utf-8") if self._prefix else None

    def scan_iter(self, match: str = "", count: int = 0) -> Iterator[str]:
        """Iterates over the keys (those of the namespace, without it) that match a glob; empty for all.

        `match` knows `*`, `?`, `[a-z]`, `[^a-z]` and a backslash before what stands for itself. `count` says how many
        entries a step looks at (0: 100). A key that is present all the while is returned at least once, maybe more
        often; one that was absent all the while never.
        """
        cursor = 0
        while True:
            page = self.scan(cursor, match, count)
            for key in page.keys:
                yield key
            cursor = page.cursor
            if cursor == 0:
                return

    def flush(self) -> int:
        """Deletes every key. Returns how many there were.

        With a namespace only the keys in it are deleted, some at a time, so other commands may see it half done.
        """
        if not self._prefix:
            return self._call(requests.flush())
        cursor, removed = 0, 0
        while True:
            page = self.scan(cursor, count=1000)
            removed += self.mdel(page.keys)
            cursor = page.cursor
            if cursor == 0:
                return removed

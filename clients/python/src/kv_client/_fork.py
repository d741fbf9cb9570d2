"""A child process must not touch the connections of its parent, so whatever has some lets go of them there.

Both would read from the same sockets, and each get a part of the other's replies.
"""

from __future__ import annotations

import os
from typing import Protocol
from weakref import WeakSet


class HasConnections(Protocol):
    """Something that has connections of this process."""

    def _after_fork(self) -> None:
        """Called in a child process, before anything else runs there: lets go of all connections without a word."""


_living: "WeakSet[HasConnections]" = WeakSet()


def watch(owner: HasConnections) -> None:
    """Calls `owner._after_fork()` in every child process from now on, as long as `owner` is in use."""
    _living.add(owner)


def _after_fork() -> None:
    for owner in list(_living):
        owner._after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)

"""What must be done even where its caller is cancelled meanwhile, which doesn't happen to a thread."""

from __future__ import annotations

from typing import TypeVar

T = TypeVar("T")


def shielded(work: T) -> T:
    """The result of what has been done already."""
    return work

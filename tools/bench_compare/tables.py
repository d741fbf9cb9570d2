"""Markdown tables, and putting them between the marker comments of a page."""

import re
from pathlib import Path


def table(head: list[str], rows: list[list[str]]) -> str:
    """The first column is text, all others are numbers."""
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def number(value: float) -> str:
    """Three significant digits, and thousands separated."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def percent(share: float) -> str:
    return f"{share:.0%}".replace("%", " %")


def replace_between_markers(page: Path, name: str, text: str) -> None:
    """Replaces what stands between `<!-- name -->` and `<!-- /name -->`. Raises ValueError when they aren't there."""
    old = page.read_text()
    pattern = re.compile(rf"(<!-- {re.escape(name)} -->\n).*?(<!-- /{re.escape(name)} -->)", re.DOTALL)
    new, count = pattern.subn(lambda found: found[1] + "\n" + text + "\n\n" + found[2], old)
    if count != 1:
        raise ValueError(f"{page} must have <!-- {name} --> and <!-- /{name} --> once, it has them {count} times")
    page.write_text(new)

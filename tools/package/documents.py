"""The documents as they are installed: `docs/`, and beside it `examples/`, what there is to watch the server with.

Links from one to another lead to where it is then. A link to anything else of the source tree becomes its text.
"""

import os
import re
from pathlib import Path

TREE = Path(__file__).resolve().parents[2]
PLACES = {TREE / "docs": Path("."), TREE / "tools/monitoring": Path("examples")}


def documents() -> dict[Path, bytes]:
    """What each file that is installed holds, by its place among them."""
    found = {}
    for folder in PLACES:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                data = path.read_bytes()
                found[_place(path)] = _with_links(path, data.decode()).encode() if path.suffix == ".md" else data
    return found


def _place(path: Path) -> Path | None:
    """Where a file or folder of the tree is installed; None where it isn't."""
    for folder, place in PLACES.items():
        if path.is_relative_to(folder):
            return place / path.relative_to(folder)
    return None


def _with_links(page: Path, text: str) -> str:
    def link(found: re.Match) -> str:
        words, target, heading = found.groups("")
        place = _place(Path(os.path.normpath(page.parent / target)))
        return words if place is None else f"[{words}]({os.path.relpath(place, _place(page).parent)}{heading})"

    return re.sub(r"\[([^][]*)\]\(([\w./-]+)(#[\w-]*)?\)", link, text)

"""Compares kv-server with its peers. tools/bench-compare.sh builds and installs what this needs, then runs it."""

import argparse
import os
import platform
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from bench import Failed, Part, Settings
from sections import SECTIONS, Section
from servers import is_there, targets
from tables import replace_between_markers

ROOT = Path(__file__).resolve().parents[2]
NAMES = list(targets(Path(), ""))
# 180 runs of half a second, and the loading: under two minutes. What takes long for its size is a part as large.
QUICK_DURATION_S, QUICK_WARMUP_S = 0.3, 0.1
QUICK_DIVISOR = 20


class HelpFormatter(argparse.ArgumentDefaultsHelpFormatter):
    """Shows those defaults that say something."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        return action.help if action.default in (None, False) else super()._get_help_string(action)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tools/bench-compare.sh", description=__doc__.partition(".")[0] + ".",
                                     formatter_class=HelpFormatter)
    parser.add_argument("--quick", action="store_true",
                        help="short runs and small sizes, under two minutes: throughput alone, or what --only says")
    parser.add_argument("--only", action="append", choices=SECTIONS, help="measure this section; may be repeated")
    parser.add_argument("--targets", nargs="+", choices=NAMES, metavar="NAME",
                        help=f"of {', '.join(NAMES)}; default: all that are there")
    parser.add_argument("--rounds", type=int, help="how often each run is repeated; default: as each section has it")
    parser.add_argument("--duration", type=float, help="seconds of a run; default: as each section has it")
    parser.add_argument("--warmup", type=float, help="seconds before each; default: as each section has it")
    parser.add_argument("--divide", type=int, metavar="N",
                        help=f"the sizes of memory, deletes, eviction, stalls, connections, growth, snapshots, "
                             f"recovery and tls's connections, divided by this; default: 1, with --quick "
                             f"{QUICK_DIVISOR}")
    for name, usual in (("connections", 50), ("keys", 1_000_000), ("key-size", 16), ("value-size", 32)):
        parser.add_argument(f"--{name}", type=int, default=usual, help="where a section has none of its own")
    parser.add_argument("--bin-dir", type=Path, default=ROOT / "build/release/bin", help="where the programs are")
    parser.add_argument("--data-folder", type=Path, default=ROOT / "build",
                        help="where servers that keep data write it meanwhile: on a disk, not a tmpfs")
    parser.add_argument("--page", type=Path, default=ROOT / "docs/benchmarks.md", help="where the tables go")
    parser.add_argument("--dry", action="store_true", help="print the tables, but leave the page as it is")
    parsed = parser.parse_args()
    for name in ("rounds", "divide"):
        if getattr(parsed, name) is not None and getattr(parsed, name) < 1:
            parser.error(f"--{name} must be 1 or more")
    if parsed.quick:
        parsed.only = parsed.only or ["throughput"]
    return parsed


def settings_for(section: Section, options: argparse.Namespace) -> Settings:
    """What the command line says; where it says nothing, what the section does."""
    usual = {"rounds": section.rounds, "duration": section.duration_s, "warmup": section.warmup_s, "divide": 1}
    if options.quick:
        usual = {"rounds": section.quick_rounds, "duration": QUICK_DURATION_S, "warmup": QUICK_WARMUP_S,
                 "divide": QUICK_DIVISOR}
    chosen = {name: usual[name] if getattr(options, name) is None else getattr(options, name) for name in usual}
    return Settings(kv_bench=options.bin_dir / "kv-bench", connections=options.connections, keys=options.keys,
                    key_bytes=options.key_size, value_bytes=options.value_size, warmup_s=chosen["warmup"],
                    duration_s=chosen["duration"], rounds=chosen["rounds"], divisor=chosen["divide"],
                    data_folder=options.data_folder.absolute())


def version(program: str) -> str:
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    return f"{program} {re.search(r'[0-9]+(?:[.][0-9]+)+', said)[0]}"


def circumstances(settings: Settings, chosen: list[str]) -> str:
    """The machine and the versions, for those who want to repeat it."""
    cpu = next((line.partition(":")[2].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
                if line.startswith("model name")), platform.machine())
    peers = [version(program) for name, program in (("redis", "redis-server"), ("memcached", "memcached"))
             if name in chosen]
    software = ", ".join([f"Linux {platform.release()}", *peers])
    rounds = f"medians of {settings.rounds} rounds" if settings.rounds > 1 else "one round"
    return (f"{os.cpu_count()} cores of {cpu}, {software}. Where nothing else is said: {settings.connections} "
            f"connections, {settings.keys:,} keys of {settings.key_bytes} bytes, values of {settings.value_bytes} "
            f"bytes, {rounds} of {settings.duration_s:g} s after {settings.warmup_s:g} s of warm-up, interleaved; "
            "kv-bench with one thread, on the same machine.")


def publish(page: Path, section: str, text: str, part: Part) -> None:
    for path, drawing in part.drawings.items():
        file = page.parent / path
        file.parent.mkdir(exist_ok=True)
        file.write_text(drawing)
    replace_between_markers(page, f"bench-compare {section}", text)


def main() -> int:
    options = arguments()
    if os.getloadavg()[0] > 0.5:
        print(f"The load average is {os.getloadavg()[0]:.1f}: something else is running, so take no figure for a fact.",
              file=sys.stderr)
    with tempfile.TemporaryDirectory() as directory:
        known = targets(options.bin_dir, directory)
        there = {name: target for name, target in known.items() if is_there(target)}
        chosen = {name: known[name] for name in options.targets or there}
        if missing := [name for name in chosen if name not in there]:
            print(f"not there: {', '.join(missing)}", file=sys.stderr)
            return 1
        try:
            for name in options.only or SECTIONS:
                settings = settings_for(SECTIONS[name], options)
                part = SECTIONS[name].measure(settings, chosen)
                text = circumstances(settings, list(chosen)) + "\n\n" + part.text
                print(text, flush=True)
                if not options.dry:
                    publish(options.page, name, text, part)
        except (Failed, RuntimeError, ValueError) as error:
            print(f"\n{error}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

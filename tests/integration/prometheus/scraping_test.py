"""The server's metrics as a real Prometheus has them, and what tools/monitoring makes of them."""

import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from typing import Any, Iterator

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "docs"))
sys.path.insert(0, str(HERE))

from live_server import LiveServer, program  # noqa: E402
from prometheus import Prometheus  # noqa: E402


def expressions(of: Any) -> Iterator[str]:
    """Every PromQL expression of a dashboard."""
    if isinstance(of, dict):
        if "expr" in of:
            yield of["expr"]
        of = list(of.values())
    if isinstance(of, list):
        for part in of:
            yield from expressions(part)


class Scraping(unittest.TestCase):
    def setUp(self) -> None:
        folder = self.enterContext(tempfile.TemporaryDirectory())
        self.server = self.enterContext(LiveServer("--admin-bind", "127.0.0.1:0", "--data-dir", folder + "/data"))
        self.prometheus = self.enterContext(Prometheus(self.server.admin_port))

    def run_command(self, *words: str) -> None:
        subprocess.run([program("kv-cli"), "-p", str(self.server.port), *words], check=True, capture_output=True,
                       timeout=60)

    def wait_for_value(self, expression: str, value: float) -> None:
        self.prometheus.wait_for(lambda: self.prometheus.value_of(expression) == value)

    def test_what_was_done_is_what_it_has(self) -> None:
        for key in ("one", "two", "three"):
            self.run_command("set", key, "1")
        for key in ("brief", "fleeting"):
            self.run_command("set", key, "1", "--ttl", "12h")
        self.run_command("lock", "lock", "owner", "--ttl", "12h")
        for key in ("one", "two", "absent"):
            self.run_command("get", key)
        for expression, value in (('up{job="kv-server"}', 1),
                                  ('kv_commands_total{command="SET",status="OK"}', 5),
                                  ('kv_commands_total{command="GET",status="OK"}', 2),
                                  ('kv_commands_total{command="GET",status="NULL"}', 1),
                                  ('kv_command_duration_seconds_count{command="GET"}', 3),
                                  ("kv_hits_total", 2), ("kv_misses_total", 1), ("kv_keys", 6),
                                  ("kv_keys_with_deadline", 3), ("kv_locks_held", 1), ("kv_lock_waiters", 0),
                                  ("kv_connections", 0), ("kv_persistence_enabled", 1), ("kv_ready", 1)):
            with self.subTest(expression):
                self.wait_for_value(expression, value)
        [target] = self.prometheus.ask("targets")["activeTargets"]
        self.assertEqual((target["health"], target["lastError"]), ("up", ""))

    def test_every_alert_rule_is_evaluated_and_none_fires(self) -> None:
        self.wait_for_value('up{job="kv-server"}', 1)

        def all_rules() -> Any:
            rules = [rule for group in self.prometheus.ask("rules")["groups"] for rule in group["rules"]]
            return rules if all(rule["health"] != "unknown" for rule in rules) else None
        rules = self.prometheus.wait_for(all_rules)
        self.assertGreaterEqual(len(rules), 9)
        for rule in rules:
            self.assertEqual((rule["health"], rule["state"]), ("ok", "inactive"), rule["name"])

    def test_a_server_that_is_gone_is_down(self) -> None:
        self.wait_for_value('up{job="kv-server"}', 1)
        self.server.stop()
        self.wait_for_value('up{job="kv-server"}', 0)
        self.prometheus.wait_for(lambda: "KvServerDown" in [
            alert["labels"]["alertname"] for alert in self.prometheus.ask("alerts")["alerts"]])

    def test_every_graph_of_the_dashboard_can_be_drawn(self) -> None:
        dashboard = json.loads((Path(os.environ["MONITORING"]) / "dashboard.json").read_text(encoding="utf-8"))
        self.wait_for_value("kv_ready", 1)
        asked = 0
        for expression in expressions(dashboard):
            with self.subTest(expression):
                self.prometheus.ask("query", query=expression)
                asked += 1
        self.assertGreater(asked, 20)


if __name__ == "__main__":
    unittest.main()

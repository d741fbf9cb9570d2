"""Traces of the real server, as a collector gets them."""

import json
import struct
import sys
import tempfile
import threading
import unittest
from pathlib import Path
from typing import Any

import jsonschema

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "docs"))
sys.path.insert(0, str(HERE))

from collector import Collector  # noqa: E402
from live_server import LiveServer  # noqa: E402


def commands() -> dict[str, int]:
    from live_server import run_server
    return {row["name"]: row["byte"] for row in json.loads(run_server("--print-commands"))}


def frame(byte: int, payload: bytes) -> bytes:
    return struct.pack(">BI", byte, len(payload)) + payload


def sized(text: bytes) -> bytes:
    return struct.pack(">H", len(text)) + text


def read_reply(stream: Any) -> tuple[int, bytes]:
    status, size = struct.unpack(">BI", stream.read(5))
    return status, stream.read(size)


class Tracing(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.byte = commands()
        cls.schema = json.loads((HERE / "traces.schema.json").read_text(encoding="utf-8"))
        jsonschema.Draft7Validator.check_schema(cls.schema)

    def start(self, *flags: str) -> None:
        self.collector = self.enterContext(Collector())
        self.server = self.enterContext(
            LiveServer("--otlp-endpoint", self.collector.endpoint, "--otlp-sampling-ratio", "1", *flags))

    def connect(self) -> Any:
        socket = self.enterContext(self.server.connect())
        return socket, self.enterContext(socket.makefile("rb"))

    def run_requests(self, *requests: bytes) -> list[tuple[int, bytes]]:
        """On a connection of their own, all at once."""
        socket, stream = self.connect()
        socket.sendall(b"".join(requests))
        return [read_reply(stream) for _ in requests]

    def batch_of(self, *names: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        """The batch with these steps, and the steps, once the collector has it."""
        def find(spans: list[dict[str, Any]]) -> Any:
            for root in spans:
                steps = [span for span in spans if span.get("parentSpanId") == root["spanId"]]
                if root["name"] == "batch" and [step["name"] for step in steps] == list(names):
                    return root, steps
            return None
        return self.collector.wait_for(find)

    def tearDown(self) -> None:
        for body in self.collector.bodies():
            jsonschema.validate(body, self.schema)

    def attributes(self, span: dict[str, Any]) -> dict[str, Any]:
        return {each["key"]: next(iter(each["value"].values())) for each in span["attributes"]}

    def test_a_batch_has_a_step_for_each_request(self) -> None:
        self.start()
        self.run_requests(frame(self.byte["PING"], b""), frame(self.byte["GET"], b"absent"),
                          frame(self.byte["GET"], b""), frame(0xFF, b""))
        root, steps = self.batch_of("PING", "GET", "GET", "unknown")
        self.assertEqual(self.attributes(root)["kv.requests"], "4")
        self.assertRegex(self.attributes(root)["client.address"], r"^127\.0\.0\.1:\d+$")
        self.assertNotIn("parentSpanId", root)
        self.assertEqual(root["kind"], 2)
        for step in steps:
            self.assertEqual(step["traceId"], root["traceId"])
            self.assertLessEqual(int(root["startTimeUnixNano"]), int(step["startTimeUnixNano"]))
            self.assertLessEqual(int(step["startTimeUnixNano"]), int(step["endTimeUnixNano"]))
            self.assertLessEqual(int(step["endTimeUnixNano"]), int(root["endTimeUnixNano"]))
        self.assertEqual([step.get("status") for step in steps],
                         [None, None, {"code": 2, "message": "KEY"}, {"code": 2, "message": "COMMAND"}])

    def test_a_connection_is_a_trace_too(self) -> None:
        self.start()
        self.run_requests(frame(self.byte["PING"], b""))
        accept = self.collector.wait_for(lambda spans: next((s for s in spans if s["name"] == "accept"), None))
        self.assertEqual(self.attributes(accept)["kv.connection.id"], "1")

    def test_keys_and_values_are_not_told(self) -> None:
        self.start()
        self.run_requests(frame(self.byte["GET"], b"the secret key"))
        self.batch_of("GET")
        self.assertNotIn("secret", json.dumps(self.collector.bodies()))

    def test_who_waits_for_a_lock_has_a_step_for_it(self) -> None:
        self.start()
        hold = sized(b"lock") + sized(b"one") + struct.pack(">Q", 60_000)
        self.run_requests(frame(self.byte["LOCK"], hold))
        socket, stream = self.connect()
        wait = sized(b"lock") + sized(b"two") + struct.pack(">QQ", 60_000, 60_000)
        socket.sendall(frame(self.byte["ACQUIRE"], wait))
        waiter = threading.Thread(target=read_reply, args=[stream])
        waiter.start()
        self.collector.wait_for(lambda spans: sum(span["name"] == "accept" for span in spans) >= 2)
        self.run_requests(frame(self.byte["UNLOCK"], sized(b"lock") + sized(b"one")))
        waiter.join()
        socket.close()
        self.batch_of("ACQUIRE", "lock wait")

    def test_who_waits_for_the_log_has_a_step_for_it(self) -> None:
        folder = self.enterContext(tempfile.TemporaryDirectory())
        self.start("--data-dir", folder + "/data", "--fsync", "always")
        self.run_requests(frame(self.byte["INCR"], sized(b"key") + struct.pack(">q", 1)))
        self.batch_of("INCR", "log wait")

    def test_heavy_requests_are_told_as_well(self) -> None:
        self.start()
        self.run_requests(frame(self.byte["FLUSH"], b""))
        self.batch_of("FLUSH")

    def test_what_is_left_at_the_end_is_sent(self) -> None:
        with Collector() as self.collector:
            with LiveServer("--otlp-endpoint", self.collector.endpoint, "--otlp-sampling-ratio", "1") as self.server:
                self.run_requests(frame(self.byte["PING"], b""))
                self.doCleanups()  # the connection
            self.batch_of("PING")

    def test_a_ratio_of_nothing_sends_nothing(self) -> None:
        with Collector() as self.collector:
            flags = ("--otlp-endpoint", self.collector.endpoint, "--otlp-sampling-ratio", "0")
            with LiveServer(*flags) as self.server:
                self.run_requests(*[frame(self.byte["PING"], b"")] * 1_000)
                self.doCleanups()
            self.assertEqual(self.collector.bodies(), [])


if __name__ == "__main__":
    unittest.main()

"""A collector of traces: takes what is POSTed to /v1/traces, and keeps it."""

import http.server
import json
import threading
import time
from typing import Any, Callable

PATIENCE_S = 30


class Collector:
    """Listens on a free port of 127.0.0.1 while entered."""

    def __enter__(self) -> "Collector":
        self._bodies: list[Any] = []
        self._changed = threading.Condition()
        collector = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:  # noqa: N802, the base class calls it so
                body = self.rfile.read(int(self.headers["Content-Length"]))
                good = self.path == "/v1/traces" and self.headers["Content-Type"] == "application/json"
                with collector._changed:
                    collector._bodies.append(json.loads(body) if good else f"{self.path} {self.headers}")
                    collector._changed.notify_all()
                self.send_response(200)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *_: object) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()
        self.endpoint = f"http://127.0.0.1:{self._server.server_port}"
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def bodies(self) -> list[Any]:
        with self._changed:
            return list(self._bodies)

    def spans(self) -> list[dict[str, Any]]:
        return [span for body in self.bodies() for resource in body["resourceSpans"]
                for scope in resource["scopeSpans"] for span in scope["spans"]]

    def wait_for(self, condition: Callable[[list[dict[str, Any]]], Any]) -> Any:
        """What the condition says of all spans, once it is true of them."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            if found := condition(self.spans()):
                return found
            with self._changed:
                if not self._changed.wait(deadline - time.monotonic()):
                    names = [span["name"] for span in self.spans()]
                    raise AssertionError(f"the collector has waited in vain; it has {names}")

"""A Prometheus of one's own, set up as tools/monitoring has it, but for where the server is and how often it asks.

The environment's PROMETHEUS names the program, MONITORING the folder.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any, Callable

from live_server import die_with_parent

PATIENCE_S = 60
INTERVAL = "200ms"


class Prometheus:
    """Scrapes 127.0.0.1:target while entered."""

    def __init__(self, target: int) -> None:
        self._target = target

    def __enter__(self) -> "Prometheus":
        self._folder = Path(tempfile.mkdtemp())
        try:
            self._configure()
            self._start()
        except BaseException:
            shutil.rmtree(self._folder)
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(PATIENCE_S)
        finally:
            self._process.kill()
            self._process.wait()
            self._log.close()
            shutil.rmtree(self._folder)

    def ask(self, path: str, **parameters: str) -> Any:
        """What its API answers; AssertionError where that is no success."""
        url = f"http://127.0.0.1:{self._port}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        try:
            with urllib.request.urlopen(url, timeout=PATIENCE_S) as reply:
                said = json.load(reply)
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{url}: {error.read().decode()}") from None
        if said["status"] != "success":
            raise AssertionError(f"{url}: {said}")
        return said["data"]

    def value_of(self, expression: str) -> float | None:
        """Of the one series that the expression gives; None where it gives none."""
        result = self.ask("query", query=expression)["result"]
        return float(result[0]["value"][1]) if len(result) == 1 else None

    def wait_for(self, condition: Callable[[], Any]) -> Any:
        """What the condition says once it is true. AssertionError, with the log, where that takes too long."""
        deadline = time.monotonic() + PATIENCE_S
        while not (found := condition()):
            if time.monotonic() > deadline or self._process.poll() is not None:
                raise AssertionError((self._folder / "log").read_text(encoding="utf-8"))
            time.sleep(0.05)
        return found

    def _configure(self) -> None:
        shipped = Path(os.environ["MONITORING"])
        shutil.copy(shipped / "alerts.yml", self._folder)
        settings = (shipped / "prometheus.yml").read_text(encoding="utf-8")
        intervals = f"scrape_interval: {INTERVAL}\n  evaluation_interval: {INTERVAL}"
        for written, here in (("scrape_interval: 15s", intervals), ("127.0.0.1:6381", f"127.0.0.1:{self._target}")):
            assert settings.count(written) == 1, f"prometheus.yml without {written}"
            settings = settings.replace(written, here)
        (self._folder / "prometheus.yml").write_text(settings, encoding="utf-8")

    def _start(self) -> None:
        # It doesn't tell which port it was given for 0. Until it listens nobody else gets one just given back, mostly.
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        self._log = (self._folder / "log").open("w", encoding="utf-8")
        self._process = subprocess.Popen(
            [os.environ["PROMETHEUS"], f"--config.file={self._folder}/prometheus.yml",
             f"--storage.tsdb.path={self._folder}/data", f"--web.listen-address=127.0.0.1:{self._port}"],
            stdout=self._log, stderr=subprocess.STDOUT, preexec_fn=die_with_parent)
        self.wait_for(self._is_ready)

    def _is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/-/ready", timeout=PATIENCE_S):
                return True
        except OSError:
            return False

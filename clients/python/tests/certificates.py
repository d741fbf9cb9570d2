"""An authority and the certificates that it issues, as files, made by the program openssl."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import List, NamedTuple


class Certificate(NamedTuple):
    cert: str
    key: str


class Authority:
    def __init__(self, folder: Path, name: str = "ca") -> None:
        self._folder = folder
        self.file, self._key = str(folder / f"{name}.pem"), str(folder / f"{name}.key")
        _openssl("req", "-x509", *_new(name, self._key, self.file), "-days", "2")

    def issue(self, name: str, names: str = "DNS:localhost,IP:127.0.0.1", days: int = 2) -> Certificate:
        """One whose common name is `name` and whose other names are `names`. It has expired where `days` is below 0."""
        cert, key, request = (str(self._folder / f"{name}.{end}") for end in ("pem", "key", "csr"))
        _openssl("req", *_new(name, key, request), "-addext", f"subjectAltName={names}")
        signing = ["-CA", self.file, "-CAkey", self._key, "-copy_extensions", "copyall", "-days", str(days)]
        _openssl("x509", "-req", "-in", request, *signing, "-out", cert)
        return Certificate(cert, key)


def _new(name: str, key: str, out: str) -> List[str]:
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    return [*curve, "-subj", f"/CN={name}", "-keyout", key, "-out", out]


def _openssl(*arguments: str) -> None:
    done = subprocess.run(["openssl", *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr

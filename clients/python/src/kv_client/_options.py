"""Where to connect to and how: addresses, URLs, time limits and retries."""

from __future__ import annotations

import random
import ssl
from dataclasses import dataclass, field, replace
from typing import Dict, Optional, Union
from urllib.parse import parse_qsl, unquote, urlsplit

from .errors import KvConnectionError, KvTimeoutError

DEFAULT_ADDRESS = "127.0.0.1:6380"
DEFAULT_PORT = 6380
DEFAULT_TIMEOUT = 5.0

_URL_IS = "a URL is kv[s]://[user:password@]host[:port][/namespace][?name=value], with all else written %XX"

Tls = Union[None, bool, ssl.SSLContext]
"""None: as the address says (`kvs://`). True: with the system's authorities. A context: as that says."""


@dataclass(frozen=True)
class Retry:
    """How often and when a command is tried again where the connection was lost.

    Tried again are commands that can't have reached the server, and those that do and answer the same when carried out
    twice (GET and SET, not INCR). After the nth try it waits a random time of up to `base * 2**n` seconds, `cap` at
    most. What timed out is not tried again, and of what the server answers only BUSY.
    """

    attempts: int = 3
    base: float = 0.02
    cap: float = 1.0

    def delay(self, attempt: int) -> float:
        """Seconds to wait after the `attempt`th try, counted from 1."""
        return random.uniform(0, min(self.cap, self.base * 2.0**attempt))

    def tries_again(self, error: KvConnectionError, idempotent: bool, attempt: int) -> bool:
        """Whether a command that failed with `error` at the `attempt`th try is to be sent once more."""
        if attempt >= self.attempts or isinstance(error, KvTimeoutError):
            return False
        return idempotent or not error.outcome_unknown


@dataclass(frozen=True)
class Options:
    """Everything that a connection needs to know."""

    host: str
    port: int
    namespace: str = ""
    user: str = ""
    password: Optional[str] = field(default=None, repr=False)
    tls: Optional[ssl.SSLContext] = None
    timeout: Optional[float] = DEFAULT_TIMEOUT
    connect_timeout: Optional[float] = DEFAULT_TIMEOUT
    retry: Retry = Retry()

    @property
    def prefix(self) -> bytes:
        """What stands before every key."""
        return self.namespace.encode("utf-8") + b":" if self.namespace else b""

    @property
    def names_user(self) -> bool:
        """Whether a connection says at its beginning, by a password or a certificate, who we are."""
        return self.password is not None or self.tls is not None

    @property
    def took_too_long(self) -> str:
        """What is said where connecting takes longer than `connect_timeout`."""
        kind = "TLS connection" if self.tls else "connection"
        return f"{self.place} took no {kind} within {self.connect_timeout} s"

    @property
    def place(self) -> str:
        """Host and port, for messages."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse(
    address: str,
    timeout: Optional[float] = DEFAULT_TIMEOUT,
    connect_timeout: Optional[float] = DEFAULT_TIMEOUT,
    user: Optional[str] = None,
    password: Optional[str] = None,
    tls: Tls = None,
    retry: Optional[Retry] = None,
) -> Options:
    """The options for an address, `host:port[/namespace]`, or a URL, `kv[s]://[user:password@]host:port[/namespace]`.

    The namespace of an address is taken literally, that of a URL has its %XX decoded, like user and password. A URL
    may add `?ca=FILE` (whom to trust), `cert=FILE`, `key=FILE` (who we are), `timeout=S` and `connect_timeout=S`.
    Raises ValueError for anything else.
    """
    if "://" in address:
        options = _parse_url(address, tls, timeout, connect_timeout)
    else:
        place, _, namespace = address.partition("/")
        found = _host_and_port(place)
        if "@" in place or (found is None and "@" in address):
            raise ValueError("user and password stand in a URL: kv://user:password@host:port")
        if found is None:
            raise ValueError(f"an address is host:port or host:port/namespace, not {address!r}")
        options = Options(*found, namespace, "", None, _context(tls), timeout, connect_timeout)
    options = replace(
        options,
        user=options.user if user is None else user,
        password=options.password if password is None else password,
        retry=retry or options.retry,
    )
    if options.user and options.password is None:
        raise ValueError("a user comes with a password; who shows a certificate needs neither")
    for limit in (options.timeout, options.connect_timeout):
        if limit is not None and not limit > 0:
            raise ValueError(f"a time limit is above 0 seconds, or None for any time, not {limit}")
    return options


# What is no address may have a password in it, so messages show nothing that could be one.


def _parse_url(url: str, tls: Tls, timeout: Optional[float], connect_timeout: Optional[float]) -> Options:
    try:
        parts = urlsplit(url)
        settings = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)))
    except ValueError:
        raise ValueError(_URL_IS) from None
    if parts.scheme not in ("kv", "kvs"):
        raise ValueError(f"a URL begins with kv:// or kvs://, not {parts.scheme}://")
    login, _, place = parts.netloc.rpartition("@")
    found = _host_and_port(place)
    if found is None or parts.fragment:
        raise ValueError(_URL_IS)
    user, colon, password = login.partition(":")
    context = _context(tls if tls is not None or parts.scheme == "kv" else True, settings)
    options = Options(
        *found,
        unquote(parts.path[1:]),
        unquote(user),
        unquote(password) if colon else None,
        context,
        _seconds(settings, "timeout", timeout),
        _seconds(settings, "connect_timeout", connect_timeout),
    )
    if settings:
        raise ValueError(f"a URL can't set {', '.join(sorted(settings))}")
    return options


def _host_and_port(place: str) -> "Optional[tuple[str, int]]":
    if place.startswith("["):
        host, _, port = place[1:].partition("]")
        port = port[1:] if port.startswith(":") else port
    else:
        host, _, port = place.partition(":")
    if not host or (port and not (port.isascii() and port.isdigit() and int(port) < 65536)):
        return None
    return host, int(port or DEFAULT_PORT)


def _seconds(settings: Dict[str, str], name: str, default: Optional[float]) -> Optional[float]:
    return float(settings.pop(name)) if name in settings else default


def _context(tls: Tls, settings: Optional[Dict[str, str]] = None) -> Optional[ssl.SSLContext]:
    settings = settings if settings is not None else {}
    ca, cert, key = settings.pop("ca", None), settings.pop("cert", None), settings.pop("key", None)
    if isinstance(tls, ssl.SSLContext):
        return tls
    if not tls:
        if ca or cert or key:
            raise ValueError("ca, cert and key are for kvs://")
        return None
    context = ssl.create_default_context(cafile=ca)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if cert:
        context.load_cert_chain(cert, key)
    return context

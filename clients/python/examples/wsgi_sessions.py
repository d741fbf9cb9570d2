"""Sessions for any WSGI application: the cookie has a random name, and what belongs to it is a Map on the server.

    app.wsgi_app = Sessions(app.wsgi_app, KvPool.connect(PoolConfig("127.0.0.1:6380/sessions")))

The application finds a dict in `environ["kv.session"]` and changes it as it likes. What it may hold is what kv-server
stores: numbers, text, bytes, lists, dicts, None. A session ends when it has not been used for `lifetime` seconds.
"""

from __future__ import annotations

import secrets
from http.cookies import SimpleCookie
from typing import Any, Callable, Dict, Iterable, List, Optional, Tuple

from kv_client.sync import KvPool

Environ = Dict[str, Any]
Headers = List[Tuple[str, str]]
StartResponse = Callable[..., Any]
Application = Callable[[Environ, StartResponse], Iterable[bytes]]
COOKIE = "session"


class Sessions:
    """The middleware."""

    def __init__(self, application: Application, pool: KvPool, lifetime: float = 3600.0) -> None:
        self._application = application
        self._pool = pool
        self._lifetime = lifetime

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        name, session = self._load(environ.get("HTTP_COOKIE", ""))
        environ["kv.session"] = session

        def start(status: str, headers: Headers, exc_info: Optional[Any] = None) -> Any:
            if session:
                self._pool.set(name, session, self._lifetime)
                cookie = f"{COOKIE}={name}; Path=/; HttpOnly; SameSite=Lax"
                headers = [*headers, ("Set-Cookie", cookie)]
            else:
                self._pool.delete(name)
            return start_response(status, headers, exc_info) if exc_info else start_response(status, headers)

        return self._application(environ, start)

    def _load(self, cookies: str) -> Tuple[str, Dict[str, Any]]:
        """The name and the content of a session: a new one unless the cookie names one that is there."""
        jar: "SimpleCookie[str]" = SimpleCookie(cookies)
        cookie = jar.get(COOKIE)
        if cookie is not None and cookie.value:
            session = self._pool.get(cookie.value)
            if isinstance(session, dict):
                return cookie.value, session
        return secrets.token_urlsafe(24), {}

"""Sessions for any ASGI application: the cookie has a random name, and what belongs to it is a Map on the server.

    app = Sessions(app, "127.0.0.1:6380/sessions")

The application finds a dict in `scope["session"]` and changes it as it likes, as with other session middleware. What
it may hold is what kv-server stores. A session ends when it has not been used for `lifetime` seconds.
"""

from __future__ import annotations

import secrets
from http.cookies import SimpleCookie
from typing import Any, Awaitable, Callable, Dict, MutableMapping, Optional, Tuple

from kv_client import KvPool, PoolConfig

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]
COOKIE = "session"


class Sessions:
    """The middleware. It connects at the first request, in the event loop that serves it."""

    def __init__(self, application: Application, address: str, lifetime: float = 3600.0) -> None:
        self._application = application
        self._config = PoolConfig(address, min_size=0)
        self._lifetime = lifetime
        self._pool: Optional[KvPool] = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        if self._pool is None:
            self._pool = await KvPool.connect(self._config)
        pool = self._pool
        name, session = await self._load(pool, scope)
        scope["session"] = session

        async def send_with_cookie(message: Message) -> None:
            if message["type"] == "http.response.start":
                if session:
                    await pool.set(name, session, self._lifetime)
                    cookie = f"{COOKIE}={name}; Path=/; HttpOnly; SameSite=Lax".encode("ascii")
                    message["headers"] = [*message.get("headers", []), (b"set-cookie", cookie)]
                else:
                    await pool.delete(name)
            await send(message)

        await self._application(scope, receive, send_with_cookie)

    async def close(self) -> None:
        """Ends the connections."""
        if self._pool is not None:
            await self._pool.close()

    async def _load(self, pool: KvPool, scope: Scope) -> Tuple[str, Dict[str, Any]]:
        """The name and the content of a session: a new one unless the cookie names one that is there."""
        cookies = b"; ".join(value for header, value in scope["headers"] if header == b"cookie").decode("latin-1")
        jar: "SimpleCookie[str]" = SimpleCookie(cookies)
        cookie = jar.get(COOKIE)
        if cookie is not None and cookie.value:
            session = await pool.get(cookie.value)
            if isinstance(session, dict):
                return cookie.value, session
        return secrets.token_urlsafe(24), {}

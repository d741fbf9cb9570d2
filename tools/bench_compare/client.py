"""What kv-bench doesn't ask: deleting chosen keys, and single requests to kv-server and redis-server."""

import socket
import struct
from collections.abc import Sequence

from bench import Failed
from servers import Server

TIMEOUT_S = 60
BATCH = 1000

# By protocol: how a key is deleted, and the answer that it was there.
DELETE = {
    "kv": (lambda key: b"\x03" + struct.pack(">I", len(key)) + key, b"\x00\x00\x00\x00\x01\x01"),
    "resp": (lambda key: b"*2\r\n$3\r\nDEL\r\n$%d\r\n%b\r\n" % (len(key), key), b":1\r\n"),
    "memcached": (lambda key: b"delete %b\r\n" % key, b"DELETED\r\n"),
}
# A request that any server of this protocol answers, with whatever it likes.
PING = {"kv": b"\x08\x00\x00\x00\x00", "resp": b"*1\r\n$4\r\nPING\r\n", "memcached": b"version\r\n"}

# How the answer begins when it is one, and not that the server is still loading.
ANSWERED = {"kv": b"\x00", "resp": b"+", "memcached": b"V"}

GET, SET, DEL, INFO, FLUSH, SNAPSHOT, LASTSAVE = 0x01, 0x02, 0x03, 0x09, 0x1B, 0x80, 0x81
OK = 0x00
BYTES = 0x05


def connect(server: Server) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", server.port), TIMEOUT_S)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def receive(connection: socket.socket, size: int) -> bytearray:
    """Exactly `size` bytes."""
    data = bytearray(size)
    view = memoryview(data)
    while view:
        count = connection.recv_into(view)
        if count == 0:
            raise Failed("the server closed a connection")
        view = view[count:]
    return data


def answers_ping(server: Server) -> bool:
    with connect(server) as connection:
        connection.sendall(PING[server.target.proto])
        return receive(connection, 1) == ANSWERED[server.target.proto]


def key_format(keys: int, key_bytes: int) -> bytes:
    """The keys of kv-bench: `%` with an index makes one."""
    prefix = b"key:" if key_bytes >= len(str(keys - 1)) + len(b"key:") else b""
    return b"%b%%0%dd" % (prefix, key_bytes - len(prefix))


def delete(server: Server, keys: Sequence[bytes]) -> None:
    """One request a key, many of them at once. Each key must be there."""
    request, reply = DELETE[server.target.proto]
    with connect(server) as connection:
        for first in range(0, len(keys), BATCH):
            batch = keys[first:first + BATCH]
            connection.sendall(b"".join(map(request, batch)))
            if receive(connection, len(batch) * len(reply)) != reply * len(batch):
                raise Failed(f"{server.target.name} has not deleted all that was there")


class KvClient:
    """One connection to a server that speaks kv-server's protocol, and one request at a time on it."""

    def __init__(self, server: Server) -> None:
        self._connection = connect(server)

    def __enter__(self) -> "KvClient":
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def ask(self, command: int, payload: bytes = b"") -> tuple[int, bytearray]:
        """The status and the payload of the answer."""
        self._connection.sendall(struct.pack(">BI", command, len(payload)))
        self._connection.sendall(payload)
        status, size = struct.unpack(">BI", receive(self._connection, 5))
        return status, receive(self._connection, size)


class RedisClient:
    """One connection to redis-server, and one command at a time on it."""

    def __init__(self, server: Server) -> None:
        self._connection = connect(server)
        self._lines = self._connection.makefile("rb")

    def __enter__(self) -> "RedisClient":
        return self

    def __exit__(self, *_: object) -> None:
        self._lines.close()
        self._connection.close()

    def ask(self, *words: str) -> str:
        """The answer, which must be a text."""
        parts = [b"$%d\r\n%b\r\n" % (len(word), word) for word in map(str.encode, words)]
        self._connection.sendall(b"*%d\r\n" % len(parts) + b"".join(parts))
        head = self._lines.readline().decode()
        if head.startswith("+"):
            return head[1:].strip()
        if head.startswith("$"):
            return self._lines.read(int(head[1:]) + len("\r\n")).decode().rstrip()
        raise Failed(f"redis-server answers {' '.join(words)} with {head!r}")


def encode_set(key: bytes, value: bytes) -> bytes:
    """The payload of a SET without expiry, of a value of bytes."""
    return struct.pack(">H", len(key)) + key + struct.pack(">Q", 0) + encode_bytes(value)


def encode_bytes(value: bytes) -> bytes:
    return struct.pack(">BI", BYTES, len(value)) + value

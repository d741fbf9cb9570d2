"""What can go wrong, as a hierarchy by the words of the protocol.

Everything that the client itself raises once a command is on its way is a `KvError`, and a `RuntimeError` too. Where
Python has an exception of the same meaning, the class is that as well: a `WrongTypeError` is a `TypeError`. Arguments
that can't be sent (a ttl below zero, a type that the protocol doesn't know) are plain `TypeError`, `ValueError` and
`OverflowError`, raised before anything is sent.
"""

from __future__ import annotations

from typing import Dict, Type


class KvError(RuntimeError):
    """The base of all errors of this package.

    `word` is the stable word that the server sent, such as `WRONGTYPE`, or empty where the client found the fault.
    """

    word: str = ""


class ClosedError(KvError):
    """The client or pool was closed before, or while, it was asked."""


class KvConnectionError(KvError, ConnectionError):
    """There is no connection, or it was lost.

    `outcome_unknown` is True where the request had been sent already: it may or may not have been carried out.
    """

    outcome_unknown: bool = False


class KvTimeoutError(KvConnectionError, TimeoutError):
    """No answer came in time. The connection that it would have come on is given up."""


class PoolTimeoutError(KvTimeoutError):
    """All connections of the pool were busy for the whole of `acquire_timeout`."""


class ProtocolError(KvError):
    """What came is no answer of a kv-server. The connection is given up."""


class ServerError(KvError):
    """The server's answer was ERROR or INVALID. The base of the classes below, and used for words unknown to them."""


class InvalidRequestError(ServerError):
    """INVALID: the server doesn't understand the request."""


class UnknownCommandError(InvalidRequestError, NotImplementedError):
    """COMMAND: the server has no such command; it is older than this client."""

    word = "COMMAND"


class FrameError(InvalidRequestError, ValueError):
    """FRAME: a payload that ends too early or has bytes left over."""

    word = "FRAME"


class TooLargeError(InvalidRequestError, ValueError):
    """TOOLARGE: the request, or the answer to it, is over the server's limit of a payload."""

    word = "TOOLARGE"


class InvalidKeyError(InvalidRequestError, ValueError):
    """KEY: the key is empty, over-long or not UTF-8."""

    word = "KEY"


class InvalidValueError(InvalidRequestError, ValueError):
    """VALUE: a value that is not well-formed."""

    word = "VALUE"


class InvalidArgumentError(InvalidRequestError, ValueError):
    """ARGUMENT: a field out of its range."""

    word = "ARGUMENT"


class WrongTypeError(ServerError, TypeError):
    """WRONGTYPE: the key holds a value of a type that the command can't work on."""

    word = "WRONGTYPE"


class NumberOverflowError(ServerError, OverflowError):
    """OVERFLOW: the result doesn't fit its type; the value stays as it was."""

    word = "OVERFLOW"


class LockedError(ServerError):
    """LOCKED: another owner holds the lock."""

    word = "LOCKED"


class AuthenticationError(ServerError, PermissionError):
    """NOAUTH: the server wants a user and password, or doesn't know these."""

    word = "NOAUTH"


class NoPermissionError(ServerError, PermissionError):
    """NOPERM: this user may not do that."""

    word = "NOPERM"


class OutOfMemoryError(ServerError, MemoryError):
    """OOM: the server is over its memory limit and may not evict anything."""

    word = "OOM"


class ReadOnlyError(ServerError):
    """READONLY: the server refuses writes at present."""

    word = "READONLY"


class BusyError(ServerError, KvConnectionError):
    """BUSY: the server has as many connections as it takes. Nothing was carried out."""

    word = "BUSY"


class InternalError(ServerError):
    """INTERNAL: the server is at fault."""

    word = "INTERNAL"


_BY_WORD: Dict[str, Type[ServerError]] = {
    error.word: error
    for error in (
        UnknownCommandError, FrameError, TooLargeError, InvalidKeyError, InvalidValueError, InvalidArgumentError,
        WrongTypeError, NumberOverflowError, LockedError, AuthenticationError, NoPermissionError, OutOfMemoryError,
        ReadOnlyError, BusyError, InternalError,
    )
}


def server_error(text: str, invalid: bool) -> ServerError:
    """The error for the text of an ERROR (or INVALID) response; a word that is not known goes by its status."""
    word = text.partition(" ")[0]
    kind = _BY_WORD.get(word, InvalidRequestError if invalid else ServerError)
    error = kind(text)
    error.word = word
    return error

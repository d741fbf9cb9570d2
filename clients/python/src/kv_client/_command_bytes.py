"""The command bytes. Written by tools/generate_commands.py from `kv-server --print-commands`: don't edit."""

from __future__ import annotations

from typing import Dict

GET = 0x01
SET = 0x02
DEL = 0x03
EXISTS = 0x04
INCR = 0x05
DECR = 0x06
CAS = 0x07
PING = 0x08
INFO = 0x09
SETNX = 0x0A
LOCK = 0x0B
UNLOCK = 0x0C
EXTEND = 0x0D
MGET = 0x0E
MSET = 0x0F
MDEL = 0x10
MEXISTS = 0x11
EXPIRE = 0x12
TTL = 0x13
PERSIST = 0x14
SWAP = 0x15
TAKE = 0x16
SCAN = 0x17
TYPE = 0x18
ADD = 0x19
ACQUIRE = 0x1A
FLUSH = 0x1B
AUTH = 0x28
SNAPSHOT = 0x80
LASTSAVE = 0x81
WHOAMI = 0x82
ACL = 0x83
CLIENT = 0x84
SLOWLOG = 0x85
MONITOR = 0x86
KEYS = 0x87
LATENCY = 0x88
MEMORY = 0x89
CONFIG = 0x8A

NAMES: Dict[int, str] = {
    GET: "GET",
    SET: "SET",
    DEL: "DEL",
    EXISTS: "EXISTS",
    INCR: "INCR",
    DECR: "DECR",
    CAS: "CAS",
    PING: "PING",
    INFO: "INFO",
    SETNX: "SETNX",
    LOCK: "LOCK",
    UNLOCK: "UNLOCK",
    EXTEND: "EXTEND",
    MGET: "MGET",
    MSET: "MSET",
    MDEL: "MDEL",
    MEXISTS: "MEXISTS",
    EXPIRE: "EXPIRE",
    TTL: "TTL",
    PERSIST: "PERSIST",
    SWAP: "SWAP",
    TAKE: "TAKE",
    SCAN: "SCAN",
    TYPE: "TYPE",
    ADD: "ADD",
    ACQUIRE: "ACQUIRE",
    FLUSH: "FLUSH",
    AUTH: "AUTH",
    SNAPSHOT: "SNAPSHOT",
    LASTSAVE: "LASTSAVE",
    WHOAMI: "WHOAMI",
    ACL: "ACL",
    CLIENT: "CLIENT",
    SLOWLOG: "SLOWLOG",
    MONITOR: "MONITOR",
    KEYS: "KEYS",
    LATENCY: "LATENCY",
    MEMORY: "MEMORY",
    CONFIG: "CONFIG",
}

"""Sessions by Redis itself. pip install redis; python session.py make VALUE | read KEY | end KEY"""

import os
import secrets
import sys

import redis

PREFIX = "swampdragon:session:"  # session_key_prefix
TTL_MS = 30 * 60 * 1000  # session_ttl

store = redis.Redis.from_url(os.environ.get("REDIS_URL", "redis://127.0.0.1:6379"), decode_responses=True)


def make(value):
    key = secrets.token_hex(32)
    store.set(PREFIX + key, value, px=TTL_MS)
    return key  # for the page: dragon.session = key


def read(key):
    return store.get(PREFIX + key)  # None: it has run out, or was ended


def end(key):
    return store.delete(PREFIX + key) == 1


if __name__ == "__main__":
    print({"make": make, "read": read, "end": end}[sys.argv[1]](sys.argv[2]))

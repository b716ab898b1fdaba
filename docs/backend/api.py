"""Sessions by SwampDragon's own server. python api.py make VALUE | read KEY | end KEY"""

import json
import os
import sys
import urllib.error
import urllib.request

ADMIN = os.environ.get("SWAMP_DRAGON_ADMIN", "http://127.0.0.1:9998")  # admin_listen
TOKEN = os.environ["SWAMP_DRAGON_ADMIN_TOKEN"]


def ask(method, path, body=None):
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/octet-stream"}
    request = urllib.request.Request(ADMIN + path, body, headers, method=method)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return answer.read()


def make(value):
    return json.loads(ask("POST", "/sessions", value.encode()))["session"]


def read(key):
    try:
        return ask("GET", f"/sessions/{key}").decode()
    except urllib.error.HTTPError as error:
        if error.code == 404:  # it has run out, or was ended
            return None
        raise


def end(key):  # and close its pages
    return json.loads(ask("POST", f"/sessions/{key}/revoke"))["existed"]


if __name__ == "__main__":
    print({"make": make, "read": read, "end": end}[sys.argv[1]](sys.argv[2]))

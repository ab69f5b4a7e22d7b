"""What the clients in Python share: the body, the refusals, and the lines they print."""

import json
import os
import secrets
import sys
import traceback
from array import array
from collections.abc import Callable
from contextlib import closing
from http.client import HTTPConnection, HTTPMessage, HTTPSConnection
from urllib.parse import urlsplit

BODY = array("I", range(int(os.environ["BODY_SIZE"]) // 4)).tobytes()
PART = 5 * 1024 * 1024
ENDPOINT, REGION = os.environ["ENDPOINT"], os.environ["REGION"]
ACCESS_KEY, SECRET_KEY = os.environ["ACCESS_KEY"], os.environ["SECRET_KEY"]
CERTIFICATE = os.environ.get("SSL_CERT_FILE")
ODD_KEYS: list[str] = json.loads(os.environ["ODD_KEYS"])
CONTROL_KEYS: list[str] = json.loads(os.environ["CONTROL_KEYS"])


def bucket_name(client: str) -> str:
    return f"{client}-{secrets.token_hex(6)}"


def same(got: bytes, wanted: bytes) -> None:
    assert got == wanted, f"{len(got)} other bytes"


def refused(words: str, call: Callable[[], object]) -> None:
    """Demand that a call fails with an error whose text has these words."""
    try:
        call()
    except Exception as error:
        if words not in repr(error):
            raise AssertionError(f"not {words}") from error
    else:
        raise AssertionError(f"no {words}")


def send(method: str, url: str, data: bytes = b"") -> tuple[bytes, HTTPMessage]:
    """Body and headers of the answer to a request that says only what its URL does: no Content-Type, which SigV2 covers."""
    parts = urlsplit(url)
    connect = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    with closing(connect(parts.netloc)) as connection:
        connection.request(method, f"{parts.path}?{parts.query}", data)
        got = connection.getresponse()
        body = got.read()
        assert got.status == 200, f"{got.status}: {body!r}"
        return body, got.headers


def answer(operations: dict[str, Callable[[], object]]) -> None:
    """Do the operations that the arguments name, and print a line for each."""
    for name in sys.argv[1:]:
        try:
            operations[name]()
            detail = ""
        except BaseException:
            detail = traceback.format_exc()
        print(json.dumps({"op": name, "ok": not detail, "detail": detail}), flush=True)

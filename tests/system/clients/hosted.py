"""The application as foreign servers load it: a store and a credentials file named by the environment, S3 with `DOMAIN` as its domain.

gunicorn 'tests.system.clients.hosted:wsgi()'
uvicorn --factory tests.system.clients.hosted:asgi
python -m tests.system.clients.hosted HOST PORT        granian over WSGI
"""

import functools
import logging.config
import os
import sys
from typing import Any

from granian.constants import HTTPModes, Interfaces
from granian.server import Server

import engine
from engine.server import Credentials, asgi_app, wsgi_app
from engine.server.access import AccessLog
from engine.server.serve import logging_config

DOMAIN = "s3.partwright.test"
STORE, CREDENTIALS, OPTIONS = "HOSTED_STORE", "HOSTED_CREDENTIALS", "HOSTED_OPTIONS"
THREADS = 8
GRANIAN = {"handlers": ["err"], "level": "WARNING", "propagate": False}


def wsgi() -> Any:
    return _make(wsgi_app)


def asgi() -> Any:
    return _make(asgi_app)


def _make(factory: Any) -> Any:
    logging.config.dictConfig(logging_config())
    options = {name: float(value) for name, value in _pairs(os.environ.get(OPTIONS, ""))}
    credentials = Credentials.load(os.environ[CREDENTIALS])
    store = engine.open(os.environ[STORE])
    return factory(store, credentials=credentials, domains=(DOMAIN,), access_log=AccessLog(), **options)


def _pairs(text: str) -> list[tuple[str, str]]:
    return [(name, value) for name, _, value in (item.partition("=") for item in text.split())]


APPLICATIONS = {"wsgi": (Interfaces.WSGI, wsgi), "asgi": (Interfaces.ASGI, asgi)}


def serve(kind: str, host: str, port: int) -> None:
    """Granian, as its own documentation embeds it."""
    interface, load = APPLICATIONS[kind]
    server = Server(
        "hosted",
        address=host,
        port=port,
        interface=interface,
        blocking_threads=THREADS if interface == Interfaces.WSGI else 1,
        http=HTTPModes.http1,
        websockets=False,
        log_dictconfig=logging_config() | {"loggers": logging_config()["loggers"] | {"_granian": GRANIAN}},
    )
    server.serve(target_loader=functools.partial(load), wrap_loader=False)


if __name__ == "__main__":
    serve(sys.argv[1], sys.argv[2], int(sys.argv[3]))

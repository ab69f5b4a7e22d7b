"""The WSGI application on other hosts than `partwright serve`, with the same settings.

python -m benchmarks.http_wsgi STORE PORT CREDENTIALS          granian
gunicorn "benchmarks.http_wsgi:load('STORE', 'CREDENTIALS')"   gunicorn: bodies from the connection's own socket
"""

import functools
import logging.config
import sys
from typing import Any

from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.server import Server

from engine.server import wsgi_app
from engine.server.access import AccessLog
from engine.server.credentials import Credentials
from engine.server.serve import CONNECTIONS_WAITING_MAX, HEADERS_TIMEOUT_MS, READ_SIZE_MAX, logging_config
from engine.store import open_store

THREADS = 16


def load(store: str, credentials: str) -> Any:
    """The application of one worker."""
    logging.config.dictConfig(logging_config())
    keys = {"customer_keys_in_clear": True, "customer_keys_in_new_buckets": True}
    return wsgi_app(open_store(store), credentials=Credentials.load(credentials), access_log=AccessLog(), **keys)


def main(store: str, port: str, credentials: str) -> None:
    """Serve until SIGTERM."""
    server = Server(
        "partwright",
        port=int(port),
        interface=Interfaces.WSGI,
        blocking_threads=THREADS,
        http=HTTPModes.http1,
        websockets=False,
        backlog=CONNECTIONS_WAITING_MAX,
        http1_settings=HTTP1Settings(header_read_timeout=HEADERS_TIMEOUT_MS, max_buffer_size=READ_SIZE_MAX),
        log_dictconfig=logging_config(),
    )
    server.serve(target_loader=functools.partial(load, store, credentials), wrap_loader=False)


if __name__ == "__main__":
    main(*sys.argv[1:])

"""The WSGI application for a host other than `partwright serve`, with the same settings.

gunicorn "benchmarks.http_wsgi:load('STORE', 'CREDENTIALS')"   bodies come from the connection's own socket
"""

import logging.config
from typing import Any

from engine.server import wsgi_app
from engine.server.access import AccessLog
from engine.server.credentials import Credentials
from engine.server.serve import logging_config
from engine.store import open_store

THREADS = 16


def load(store: str, credentials: str) -> Any:
    """The application of one worker."""
    logging.config.dictConfig(logging_config())
    keys = {"customer_keys_in_clear": True, "customer_keys_in_new_buckets": True}
    return wsgi_app(open_store(store), credentials=Credentials.load(credentials), access_log=AccessLog(), **keys)

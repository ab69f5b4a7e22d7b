"""`partwright serve`: the application on granian, with worker processes that share one store."""

import functools
import ipaddress
import logging
import logging.config
import os
import resource
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.server import Server

from engine.aws_kms import AwsKeyProvider
from engine.core import REGION
from engine.errors import StoreError
from engine.server import asgi_app
from engine.server.access import AccessLog
from engine.server.credentials import Credentials
from engine.server.upkeep import INTERVAL_S_DEFAULT, Upkeep
from engine.store import Store, open_store

READ_SIZE_MAX = 256 * 1024
"""Of a connection at a time: what a body costs goes by the number of reads, what it holds by their size (2 MiB an upload at most)."""
HEADERS_TIMEOUT_MS = 30_000
DRAIN_S_MAX = 30
CONNECTIONS_WAITING_MAX = 1024
CONNECTIONS_MAX = 2048
"""Open at once in one worker; the rest waits to be accepted."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What `partwright serve` was asked for."""

    store: str
    host: str
    port: int
    credentials: Credentials
    region: str = REGION
    domains: tuple[str, ...] = ()
    tls_cert: str | None = None
    tls_key: str | None = None
    workers: int = 1
    threads: int = 64
    log_format: str = "json"
    reap_interval_s: float = INTERVAL_S_DEFAULT
    customer_keys_in_clear: bool = False
    customer_keys_in_new_buckets: bool = False
    presigned_sigv2: bool = True
    key_ring: str | None = None
    key_provider: str = "local"
    kms_key_id: str | None = None


def make_settings(credentials: Credentials | None, *, host: str, port: int, **others: Any) -> tuple[Settings, str]:
    """Settings, and what to tell the operator as it starts; without credentials a fresh random pair is made and told, once.

    Raises:
        StoreError: no credentials and an address that is not loopback: a pair shown on a terminal is for local use.
    """
    told = f"partwright listens on {host}:{port}"
    if credentials is None:
        if not _is_loopback(host):
            raise StoreError(f"without --credentials the server listens on loopback only, not on {host}")
        credentials = Credentials.random()
        (pair,) = credentials
        told += f"\nno --credentials file; for this run: access key {pair.access_key}, secret key {pair.secret_key}"
    return Settings(host=host, port=port, credentials=credentials, **others), told


def _is_loopback(host: str) -> bool:
    return ipaddress.ip_address(host).is_loopback


def serve(settings: Settings, announce: Callable[[], None] = lambda: None) -> None:
    """Serve until SIGTERM or SIGINT, then let the requests under way finish; `announce` is called when nothing stands against it.

    Raises:
        StoreError: the store can't be opened, or the address is another's (found out before the first worker starts).
    """
    _open(settings).close()
    _refuse_taken(settings.host, settings.port)
    _, files_max = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (files_max, files_max))
    server = Server(
        "partwright",
        address=settings.host,
        port=settings.port,
        interface=Interfaces.ASGI,
        workers=settings.workers,
        http=HTTPModes.http1,
        websockets=False,
        backlog=CONNECTIONS_WAITING_MAX,
        backpressure=CONNECTIONS_MAX,
        http1_settings=HTTP1Settings(header_read_timeout=HEADERS_TIMEOUT_MS, max_buffer_size=READ_SIZE_MAX),
        log_dictconfig=logging_config(settings.log_format),
        ssl_cert=Path(settings.tls_cert) if settings.tls_cert else None,
        ssl_key=Path(settings.tls_key) if settings.tls_key else None,
        workers_kill_timeout=DRAIN_S_MAX,
        respawn_failed_workers=True,
    )
    announce()
    server.serve(target_loader=functools.partial(load_application, settings), wrap_loader=False)


def _refuse_taken(host: str, port: int) -> None:
    """Make sure that nobody listens there: granian would share the port with another server of ours (SO_REUSEPORT), and each would get
    some of the requests.
    """
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(
            socket.SOL_SOCKET, socket.SO_REUSEADDR, 1
        )  # what is left of connections that ended is no matter
        try:
            probe.bind((host, port))
        except OSError as error:
            raise StoreError(f"can't listen on {host}:{port}: {os.strerror(error.errno or 0)}") from error


def load_application(settings: Settings) -> Any:
    """The application of one worker process."""
    logging.config.dictConfig(logging_config(settings.log_format))
    store = _open(settings)
    application = asgi_app(
        store,
        credentials=settings.credentials,
        region=settings.region,
        domains=settings.domains,
        threads=settings.threads,
        access_log=AccessLog() if settings.log_format != "none" else None,
        customer_keys_in_clear=settings.customer_keys_in_clear,
        customer_keys_in_new_buckets=settings.customer_keys_in_new_buckets,
        presigned_sigv2=settings.presigned_sigv2,
    )
    application.beside = Upkeep(store, settings.reap_interval_s)
    return application


def _open(settings: Settings) -> Store:
    provider = AwsKeyProvider.of_environment(settings.kms_key_id) if settings.key_provider == "aws" else None
    return open_store(settings.store, key_ring=settings.key_ring, key_provider=provider)


def logging_config(log_format: str) -> dict[str, Any]:
    """Access lines as they are on standard output, everything else on standard error."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"format": "%(message)s"}, "text": {"format": "%(asctime)s %(levelname)s %(message)s"}},
        "handlers": {
            "out": {"class": "logging.StreamHandler", "stream": sys.stdout, "formatter": "line"},
            "err": {"class": "logging.StreamHandler", "stream": sys.stderr, "formatter": "text"},
        },
        "loggers": {
            "partwright.access": {"handlers": ["out"], "level": "INFO", "propagate": False},
            "partwright": {"handlers": ["err"], "level": "INFO", "propagate": False},
            "_granian": {"handlers": ["err"], "level": "WARNING", "propagate": False},
            "botocore": {"level": "INFO"},  # at DEBUG it shows the keys that AWS KMS answers with
        },
    }

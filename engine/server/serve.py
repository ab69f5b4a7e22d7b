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

from engine.encryption.aws_kms import AwsKeyProvider
from engine.errors import StoreError
from engine.server.access import AccessLog
from engine.server.application import Application
from engine.server.asgi import THREADS_DEFAULT, AsgiApplication
from engine.server.credentials import Credentials
from engine.server.options import ServerOptions
from engine.server.upkeep import INTERVAL_S_DEFAULT, Upkeep
from engine.store import Store, open_store

READ_SIZE_MAX = 256 * 1024
"""Bytes read from a connection at a time. Larger reads make a body cheaper, for there are fewer, and let it hold more memory: 2 MiB
an upload at most.
"""
HEADERS_TIMEOUT_MS = 30_000
DRAIN_S_MAX = 30
"""How long requests under way may take to finish when the server is stopped."""
CONNECTIONS_WAITING_MAX = 1024
"""Connections that wait to be accepted."""
CONNECTIONS_MAX = 2048
"""Connections open at once in one worker."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeOptions(ServerOptions):
    """The options of `partwright serve`: those of the application, and those of the processes that run it."""

    store: str
    """Directory of the store; made if it does not exist."""
    listen: tuple[str, int]
    """IP address and port to listen on."""
    credentials: Credentials
    tls_cert: str | None = None
    """PEM file of the certificate chain; None: HTTP without TLS."""
    tls_key: str | None = None
    """PEM file (PKCS#8) of the private key."""
    workers: int = 1
    """Worker processes. They share the store."""
    threads: int = THREADS_DEFAULT
    """Requests worked on at once in each worker."""
    reap_interval_s: float = INTERVAL_S_DEFAULT
    """Seconds between two executions of the lifecycle rules."""
    key_ring: str | None = None
    """File of the keys of SSE-S3; None: `keys` in the store."""
    key_provider: str = "local"
    """Who keeps the keys of SSE-KMS: "local", the key ring, or "aws", AWS KMS as boto3 finds it."""
    kms_key_id: str | None = None
    """The key of AWS KMS for requests that name none."""


def make_options(
    *, listen: tuple[str, int], credentials: str | None = None, log_format: str = "json", **others: Any
) -> tuple[ServeOptions, str]:
    """Return the options, and the text that tells the operator how to reach the server.

    `credentials` is a TOML file. Without one, a random pair of keys is made, and shown in the text, this once. `log_format` is "json"
    or "none", and the others are members of `ServeOptions`.

    Raises:
        StoreError: the file can't be read, or there is none and the address is not loopback: a pair shown on a terminal is for
            local use.
    """
    host, port = listen
    text = f"partwright listens on {host}:{port}"
    if credentials:
        known = Credentials.load(credentials)
    else:
        if not ipaddress.ip_address(host).is_loopback:
            raise StoreError(f"without --credentials the server listens on loopback only, not on {host}")
        known = Credentials.random()
        (pair,) = known
        text += f"\nno --credentials file; for this run: access key {pair.access_key}, secret key {pair.secret_key}"
    access_log = AccessLog() if log_format == "json" else None
    return ServeOptions(listen=listen, credentials=known, access_log=access_log, **others), text


def serve(options: ServeOptions, announce: Callable[[], None] = lambda: None) -> None:
    """Serve until SIGTERM or SIGINT, then let the requests under way finish; `announce` is called when nothing stands against it.

    Raises:
        StoreError: the store can't be opened, or another process listens on the address; both are tried before the first worker starts.
    """
    _open(options).close()
    host, port = options.listen
    _refuse_taken(host, port)
    _, files_max = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (files_max, files_max))
    server = Server(
        "partwright",
        address=host,
        port=port,
        interface=Interfaces.ASGI,
        workers=options.workers,
        http=HTTPModes.http1,
        websockets=False,
        backlog=CONNECTIONS_WAITING_MAX,
        backpressure=CONNECTIONS_MAX,
        http1_settings=HTTP1Settings(header_read_timeout=HEADERS_TIMEOUT_MS, max_buffer_size=READ_SIZE_MAX),
        log_dictconfig=logging_config(),
        ssl_cert=Path(options.tls_cert) if options.tls_cert else None,
        ssl_key=Path(options.tls_key) if options.tls_key else None,
        workers_kill_timeout=DRAIN_S_MAX,
        respawn_failed_workers=True,
    )
    announce()
    server.serve(target_loader=functools.partial(load_application, options), wrap_loader=False)


def _refuse_taken(host: str, port: int) -> None:
    """Refuse an address on which another process listens.

    Granian listens with SO_REUSEPORT, so it would share the port with another server of ours, and each would get some of the requests.
    """
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections that ended do not count
        try:
            probe.bind((host, port))
        except OSError as error:
            raise StoreError(f"can't listen on {host}:{port}: {os.strerror(error.errno or 0)}") from error


def load_application(options: ServeOptions) -> Any:
    """Make the application of one worker process."""
    logging.config.dictConfig(logging_config())
    store = _open(options)
    application = AsgiApplication(
        Application.of_credentials(store, options.credentials, None, options),
        threads=options.threads,
        idle_timeout_s=options.idle_timeout_s,
    )
    application.lifespan = Upkeep(store, options.reap_interval_s)
    return application


def _open(options: ServeOptions) -> Store:
    provider = AwsKeyProvider.of_environment(options.kms_key_id) if options.key_provider == "aws" else None
    return open_store(options.store, key_ring=options.key_ring, key_provider=provider)


def logging_config() -> dict[str, Any]:
    """Return the configuration of `logging`: access lines go to standard output as they are, everything else to standard error."""
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
            "botocore": {"level": "INFO"},  # at DEBUG it shows the data keys that AWS KMS returns
        },
    }

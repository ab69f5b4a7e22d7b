"""`partwright serve`: the application on the host of `engine.server.host`, with worker processes that share one store."""

import functools
import gc
import ipaddress
import json
import logging
import logging.config
import os
import resource
import signal
import socket
import ssl
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from engine.buckets.cors_rules import read_configuration
from engine.encryption.aws_kms import AwsKeyProvider
from engine.errors import S3Error, StoreError
from engine.s3.member_names import snake
from engine.server.access import AccessLog
from engine.server.application import Application
from engine.server.credentials import Credentials
from engine.server.host.main_process import Lines, MainProcess
from engine.server.host.systemd import inherited_listener
from engine.server.host.transport import tls_context
from engine.server.host.worker import DESCRIPTORS_APART, Worker
from engine.server.options import ServerOptions
from engine.server.upkeep import INTERVAL_S_DEFAULT, Upkeep
from engine.store import Store, open_store

CONNECTIONS_WAITING_MAX = 1024
"""Connections that wait to be accepted."""
CONNECTIONS_MAX = 16 * 1024
"""Connections open at once in one worker."""
THREADS_DEFAULT = 64
DESCRIPTORS_MIN = 1024
"""Files that a process must be allowed to open; each connection is one."""
_log = logging.getLogger("partwright.server")


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
    """PEM file of the private key."""
    credentials_file: str | None = None
    """TOML file of the credentials, which is read again at SIGHUP; None: there is none."""
    workers: int = 0
    """Worker processes, which share the store; 0: one for each processor."""
    threads: int = THREADS_DEFAULT
    """Requests at once in each worker that may wait for their clients or for the disk."""
    reap_interval_s: float = INTERVAL_S_DEFAULT
    """Seconds between two executions of the lifecycle rules."""
    key_ring: str | None = None
    """File of the keys of SSE-S3; None: `keys` in the store."""
    key_provider: str = "local"
    """Who keeps the keys of SSE-KMS: "local", the key ring, or "aws", AWS KMS as boto3 finds it."""
    kms_key_id: str | None = None
    """The key of AWS KMS for requests that name none."""


def make_options(
    *,
    listen: tuple[str, int],
    credentials: str | None = None,
    log_format: str = "json",
    default_cors: str | None = None,
    **others: Any,
) -> tuple[ServeOptions, str]:
    """Return the options, and the text that tells the operator how to reach the server.

    `credentials` is a TOML file. Without one, a random pair of keys is made, and shown in the text, this once. `log_format` is "json"
    or "none", `default_cors` is a JSON file, and the others are members of `ServeOptions`.

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
    options = ServeOptions(
        listen=listen,
        credentials=known,
        credentials_file=credentials,
        access_log=access_log,
        default_cors=None if default_cors is None else _read_cors(default_cors),
        **others,
    )
    return options, text


def _read_cors(path: str) -> dict[str, Any]:
    """Read cross-origin rules in S3's JSON: `{"CORSRules": [...]}`.

    Raises:
        StoreError: the file can't be read, or PutBucketCors would refuse the rules.
    """
    try:
        with open(path, encoding="utf-8") as file:
            found = json.load(file, object_pairs_hook=lambda pairs: {snake(name): value for name, value in pairs})
        read_configuration(found)
    except (OSError, ValueError, S3Error) as error:
        raise StoreError(f"{path}: no cross-origin rules: {error}") from error
    return cast(dict[str, Any], found)


def serve(options: ServeOptions, announce: Callable[[], None] = lambda: None) -> None:
    """Serve until SIGTERM or SIGINT, then let the requests under way finish; `announce` is called when all workers serve.

    Raises:
        StoreError: the store or the certificate can't be read, another process listens on the address, or too few files may be open.
    """
    secrets = _Secrets(options)
    _, files_max = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files_max < DESCRIPTORS_MIN:
        raise StoreError(
            f"a process may open {files_max} files here, and serving needs {DESCRIPTORS_MIN}: see ulimit -n"
        )
    resource.setrlimit(resource.RLIMIT_NOFILE, (files_max, files_max))
    _open(options).close()
    listener = _listen(*options.listen)
    logging.config.dictConfig(logging_config())
    count = options.workers or len(os.sched_getaffinity(0))
    work = functools.partial(_work, options, listener, secrets)
    MainProcess(count, work, secrets.read_again).run(announce)


def _listen(host: str, port: int) -> socket.socket:
    try:
        listener = inherited_listener()
        if listener is None:
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            listener = socket.create_server((host, port), family=family, backlog=CONNECTIONS_WAITING_MAX)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise StoreError(f"can't listen on {host}:{port}: {reason}") from error
    listener.setblocking(False)
    return listener


class _Secrets:
    """The certificate and the credentials that a process serves with; each process has its own after the fork."""

    def __init__(self, options: ServeOptions) -> None:
        self._options = options
        self.tls = self._read_certificate()

    def read_again(self) -> None:
        """Take the files as they are now.

        A handshake that met a context between its new certificate and its new key would fail: it is replaced, not changed.

        Raises:
            StoreError: one of them is wrong; none is taken.
        """
        tls = self._read_certificate()
        if self._options.credentials_file:
            self._options.credentials.replace_by(Credentials.load(self._options.credentials_file))
        self.tls = tls

    def _read_certificate(self) -> ssl.SSLContext | None:
        certificate, key = self._options.tls_cert, self._options.tls_key
        if certificate is None or key is None:
            return None
        try:
            return tls_context(certificate, key)
        except OSError as error:
            raise StoreError(f"the certificate and key in {certificate} and {key} can't be used: {error}") from error


def _work(options: ServeOptions, listener: socket.socket, secrets: _Secrets, lines: Lines) -> None:
    """Serve in one worker process."""
    with _open(options) as store:
        files_max, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        worker = Worker(
            Application.of_credentials(store, options.credentials, None, options),
            listener,
            threads=options.threads,
            connections_max=min(CONNECTIONS_MAX, files_max - DESCRIPTORS_APART),
            idle_timeout_s=options.idle_timeout_s,
            tls=secrets.tls,
        )
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: worker.stop())
        signal.signal(signal.SIGHUP, lambda *_: _reload(secrets, worker))
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})
        threading.Thread(target=_stop_without_parent, args=(lines.life,), daemon=True).start()
        gc.collect()
        gc.freeze()  # the tables of the wire stay: a collection need not look through them again
        with Upkeep(store, options.reap_interval_s):
            os.write(lines.ready, b"1")
            worker.run()


def _reload(secrets: _Secrets, worker: Worker) -> None:
    try:
        secrets.read_again()
    except StoreError as error:
        _log.error("nothing was reloaded: %s", error)
    worker.tls = secrets.tls


def _stop_without_parent(life: int) -> None:
    """Stop this process when the main process has ended, which closes the other end of the pipe."""
    os.read(life, 1)
    os.kill(os.getpid(), signal.SIGTERM)


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
            "botocore": {"level": "INFO"},  # at DEBUG it shows the data keys that AWS KMS returns
        },
    }

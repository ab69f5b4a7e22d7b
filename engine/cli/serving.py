"""`partwright serve`: options and environment variables of the small real server."""

import argparse
import ipaddress
import os
from argparse import Namespace
from collections.abc import Callable
from typing import Any

from engine.cli.failures import CommandError, Exit
from engine.cli.parser import Parser, add_key_ring, add_store
from engine.cli.units import span

VARIABLE_PREFIX = "PARTWRIGHT_"
LOG_FORMATS = ("json", "none")
RULINGS = ("refuse", "allow")
KEY_PROVIDERS = ("local", "aws")
THREADS_MAX = 1024
WORKERS_MAX = 256


def run(command: str, arguments: list[str]) -> int:
    """Run `partwright serve` with the arguments; returns when it was told to stop."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if not options.store:
        parser.error("no store is named: give --store DIR or set PARTWRIGHT_STORE")
    if bool(options.tls_cert) != bool(options.tls_key):
        parser.error("--tls-cert and --tls-key go together")
    _serve(options)
    return Exit.SUCCESS


def _parser() -> Parser:
    parser = Parser(
        command="serve",
        description="Serve the store to S3 clients over HTTP. Every option may be given as PARTWRIGHT_<OPTION> in the environment.",
    )
    add_store(parser)
    _add(parser, "listen", "HOST:PORT", _address, "127.0.0.1:9000", "address to listen on")
    _add(
        parser,
        "credentials",
        "FILE",
        str,
        None,
        "TOML file of access keys; without it a random pair is made, for loopback only",
    )
    _add(parser, "region", "REGION", str, "us-east-1", "region that requests must be signed for")
    _add(
        parser,
        "presigned-sigv2",
        "|".join(RULINGS),
        _ruling,
        "allow",
        "URLs presigned by Signature Version 2, as boto3 makes them by default in us-east-1",
    )
    _add(parser, "domain", "NAME", str, None, "serve bucket.NAME too (virtual-hosted-style addresses)")
    _add(parser, "tls-cert", "FILE", str, None, "certificate chain (PEM)")
    _add(parser, "tls-key", "FILE", str, None, "private key (PEM, PKCS#8)")
    _add_encryption(parser)
    _add(parser, "workers", "N", _count(WORKERS_MAX), 1, "worker processes; they share the store")
    _add(parser, "reap-interval", "SPAN", _interval, "1h", "how often lifecycle rules are executed")
    _add(parser, "threads", "N", _count(THREADS_MAX), 64, "requests worked on at once, in each worker")
    _add(
        parser,
        "log-format",
        "|".join(LOG_FORMATS),
        _log_format,
        "json",
        "access log: JSON lines on standard output, or none",
    )
    return parser


def _add_encryption(parser: Parser) -> None:
    _add(
        parser,
        "customer-keys-in-clear",
        "|".join(RULINGS),
        _ruling,
        "refuse",
        "keys of clients (SSE-C) over HTTP without TLS: for tests, or behind a proxy that ends TLS",
    )
    _add(
        parser,
        "customer-keys-in-new-buckets",
        "|".join(RULINGS),
        _ruling,
        "refuse",
        "whether buckets made from now on take keys of clients (SSE-C); PutBucketEncryption changes it for a bucket",
    )
    add_key_ring(parser)
    _add(
        parser,
        "key-provider",
        "|".join(KEY_PROVIDERS),
        _key_provider,
        "local",
        "who has the keys of SSE-KMS: the key ring, or AWS KMS as boto3 finds it",
    )
    _add(parser, "kms-key-id", "ID", str, None, "key of AWS KMS for requests that name none")


def _add(parser: Parser, name: str, shown: str, kind: Callable[[str], Any], default: object, text: str) -> None:
    variable = VARIABLE_PREFIX + name.upper().replace("-", "_")
    given = os.environ.get(variable)
    shown_default = "" if default is None else f" (default: {default})"
    parser.add_argument(
        f"--{name}", metavar=shown, type=kind, default=default if given is None else given, help=text + shown_default
    )


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    host = {"localhost": "127.0.0.1"}.get(host, host.strip("[]"))
    try:
        ipaddress.ip_address(host)
    except ValueError:
        host = ""
    if not host or not port.isdigit() or int(port) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not HOST:PORT, HOST an IP address or localhost")
    return host, int(port)


def _count(most: int) -> Callable[[str], int]:
    def count(text: str) -> int:
        if not text.isdigit() or not 1 <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to {most}")
        return int(text)

    return count


def _interval(text: str) -> float:
    seconds = span(text).total_seconds()
    if seconds < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is less than a second")
    return seconds


def _log_format(text: str) -> str:
    if text not in LOG_FORMATS:
        raise argparse.ArgumentTypeError(f"{text!r} is not one of {', '.join(LOG_FORMATS)}")
    return text


def _key_provider(text: str) -> str:
    if text not in KEY_PROVIDERS:
        raise argparse.ArgumentTypeError(f"{text!r} is not one of {', '.join(KEY_PROVIDERS)}")
    return text


def _ruling(text: str) -> bool:
    if text not in RULINGS:
        raise argparse.ArgumentTypeError(f"{text!r} is not one of {', '.join(RULINGS)}")
    return text == "allow"


def _serve(options: Namespace) -> None:
    try:
        from engine.server.credentials import Credentials
        from engine.server.serve import make_settings, serve
    except ModuleNotFoundError as error:
        raise CommandError(f"serving needs {error.name}: pip install 'partwright[server]'") from error
    host, port = options.listen if isinstance(options.listen, tuple) else _address(options.listen)
    credentials = Credentials.load(options.credentials) if options.credentials else None
    settings, told = make_settings(
        credentials,
        store=options.store,
        host=host,
        port=port,
        region=options.region,
        domains=(options.domain,) if options.domain else (),
        tls_cert=options.tls_cert,
        tls_key=options.tls_key,
        workers=options.workers,
        threads=options.threads,
        log_format=options.log_format,
        reap_interval_s=options.reap_interval,
        customer_keys_in_clear=options.customer_keys_in_clear,
        customer_keys_in_new_buckets=options.customer_keys_in_new_buckets,
        presigned_sigv2=options.presigned_sigv2,
        key_ring=options.key_ring,
        key_provider=options.key_provider,
        kms_key_id=options.kms_key_id,
    )
    serve(settings, lambda: print(told, flush=True))

"""`partwright serve`: the options and environment variables of the server."""

import argparse
import ipaddress
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from engine.cli.failures import CommandError, Exit
from engine.cli.parser import Parser, add_key_ring, add_store
from engine.cli.units import span

VARIABLE_PREFIX = "PARTWRIGHT_"
THREADS_MAX = 1024
WORKERS_MAX = 256


def run(command: str, arguments: list[str]) -> int:
    """Run `partwright serve` with the arguments; returns when the server was told to stop."""
    parser = parser_of_serve()
    options = parser.parse_args(arguments)
    if not options.store:
        parser.error("no store is named: give --store DIR or set PARTWRIGHT_STORE")
    if bool(options.tls_cert) != bool(options.tls_key):
        parser.error("--tls-cert and --tls-key go together")
    try:
        from engine.server.serve import make_options, serve
    except ModuleNotFoundError as error:
        raise CommandError(f"serving needs {error.name}: pip install 'partwright[server]'") from error
    settled, text = make_options(**{name: value for name, value in vars(options).items() if value is not None})
    serve(settled, lambda: print(text, flush=True))
    return Exit.SUCCESS


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


def _interval_s(text: str) -> float:
    seconds = span(text).total_seconds()
    if seconds < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is less than a second")
    return seconds


def _one_of(values: dict[str, Any]) -> Callable[[str], Any]:
    def value(text: str) -> Any:
        if text not in values:
            raise argparse.ArgumentTypeError(f"{text!r} is not one of {', '.join(values)}")
        return values[text]

    return value


def _domains(text: str) -> tuple[str, ...]:
    return (text,) if text else ()


_RULINGS = {"refuse": False, "allow": True}
_KEY_PROVIDERS = {"local": "local", "aws": "aws"}
_LOG_FORMATS = {"json": "json", "none": "none"}


@dataclass(frozen=True, slots=True)
class Option:
    """One option of `partwright serve`; PARTWRIGHT_<NAME> in the environment stands in for it."""

    name: str
    metavar: str
    read: Callable[[str], Any]
    default: str | None
    """As text, which `read` reads; None: the default of `make_options`."""
    help: str
    member: str = ""
    """The parameter of `make_options` that it sets, if that is not `name` in snake_case."""


OPTIONS: tuple[Option | Callable[[Parser], None], ...] = (
    add_store,
    Option("listen", "HOST:PORT", _address, "127.0.0.1:9000", "address to listen on"),
    Option(
        "credentials",
        "FILE",
        str,
        None,
        "TOML file of access keys; without it a random pair is made, for loopback only",
    ),
    Option("region", "REGION", str, "us-east-1", "region that requests must be signed for"),
    Option(
        "presigned-sigv2",
        "|".join(_RULINGS),
        _one_of(_RULINGS),
        "allow",
        "URLs presigned by Signature Version 2, as boto3 makes them by default in us-east-1",
    ),
    Option("domain", "NAME", _domains, None, "serve bucket.NAME too (virtual-hosted-style addresses)", "domains"),
    Option("tls-cert", "FILE", str, None, "certificate chain (PEM)"),
    Option("tls-key", "FILE", str, None, "private key (PEM)"),
    Option(
        "customer-keys-in-clear",
        "|".join(_RULINGS),
        _one_of(_RULINGS),
        "refuse",
        "keys of clients (SSE-C) over HTTP without TLS: for tests, or behind a proxy that ends TLS",
    ),
    Option(
        "customer-keys-in-new-buckets",
        "|".join(_RULINGS),
        _one_of(_RULINGS),
        "refuse",
        "whether buckets made from now on take keys of clients (SSE-C); PutBucketEncryption changes it for a bucket",
    ),
    add_key_ring,
    Option(
        "key-provider",
        "|".join(_KEY_PROVIDERS),
        _one_of(_KEY_PROVIDERS),
        "local",
        "who has the keys of SSE-KMS: the key ring, or AWS KMS as boto3 finds it",
    ),
    Option("kms-key-id", "ID", str, None, "key of AWS KMS for requests that name none"),
    Option(
        "workers", "N", _count(WORKERS_MAX), None, "worker processes, which share the store (default: one a processor)"
    ),
    Option("reap-interval", "SPAN", _interval_s, "1h", "how often lifecycle rules are executed", "reap_interval_s"),
    Option(
        "threads",
        "N",
        _count(THREADS_MAX),
        "64",
        "requests at once in each worker that may wait for clients or the disk",
    ),
    Option(
        "log-format",
        "|".join(_LOG_FORMATS),
        _one_of(_LOG_FORMATS),
        "json",
        "access log: JSON lines on standard output, or none",
    ),
)
"""All options, in the order of the help; `--store` and `--key-ring` are those of other commands too."""


def parser_of_serve() -> Parser:
    """Make the parser of the command line; the environment gives the defaults."""
    parser = Parser(
        command="serve",
        description="Serve the store to S3 clients over HTTP. Every option may be given as PARTWRIGHT_<OPTION> in the environment.",
    )
    for option in OPTIONS:
        if isinstance(option, Option):
            _add(parser, option)
        else:
            option(parser)
    return parser


def _add(parser: Parser, option: Option) -> None:
    snake_case = option.name.replace("-", "_")
    shown_default = "" if option.default is None else f" (default: {option.default})"
    parser.add_argument(
        f"--{option.name}",
        dest=option.member or snake_case,
        metavar=option.metavar,
        type=option.read,
        default=os.environ.get(VARIABLE_PREFIX + snake_case.upper(), option.default),
        help=option.help + shown_default,
    )

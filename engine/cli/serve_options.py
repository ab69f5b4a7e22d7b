"""The options of `partwright serve`, in one table: what each may be, whether it comes by command line, environment or file."""

import ipaddress
import re
from argparse import ArgumentTypeError
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from engine.cli.units import span
from engine.objects.keys import has_bucket_form

VARIABLE_PREFIX = "PARTWRIGHT_"
THREADS_MAX = 1024
WORKERS_MAX = 256
_HOST = re.compile(r"[a-z0-9_]([a-z0-9_.-]{0,252}[a-z0-9_])?")


def _text(text: str) -> str:
    if not text:
        raise ArgumentTypeError("it is empty")
    return text


def path(text: str) -> str:
    """Read the path of a file or directory, which in a configuration file is relative to that file."""
    return _text(text)


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    host = {"localhost": "127.0.0.1"}.get(host, host.strip("[]"))
    try:
        ipaddress.ip_address(host)
    except ValueError:
        host = ""
    if not host or not port.isdigit() or int(port) > 65535:
        raise ArgumentTypeError(f"{text!r} is not HOST:PORT, HOST an IP address or localhost")
    return host, int(port)


def _count(most: int) -> Callable[[str], int]:
    def count(text: str) -> int:
        if not text.isdigit() or not 1 <= int(text) <= most:
            raise ArgumentTypeError(f"{text!r} is not a number from 1 to {most}")
        return int(text)

    return count


def _interval_s(text: str) -> float:
    seconds = span(text).total_seconds()
    if seconds < 1:
        raise ArgumentTypeError(f"{text!r} is less than a second")
    return seconds


def _one_of(values: dict[str, Any]) -> Callable[[str], Any]:
    def value(text: str) -> Any:
        if text not in values:
            raise ArgumentTypeError(f"{text!r} is not one of {', '.join(values)}")
        return values[text]

    return value


def alias(text: str) -> tuple[str, str]:
    """Read HOST=BUCKET; a host is a whole name, or the label before a domain.

    Raises:
        ArgumentTypeError: it has another form.
    """
    host, _, bucket = text.partition("=")
    if not _HOST.fullmatch(host.lower()) or not has_bucket_form(bucket):
        raise ArgumentTypeError(f"{text!r} is not HOST=BUCKET, a host's name without a port and a bucket's name")
    return host.lower(), bucket


def gather_aliases(pairs: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Return the bucket by host.

    Raises:
        ArgumentTypeError: a host is given twice.
    """
    aliases = dict(pairs)
    if len(aliases) < len(pairs):
        raise ArgumentTypeError("a host is given twice")
    return aliases


_RULINGS = {"refuse": False, "allow": True}
_KEY_PROVIDERS = {"local": "local", "aws": "aws"}
_LOG_FORMATS = {"json": "json", "none": "none"}


@dataclass(frozen=True, slots=True)
class Option:
    """One option of `partwright serve`; PARTWRIGHT_<NAME> in the environment, and its name in a configuration file, stand in for it."""

    name: str
    metavar: str
    read: Callable[[str], Any]
    default: str | None
    """As text, which `read` reads; None: the default of `make_options`."""
    help: str
    member: str = ""
    """The parameter of `make_options` that it sets, if that is not `name` in snake_case."""
    in_file: type = str
    """What a configuration file gives it: a text, an int, a list of texts, or a table of texts."""
    gather: Callable[[Sequence[Any]], Any] | None = None
    """Makes the parameter of all values of an option that may be given more than once; None: it is given once."""

    @property
    def parameter(self) -> str:
        """The parameter of `make_options` that it sets."""
        return self.member or self.name.replace("-", "_")

    @property
    def variable(self) -> str:
        """Its name in the environment."""
        return VARIABLE_PREFIX + self.name.upper().replace("-", "_")

    def of_texts(self, texts: Sequence[str]) -> Any:
        """Read one text, or as many as were given if it may be given more than once.

        Raises:
            ArgumentTypeError: one of them is wrong.
        """
        if self.gather is None:
            (text,) = texts
            return self.read(text)
        return self.gather([self.read(text) for text in texts])


ALIAS = Option(
    "alias",
    "HOST=BUCKET",
    alias,
    None,
    "serve a bucket at a host name, as an access point; may be repeated, and has commas in the environment",
    "aliases",
    dict,
    gather_aliases,
)
CONFIG = Option("config", "FILE", path, None, "TOML file of options by their names; command line and environment win")
OPTIONS: tuple[Option, ...] = (
    Option("store", "DIR", path, None, "directory of the store; made if there is none"),
    Option("listen", "HOST:PORT", _address, "127.0.0.1:9000", "address to listen on"),
    Option(
        "credentials",
        "FILE",
        path,
        None,
        "TOML file of access keys; without it a random pair is made, for loopback only",
    ),
    Option("region", "REGION", _text, "us-east-1", "region that requests must be signed for"),
    Option(
        "presigned-sigv2",
        "|".join(_RULINGS),
        _one_of(_RULINGS),
        "allow",
        "URLs presigned by Signature Version 2, as boto3 makes them by default in us-east-1",
    ),
    Option(
        "domain",
        "NAME",
        _text,
        None,
        "serve bucket.NAME too (virtual-hosted-style addresses); may be repeated, and has commas in the environment",
        "domains",
        list,
        tuple,
    ),
    ALIAS,
    Option("tls-cert", "FILE", path, None, "certificate chain (PEM)"),
    Option("tls-key", "FILE", path, None, "private key (PEM)"),
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
    Option(
        "default-cors",
        "FILE",
        path,
        None,
        "JSON file of cross-origin rules for buckets that have none, as `aws s3api put-bucket-cors` takes them",
    ),
    Option("key-ring", "FILE", path, None, "file of the keys of SSE-S3 (default: `keys` in the store)"),
    Option(
        "key-provider",
        "|".join(_KEY_PROVIDERS),
        _one_of(_KEY_PROVIDERS),
        "local",
        "who has the keys of SSE-KMS: the key ring, or AWS KMS as boto3 finds it",
    ),
    Option("kms-key-id", "ID", _text, None, "key of AWS KMS for requests that name none"),
    Option(
        "workers",
        "N",
        _count(WORKERS_MAX),
        None,
        "worker processes, which share the store (default: one a processor)",
        in_file=int,
    ),
    Option("reap-interval", "SPAN", _interval_s, "1h", "how often lifecycle rules are executed", "reap_interval_s"),
    Option(
        "threads",
        "N",
        _count(THREADS_MAX),
        "64",
        "requests at once in each worker that may wait for clients or the disk",
        in_file=int,
    ),
    Option(
        "log-format",
        "|".join(_LOG_FORMATS),
        _one_of(_LOG_FORMATS),
        "json",
        "access log: JSON lines on standard output, or none",
    ),
)
"""All options but CONFIG, in the order of the help."""

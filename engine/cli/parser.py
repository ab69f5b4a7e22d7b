"""The argument parser of all commands, with exit code 252 for wrong usage, and the options that several commands share."""

import argparse
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

import engine
from engine.cli.failures import Exit

if TYPE_CHECKING:
    from jmespath.parser import ParsedResult

PROGRAM = "partwright"


class Parser(argparse.ArgumentParser):
    """An ArgumentParser that takes no abbreviated options and exits like `aws`."""

    def __init__(self, *, command: str, description: str, usage: str | None = None) -> None:
        program = f"{PROGRAM} {command}".strip()
        super().__init__(
            prog=program,
            usage=usage and f"{program} {usage}",
            description=description,
            allow_abbrev=False,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(Exit.USAGE, f"\n{PROGRAM}: error: {message}\n")


def add_store(parser: Parser) -> None:
    """Add `--store`; its default is the environment variable PARTWRIGHT_STORE."""
    text = "directory of the store (default: the environment variable PARTWRIGHT_STORE)"
    parser.add_argument("--store", metavar="DIR", default=os.environ.get("PARTWRIGHT_STORE"), help=text)


def add_key_ring(parser: Parser) -> None:
    """Add `--key-ring`; its default is the environment variable PARTWRIGHT_KEY_RING."""
    text = "file of the keys of SSE-S3 (default: the environment variable PARTWRIGHT_KEY_RING, or `keys` in the store)"
    parser.add_argument("--key-ring", metavar="FILE", default=os.environ.get("PARTWRIGHT_KEY_RING"), help=text)


def add_query(parser: Parser) -> None:
    """Add `--query`, a JMESPath expression over the JSON that is printed."""
    text = "JMESPath expression that picks from the answer"
    parser.add_argument("--query", metavar="<expression>", type=_query, help=text)


def _query(text: str) -> "ParsedResult":
    import jmespath

    try:
        return jmespath.compile(text)
    except jmespath.exceptions.JMESPathError as error:
        raise argparse.ArgumentTypeError(f"bad query {text!r}: {error}") from error


@contextmanager
def opened_store(
    parser: Parser, options: argparse.Namespace, *, create: bool = False, read_only: bool = False
) -> Iterator[engine.Store]:
    """Open the store that the options name for the block; `read_only` needs no permission to write."""
    if not options.store:
        parser.error("no store is named: give --store DIR or set PARTWRIGHT_STORE")
    ring = os.environ.get("PARTWRIGHT_KEY_RING") if "key_ring" not in options else options.key_ring
    with engine.open(options.store, create=create, read_only=read_only, key_ring=ring) as store:
        yield store

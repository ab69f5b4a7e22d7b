"""`partwright cp`: its command line, and what it prints. `upload.py` copies a file into the store, `download.py` out of it."""

import argparse
import os
import time

import engine
from engine.cli.download import download
from engine.cli.failures import Exit
from engine.cli.parser import Parser, add_store, opened_store
from engine.cli.transfer import Location, Transfer
from engine.cli.units import readable, size_bytes, whole_number
from engine.cli.upload import upload
from engine.limits import MIB, Limits

_SCHEME = "s3://"
_JOBS = 4


def run(command: str, arguments: list[str]) -> int:
    """Run `partwright cp <arguments>`."""
    parser = _parser(command)
    options = parser.parse_args(arguments)
    into_store = options.target.startswith(_SCHEME)
    if into_store == options.source.startswith(_SCHEME):
        parser.error("one of SOURCE and TARGET is a file and the other is s3://BUCKET/KEY")
    _check_part_size(parser, options.part_size)
    url, name = (options.target, options.source) if into_store else (options.source, "")
    location = _location(parser, url, os.path.basename(name))
    copy = _upload if into_store else _download
    with opened_store(parser, options, read_only=not into_store) as store:
        started_s = time.monotonic()
        transfer = copy(store, location, options)
        _report(transfer, time.monotonic() - started_s)
    return Exit.SUCCESS


def _parser(command: str) -> Parser:
    parser = Parser(
        command=command,
        description="Copy FILE to s3://BUCKET/KEY, or s3://BUCKET/KEY to FILE.\n\n"
        "A file larger than one part goes up in parts. If that is interrupted, the same command resumes it:\n"
        "parts that are there and equal to the file are not sent again.",
    )
    parser.add_argument("source", metavar="SOURCE", help="a file, or s3://BUCKET/KEY")
    text = "the other of the two; a folder or a KEY/ takes the source's name"
    parser.add_argument("target", metavar="TARGET", help=text)
    text = "size of a part, raised if the file would need more than 10,000 (default 16MiB)"
    parser.add_argument("--part-size", metavar="SIZE", type=size_bytes, default=16 * MIB, help=text)
    text = f"how many parts to copy at a time (default {_JOBS})"
    parser.add_argument("--jobs", metavar="N", type=whole_number, default=_JOBS, help=text)
    add_store(parser)
    return parser


def _check_part_size(parser: Parser, size: int) -> None:
    limits = Limits()
    if not limits.part_size_bytes_min <= size <= limits.part_size_bytes_max:
        smallest, largest = readable(limits.part_size_bytes_min), readable(limits.part_size_bytes_max)
        parser.error(f"argument --part-size: a part has {smallest} to {largest}")


def _upload(store: engine.Store, location: Location, options: argparse.Namespace) -> Transfer:
    print(f"upload: {options.source} to {location}")
    return upload(store, options.source, location, part_size_bytes=options.part_size, jobs=options.jobs)


def _download(store: engine.Store, location: Location, options: argparse.Namespace) -> Transfer:
    target = options.target
    if os.path.isdir(target) or target.endswith("/"):
        target = os.path.join(target, os.path.basename(location.key))
    print(f"download: {location} to {target}")
    return download(store, location, target, jobs=options.jobs)


def _location(parser: Parser, url: str, name: str) -> Location:
    """Read `s3://BUCKET/KEY`; a key that is empty or ends in a slash gets the name of the file after it."""
    bucket, _, key = url.removeprefix(_SCHEME).partition("/")
    if not key or key.endswith("/"):
        key += name
    if not bucket or not key:
        parser.error(f"{url} is not s3://BUCKET/KEY")
    return Location(bucket, key)


def _report(transfer: Transfer, seconds: float) -> None:
    rate = readable(transfer.size_bytes / max(seconds, 1e-9))
    found = f" ({transfer.parts_found} were already there)" if transfer.parts_found else ""
    parts = f", {transfer.parts} parts{found}" if transfer.parts > 1 else ""
    print(f"{readable(transfer.size_bytes)} in {seconds:.2f} s, {rate}/s{parts}, ETag {transfer.etag}")

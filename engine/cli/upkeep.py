"""The commands that look after a store: `stat` counts, `check` verifies and repairs, `backup` copies, `reap` executes lifecycle rules
and cleans up, `keys` looks after the keys of SSE-S3 and SSE-KMS.
"""

from argparse import Namespace

from engine.cli import keys
from engine.cli.failures import Exit
from engine.cli.output import print_json
from engine.cli.parser import Parser, add_key_ring, add_query, add_store, opened_store
from engine.cli.progress import progress
from engine.cli.units import span
from engine.record import asdict


def run(command: str, arguments: list[str]) -> int:
    """Run `partwright stat`, `check`, `backup`, `reap` or `keys` with the arguments."""
    make_parser, work = {
        "stat": (_stat_parser, _stat),
        "check": (_check_parser, _check),
        "backup": (_backup_parser, _backup),
        "reap": (_reap_parser, _reap),
        "keys": (keys.parser, keys.work),
    }[command]
    parser = make_parser()
    add_store(parser)
    add_key_ring(parser)
    add_query(parser)
    return work(parser, parser.parse_args(arguments))


def _stat_parser() -> Parser:
    parser = Parser(command="stat", description="Count what the store holds, and what open uploads hold of it.")
    parser.add_argument("--bucket", metavar="BUCKET", help="count this bucket only")
    return parser


def _stat(parser: Parser, options: Namespace) -> int:
    with opened_store(parser, options, read_only=True) as store:
        answer = store.stat(options.bucket)
    print_json(asdict(answer), options.query)
    return Exit.SUCCESS


def _check_parser() -> Parser:
    parser = Parser(
        command="check",
        description="Verify that every row, part and object of the store is there and whole, and count the files nobody names.\n"
        "Exit code 1: something is missing, has a wrong size, is corrupt, or names what is not there; then nothing is collected.",
    )
    parser.add_argument("--deep", action="store_true", help="read every byte and compare it with its ETag")
    parser.add_argument("--repair", action="store_true", help="collect the files nobody names")
    return parser


def _check(parser: Parser, options: Namespace) -> int:
    with opened_store(parser, options, read_only=not options.repair) as store:
        report = store.check(deep=options.deep, repair=options.repair)
    print_json(asdict(report) | {"ok": report.ok}, options.query)
    return Exit.SUCCESS if report.ok else Exit.FOUND_DAMAGE


def _backup_parser() -> Parser:
    parser = Parser(
        command="backup",
        description="Make a copy of the store, beside everybody's work, that is itself a store: whole, and as it is at one moment.\n"
        "Files are linked where DIR is on the store's file system, and copied otherwise. To restore, move it back.\n"
        "Exit code 1: the store has damage; all that has none is in the backup.",
    )
    parser.add_argument("directory", metavar="DIR", help="a new directory, or an empty one")
    return parser


def _backup(parser: Parser, options: Namespace) -> int:
    with opened_store(parser, options, read_only=True) as store:
        counted = store.stat()
        with progress("backup", counted.object_bytes + counted.open_bytes) as advance:
            report = store.backup(options.directory, advance=advance)
    print_json(asdict(report) | {"ok": report.ok}, options.query)
    return Exit.SUCCESS if report.ok else Exit.FOUND_DAMAGE


def _reap_parser() -> Parser:
    parser = Parser(
        command="reap",
        description="Execute the lifecycle rules of all buckets, and collect the files that crashes left.\n"
        "The server does the same from time to time.",
    )
    text = "also abort every upload begun longer ago than this, whatever the rules: 7d, 12h, 30m"
    parser.add_argument("--older-than", metavar="SPAN", type=span, help=text)
    return parser


def _reap(parser: Parser, options: Namespace) -> int:
    with opened_store(parser, options) as store:
        report = store.reap(options.older_than)
    print_json(asdict(report), options.query)
    return Exit.SUCCESS

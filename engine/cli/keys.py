"""`partwright keys`: rotates the keys of SSE-S3, and makes, lists and changes those of SSE-KMS that have names."""

from argparse import Namespace
from collections.abc import Callable
from typing import Final

from engine.cli.failures import Exit
from engine.cli.output import print_json
from engine.cli.parser import Parser, opened_store
from engine.dates import iso_date, to_datetime
from engine.encryption.named_keys import WAIT_DAYS, NamedKey, NamedKeys
from engine.record import asdict
from engine.store import Store

_OF_ONE: Final[dict[str, Callable[[NamedKeys, Namespace], NamedKey]]] = {
    "create": lambda keys, options: keys.create(options.kms, options.alias or ()),
    "enable": lambda keys, options: keys.enable(options.kms),
    "disable": lambda keys, options: keys.disable(options.kms),
    "schedule-deletion": lambda keys, options: keys.schedule_deletion(
        options.kms, WAIT_DAYS[-1] if options.days is None else options.days
    ),
    "cancel-deletion": lambda keys, options: keys.cancel_deletion(options.kms),
}
_OPTIONS: Final = {"kms": tuple(_OF_ONE), "alias": ("create",), "days": ("schedule-deletion",)}


def parser() -> Parser:
    """Make the parser of `partwright keys`."""
    made = Parser(
        command="keys",
        description="Look after the key ring. `rotate` adds a key of SSE-S3 and wraps everything anew under it; `rewrap` does what a\n"
        "rotation that was interrupted left. No byte of an object is touched, and older keys stay, for copies made before.\n"
        "The others are about the keys of SSE-KMS, which requests name by NAME, `alias/` and an ALIAS, or an ARN of these.\n"
        "What a deleted key sealed can never be read again.",
    )
    made.add_argument("action", choices=("rotate", "rewrap", "list", *_OF_ONE), help="what to do")
    made.add_argument("--kms", metavar="NAME", help="the key of SSE-KMS")
    made.add_argument("--alias", action="append", metavar="ALIAS", help="another name of the new key; may be repeated")
    days = f"days until the deletion, {WAIT_DAYS[0]} to {WAIT_DAYS[-1]} (default: {WAIT_DAYS[-1]})"
    made.add_argument("--days", type=int, metavar="DAYS", help=days)
    return made


def work(parser: Parser, options: Namespace) -> int:
    """Execute the command."""
    for name, actions in _OPTIONS.items():
        if getattr(options, name) is not None and options.action not in actions:
            parser.error(f"--{name} goes with {', '.join(actions)}, not with {options.action}")
    if options.action in _OF_ONE and options.kms is None:
        parser.error(f"{options.action} needs --kms NAME")
    with opened_store(parser, options) as store:
        if options.action in ("rotate", "rewrap"):
            return _rewrap(store, options)
        keys = store.named_keys()
        if options.action == "list":
            print_json([_shown(key) for key in keys.list()], options.query)
        else:
            print_json(_shown(_OF_ONE[options.action](keys, options)), options.query)
    return Exit.SUCCESS


def _rewrap(store: Store, options: Namespace) -> int:
    report = store.rotate_keys() if options.action == "rotate" else store.rewrap_keys()
    print_json(asdict(report), options.query)
    return Exit.FOUND_DAMAGE if report.failed else Exit.SUCCESS


def _shown(key: NamedKey) -> dict[str, object]:
    deletion = None if key.deletion_ns is None else iso_date(to_datetime(key.deletion_ns))
    return {
        "name": key.name,
        "aliases": list(key.aliases),
        "state": key.state,
        "created": iso_date(to_datetime(key.created_ns)),
        "deletion": deletion,
    }

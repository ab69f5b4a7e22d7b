"""Find the command, run it, and turn every failure into one message and an exit code, never a traceback."""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import cast

from engine.cli.catalogue import OPERATIONS, OTHERS
from engine.cli.failures import CommandError, Exit, OperationRefused
from engine.cli.parser import PROGRAM, Parser, add_query, add_store
from engine.errors import EngineError

_MODULES = {
    "cp": "copying",
    "stat": "upkeep",
    "check": "upkeep",
    "backup": "upkeep",
    "reap": "upkeep",
    "keys": "upkeep",
    "info": "info",
    "serve": "serving",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns: the exit code (`Exit`).

    Raises:
        SystemExit: wrong usage (252), `--help` and `--version` (0).
    """
    try:
        command, rest = _split(list(sys.argv[1:] if arguments is None else arguments))
        code = _runner(command)(command, rest)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader has left. Python flushes stdout again at exit, which must not fail: send it to nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.FAILED
    except (Exception, KeyboardInterrupt) as error:
        code, message = _ending(error)
        print(message, file=sys.stderr)
    return code


def _ending(error: BaseException) -> tuple[Exit, str]:
    """Return the exit code and the message for an error."""
    match error:
        case KeyboardInterrupt():
            return Exit.INTERRUPTED, f"{PROGRAM}: interrupted"
        case OperationRefused():
            return Exit.REFUSED, f"\n{error}"
        case EngineError() | CommandError():
            text = str(error)
        case OSError(filename=str(name)):
            text = f"{name}: {error.strerror}"
        case OSError():
            text = str(error)
        case ModuleNotFoundError(name=str(name)):
            text = f"this needs {name.partition('.')[0]}: pip install 'partwright[cli]'"
        case _:  # an error that nobody foresaw still gets a message, not a traceback
            text = f"{type(error).__name__}: {error}"
    return Exit.FAILED, f"{PROGRAM}: error: {text}"


def _split(arguments: list[str]) -> tuple[str, list[str]]:
    """Separate the command from its arguments; options before the command are moved behind it."""
    parser = _parser()
    command = parser.parse_args(arguments)
    before = arguments[: len(arguments) - len(command.arguments) - 1]
    return command.command, [*before, *command.arguments]


def _parser() -> Parser:
    operations = "\n".join(f"  {name}" for name in OPERATIONS)
    others = "\n".join(f"  {name:8}{text}" for name, text in OTHERS.items())
    parser = Parser(
        command="",
        description="S3's multipart uploads on a local store.\n\n"
        f"S3 operations, with the options of `aws s3api`:\n{operations}\n\ncommands:\n{others}\n\n"
        f"`{PROGRAM} COMMAND --help` shows the options of a command.",
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version and leave")
    add_store(parser)
    add_query(parser)
    parser.add_argument("--no-paginate", action="store_true", help="answer with one page, as S3 would")
    parser.add_argument("command", metavar="COMMAND", choices=[*OPERATIONS, *OTHERS], help="one of the above")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, metavar="...", help="its options").required = False
    return parser


class _Version(argparse.Action):
    """Prints the version. It is looked up only when asked for, since that takes longer than all of `--help`."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib.metadata import version

        print(PROGRAM, version(PROGRAM))
        parser.exit()


def _runner(command: str) -> Callable[[str, list[str]], int]:
    """Import the module that runs the command, and return its `run`. No other command's module is loaded."""
    module = import_module(f"engine.cli.{_MODULES.get(command, 'operation')}")
    return cast("Callable[[str, list[str]], int]", module.run)

"""`partwright serve`: its options from command line, environment and configuration file become one record, by which it serves."""

import argparse
import os
from collections.abc import Iterator, Sequence
from typing import Any

from engine.cli.configuration import of_environment, of_file, unknown_option
from engine.cli.failures import CommandError, Exit
from engine.cli.parser import Parser
from engine.cli.serve_options import CONFIG, OPTIONS


def run(command: str, arguments: list[str]) -> int:
    """Run `partwright serve` with the arguments; returns when the server was told to stop."""
    parser = parser_of_serve()
    settled = settle(parser, arguments)
    if "store" not in settled:
        parser.error("no store is named: give --store DIR or set PARTWRIGHT_STORE")
    if ("tls_cert" in settled) != ("tls_key" in settled):
        parser.error("--tls-cert and --tls-key go together")
    try:
        from engine.server.serve import make_options, serve
    except ModuleNotFoundError as error:
        raise CommandError(f"serving needs {error.name}: pip install 'partwright[server]'") from error
    options, text = make_options(**settled)
    serve(options, lambda: print(text, flush=True))
    return Exit.SUCCESS


def settle(parser: Parser, arguments: Sequence[str]) -> dict[str, Any]:
    """Return the parameters of `make_options`: the command line wins over the environment, that over the file, that over the defaults.

    All of them are checked, also where another one wins.

    Raises:
        SystemExit: the command line is wrong.
        CommandError: the environment or the file is.
    """
    options, unknown = parser.parse_known_args(arguments)
    if unknown:
        parser.error(unknown_option(unknown[0]))
    given = of_environment(os.environ) | dict(_given(parser, options))
    config = given.pop(CONFIG.parameter, None)
    defaults = {option.parameter: option.read(option.default) for option in OPTIONS if option.default is not None}
    return defaults | (of_file(config) if config is not None else {}) | given


def _given(parser: Parser, options: argparse.Namespace) -> Iterator[tuple[str, Any]]:
    for option in (CONFIG, *OPTIONS):
        value = getattr(options, option.parameter)
        if value is not None:
            try:
                yield option.parameter, value if option.gather is None else option.gather(value)
            except argparse.ArgumentTypeError as error:
                parser.error(f"argument --{option.name}: {error}")


def parser_of_serve() -> Parser:
    """Make the parser of the command line, which knows no defaults: an option that is not given is None."""
    parser = Parser(
        command="serve",
        description="Serve the store to S3 clients over HTTP. Every option may be given as PARTWRIGHT_<OPTION> in the environment,\n"
        "or by its name in the file that --config names.",
    )
    for option in (CONFIG, *OPTIONS):
        shown_default = "" if option.default is None else f" (default: {option.default})"
        parser.add_argument(
            f"--{option.name}",
            dest=option.parameter,
            metavar=option.metavar,
            type=option.read,
            action="store" if option.gather is None else "append",
            help=option.help + shown_default,
        )
    return parser

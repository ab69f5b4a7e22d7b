"""Build the parser of one S3 operation from the service model, and read a command line with it into a request."""

import argparse
import html
import re
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from botocore.model import OperationModel, Shape
from botocore.validate import ParamValidator

from engine.cli.model import flag, paging, paging_inputs, payload
from engine.cli.parser import Parser, add_query, add_store
from engine.cli.serve_options import alias
from engine.cli.values import converter, json_value

_SKELETON = "--generate-cli-skeleton"
_INPUT_JSON = "--cli-input-json"
_PAGING = {
    "StartingToken": (str, "the NextToken of an earlier, truncated answer"),
    "PageSize": (int, "how many items to ask for at a time; changes nothing in the answer"),
    "MaxItems": (int, "answer with so many items at most, and a NextToken if there are more"),
}


@dataclass(frozen=True, slots=True)
class Request:
    """A command line that was read: the parameters by S3's member names, and the options that are no parameters."""

    operation: OperationModel
    options: argparse.Namespace
    parameters: dict[str, Any]
    body_path: str | None
    """The path of `--body` (`-`: standard input); a body given in JSON is among the parameters."""
    pages: dict[str, Any] | None
    """botocore's PaginationConfig, or None for a single page."""


def build(command: str, operation: OperationModel, *, relaxed: bool = False) -> Parser:
    """Make the parser with the options of `aws s3api <command>`; `relaxed`: no member is required on the command line."""
    required = [] if relaxed else operation.input_shape.required_members
    outfile = ["outfile"] if payload(operation.output_shape) else []
    usage = " ".join([*(f"{flag(member)} <value>" for member in required), *outfile, "[options]"])
    parser = Parser(command=command, description=_first_sentence(operation.documentation), usage=usage)
    pages = paging(operation)
    for member, shape in operation.input_shape.members.items():
        hidden = pages is not None and member in paging_inputs(pages)
        _add_member(parser, operation, member, shape, required=member in required, hidden=hidden)
    if outfile:
        parser.add_argument(*outfile, help="where the body goes")
    else:
        _add_json(parser, payload(operation.input_shape))
    for member, (kind, text) in _PAGING.items() if pages else ():
        parser.add_argument(
            flag(member), dest=member, metavar="<value>", type=kind, default=argparse.SUPPRESS, help=text
        )
    parser.add_argument("--no-paginate", action="store_true", help="answer with one page, as S3 would")
    add_store(parser)
    text = "bucket behind the access point whose ARN --bucket is; may be repeated (default: as for serve, PARTWRIGHT_ALIAS)"
    parser.add_argument("--alias", dest="aliases", metavar="HOST=BUCKET", type=alias, action="append", help=text)
    add_query(parser)
    return parser


def read(parser: Parser, operation: OperationModel, options: argparse.Namespace) -> Request:
    """Make a request of the parsed options and the JSON input, and validate it by the service model; options win."""
    given = {member: value for member, value in vars(options).items() if member in operation.input_shape.members}
    body = payload(operation.input_shape)
    body_path = given.pop(body, None) if body else None
    parameters = {
        member: value for member, value in (_json_input(parser, options) | given).items() if value is not None
    }
    report = ParamValidator().validate(parameters, operation.input_shape)
    if report.has_errors():
        parser.error(f"Parameter validation failed:\n{report.generate_report()}")
    return Request(operation, options, parameters, body_path, _pages(parser, operation, options, parameters))


def is_relaxed(arguments: list[str]) -> bool:
    """Return whether there is JSON input, or an input skeleton is wanted: then `aws` requires no options."""
    for argument, following in pairwise([*arguments, ""]):
        name, _, value = argument.partition("=")
        if name == _INPUT_JSON or (name == _SKELETON and "output" not in (value, following)):
            return True
    return False


def _add_member(
    parser: Parser, operation: OperationModel, member: str, shape: Shape, *, required: bool, hidden: bool
) -> None:
    text = argparse.SUPPRESS if hidden else _help(shape)
    common: dict[str, Any] = {"dest": member, "default": argparse.SUPPRESS, "help": text, "required": required}
    if member == payload(operation.input_shape):
        parser.add_argument(flag(member), metavar="<path>", **common)
    elif shape.type_name == "boolean":
        parser.add_argument(flag(member), action=argparse.BooleanOptionalAction, **common)
    elif shape.type_name == "list":
        parser.add_argument(flag(member), nargs="*", metavar="<value>", type=converter(shape.member), **common)
    else:
        parser.add_argument(flag(member), metavar="<value>", type=converter(shape), **common)


def _add_json(parser: Parser, body: str | None) -> None:
    text = "all parameters as JSON, or file://path of it; options win"
    text += f"; its {body} is the text itself, not a path" if body else ""
    parser.add_argument(_INPUT_JSON, metavar="<json>", type=json_value, help=text)
    parser.add_argument(
        _SKELETON,
        nargs="?",
        const="input",
        choices=["input", "output"],
        help="print a sample of the JSON that goes in, or comes out, and do nothing",
    )


def _json_input(parser: Parser, options: argparse.Namespace) -> dict[str, Any]:
    parameters = getattr(options, "cli_input_json", None)
    if parameters is not None and not isinstance(parameters, dict):
        parser.error(f"argument {_INPUT_JSON}: not a JSON object")
    return parameters or {}


def _pages(
    parser: Parser, operation: OperationModel, options: argparse.Namespace, parameters: dict[str, Any]
) -> dict[str, Any] | None:
    """Return botocore's PaginationConfig, or None if the caller asks for single pages by members of paging, as `aws` does."""
    pages = paging(operation)
    if pages is None:
        return None
    config = {member: getattr(options, member) for member in _PAGING if hasattr(options, member)}
    if not options.no_paginate and paging_inputs(pages).isdisjoint(parameters):
        return config
    if config:
        names = ", ".join(map(flag, config))
        parser.error(f"Error during pagination: Cannot specify --no-paginate along with pagination arguments: {names}")
    return None


def _help(shape: Shape) -> str:
    """Return the first sentence about a member, and the values that it may have."""
    values = f" One of: {', '.join(shape.enum)}." if getattr(shape, "enum", None) else ""
    return (_first_sentence(shape.documentation) + values).strip().replace("%", "%%")


def _first_sentence(documentation: str) -> str:
    text = " ".join(html.unescape(re.sub(r"<[^>]*>", " ", documentation)).split())
    return re.split(r"(?<=[.:])\s", text, maxsplit=1)[0]

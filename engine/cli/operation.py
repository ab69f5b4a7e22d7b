"""Run one S3 operation on the store: call the method with its name, and print the answer."""

import io
import os
import shutil
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

from botocore.model import OperationModel, Shape
from botocore.paginate import Paginator
from botocore.utils import ArgumentGenerator

import engine
from engine.cli.answer import as_members
from engine.cli.arguments import as_argument
from engine.cli.failures import CommandError, Exit, calling
from engine.cli.files import replacing
from engine.cli.model import flag, operation_model, paging, payload
from engine.cli.options import Request, build, is_relaxed, read
from engine.cli.output import print_json
from engine.cli.parser import opened_store
from engine.errors import MalformedXML
from engine.s3.member_names import snake
from engine.shapes.requests import parameters

_COPY_BYTES = 1 << 20
_ARGUMENTS = {"MultipartUpload": "parts", "Delete": "keys"}
"""Member -> argument of the store, where the member is a structure around a list and the argument is the list."""


def run(command: str, arguments: list[str]) -> int:
    """Run `partwright <command> <arguments>`."""
    operation = operation_model(command)
    parser = build(command, operation, relaxed=is_relaxed(arguments))
    options = parser.parse_args(arguments)
    skeleton = getattr(options, "generate_cli_skeleton", None)
    if skeleton == "input":
        return _print_skeleton(operation.input_shape, names=False)
    request = read(parser, operation, options)
    request = _at_bucket(request)
    _refuse_unsupported(request)
    if skeleton == "output":
        return _print_skeleton(operation.output_shape, names=True)
    read_only = operation.name.startswith(("Get", "Head", "List"))
    with opened_store(parser, options, create=command == "create-bucket", read_only=read_only) as store:
        answer = _answer(store, request)
    print_json(answer, options.query)
    return Exit.SUCCESS


def _at_bucket(request: Request) -> Request:
    """Return the request with the bucket's name in place of an access point's ARN."""
    bucket = request.parameters.get("Bucket", "")
    if not bucket.startswith("arn:"):
        return request
    from engine.cli.access_points import bucket_behind

    return replace(request, parameters=request.parameters | {"Bucket": bucket_behind(bucket, request.options.aliases)})


def _print_skeleton(shape: Shape | None, *, names: bool) -> int:
    print_json(ArgumentGenerator(use_member_names=names).generate_skeleton(shape) if shape is not None else {})
    return Exit.SUCCESS


def _refuse_unsupported(request: Request) -> None:
    """Refuse members that S3's model has and the engine does not support, before anything is done.

    Raises:
        CommandError: there is one; the message names its option.
    """
    method = getattr(engine.Store, snake(request.operation.name))
    supported = parameters(method)
    for member in request.parameters:
        if _argument(member) not in supported:
            raise CommandError(f"{flag(member)} is not supported yet (nothing was done)")
    _refuse_unsupported_items(request, "Delete", "Objects", {"Key", "VersionId", "ETag"})


def _refuse_unsupported_items(request: Request, structure: str, items: str, supported: set[str]) -> None:
    for item in request.parameters.get(structure, {}).get(items, ()):
        for member in item:
            if member not in supported:
                raise CommandError(f"{flag(structure)}: {member} is not supported yet (nothing was done)")


def _answer(store: engine.Store, request: Request) -> dict[str, Any]:
    """Call the method, once or for each page, and return the answer to print."""
    operation = request.operation

    def page(**parameters: Any) -> dict[str, Any]:
        with _body(request) as body, calling(operation.name):
            result = getattr(store, snake(operation.name))(**_arguments(operation, parameters), **body)
            if payload(operation.output_shape):
                _save(result.body, request.options.outfile)
        return as_members(operation.output_shape, result)

    if request.pages is None:
        return page(**request.parameters)
    pages = Paginator(page, paging(operation), operation).paginate(PaginationConfig=request.pages, **request.parameters)
    try:
        return dict(pages.build_full_result())
    except ValueError as error:  # a malformed --starting-token
        raise CommandError(str(error)) from error


def _arguments(operation: OperationModel, parameters: Mapping[str, Any]) -> dict[str, Any]:
    body = payload(operation.input_shape)
    members = operation.input_shape.members
    arguments = {
        _argument(member): value if member in _ARGUMENTS else as_argument(members[member], value)
        for member, value in parameters.items()
        if member != body
    }
    if operation.name == "CompleteMultipartUpload":
        arguments["parts"] = _parts(arguments.get("parts"))
    elif operation.name == "DeleteObjects":
        delete = arguments["keys"]
        keys = [
            engine.ObjectIdentifier(**{snake(name): text for name, text in item.items()}) for item in delete["Objects"]
        ]
        arguments |= {"keys": keys, "quiet": delete.get("Quiet", False)}
    return arguments


def _argument(member: str) -> str:
    return _ARGUMENTS.get(member) or snake(member)


def _parts(upload: Mapping[str, Any] | None) -> list[engine.CompletedPart]:
    """Return the parts of a `MultipartUpload` structure.

    Raises:
        MalformedXML: it lists no parts, or one without number or ETag; S3's error for such a document.
    """
    if upload is None:
        return []
    if not upload.get("Parts"):
        raise MalformedXML(reason="it lists no parts")
    try:
        return [
            engine.CompletedPart(
                part["PartNumber"],
                part["ETag"],
                **{snake(member): value for member, value in part.items() if member.startswith("Checksum")},
            )
            for part in upload["Parts"]
        ]
    except KeyError as error:
        raise MalformedXML(reason=f"{error.args[0]} is missing") from error


@contextmanager
def _body(request: Request) -> Iterator[dict[str, Any]]:
    """Give the `body` argument if the operation has one: a file, standard input, or the text in the JSON input."""
    name = payload(request.operation.input_shape)
    if name is None:
        yield {}
    elif request.body_path is None:
        yield {"body": request.parameters.get(name, "").encode()}
    else:
        standard_input = request.body_path == "-"
        with open(0 if standard_input else request.body_path, "rb", buffering=0, closefd=not standard_input) as file:
            yield {"body": _source(file, request.parameters.get("ContentLength"))}


def _source(file: io.FileIO, declared_bytes: int | None) -> Any:
    """Return what the store reads the body from: a file, a descriptor, or an iterable.

    The store reads files and iterables to their end, and so notices more bytes than Content-Length declares. It does not read
    descriptors to their end, but moves their bytes by the pump, which is faster; that is for pipes without a declared length.
    """
    if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        return file
    return file.fileno() if declared_bytes is None else iter(partial(file.read, _COPY_BYTES), b"")


def _save(body: Any, path: str) -> None:
    with body, replacing(path) as file:
        shutil.copyfileobj(body, file, _COPY_BYTES)

"""What a row of a table of errors is: requests, by boto3 or written by hand, and the answer that each of them gets to the letter."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.support.refusals import TEXTS
from tests.system.clients.raw import Call

ANY = "*"
"""Stands for an element with any text."""


@dataclass(frozen=True)
class Ask:
    """A call of boto3, with its own checks switched off; `headers` go over what it makes (None: taken away)."""

    operation: str
    arguments: Mapping[str, Any]
    headers: Mapping[str, str | None] = field(default_factory=dict)
    by_stranger: bool = False


@dataclass(frozen=True)
class Expected:
    """Code, status, message, further elements."""

    code: str
    status: int
    message: str
    extras: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Case:
    """A request and its answer; texts in braces are what the stage has by that name."""

    sent: Ask | Call
    expected: Expected


Rows = Mapping[str, Iterable[Case]]
"""The cases of a section by the slug of the rule."""


def parameters(section: str, rows: Rows, kind: type) -> Iterator[Any]:
    """The cases of one kind of request as parameters of a test, marked by their rule."""
    for slug, cases in rows.items():
        for index, case in enumerate(cases):
            if isinstance(case.sent, kind):
                yield pytest.param(case, marks=pytest.mark.rule(section, slug), id=f"{section}-{slug}-{index}")


def ask(operation: str, key: str | None = "key", **arguments: Any) -> Ask:
    """A call on a key of the stage's bucket; names in lower case are headers, with `_` for `-`."""
    headers = {name.replace("_", "-"): arguments.pop(name) for name in list(arguments) if name.islower()}
    named = {"Bucket": "{bucket}"} | ({} if key is None else {"Key": key})
    return Ask(operation, named | arguments, headers)


def get(query: str, path: str = "/{bucket}", **headers: str) -> Call:
    return Call("GET", path, query, {name.replace("_", "-"): value for name, value in headers.items()})


def put(path: str = "/{bucket}/new", query: str = "", body: bytes = b"0123456789", **headers: str) -> Call:
    return Call("PUT", path, query, {name.replace("_", "-"): value for name, value in headers.items()}, body)


def argument(name: str, value: str) -> dict[str, str]:
    return {"ArgumentName": name, "ArgumentValue": value}


def known(code: str, **extras: str) -> Expected:
    """A code with one text."""
    status, message = TEXTS[code]
    return Expected(code, status, message, extras)


def invalid(message: str, name: str, value: str) -> Expected:
    return Expected("InvalidArgument", 400, message, argument(name, value))


def invalid_request(message: str) -> Expected:
    return Expected("InvalidRequest", 400, message)


def not_implemented(header: str, words: str | None = None) -> Expected:
    extras = {"Header": header} | ({} if words is None else {"additionalMessage": words})
    return Expected(
        "NotImplemented", 501, "A header you provided implies functionality that is not implemented", extras
    )


def denied(message: str = "Access Denied", **extras: str) -> Expected:
    return Expected("AccessDenied", 403, message, extras)

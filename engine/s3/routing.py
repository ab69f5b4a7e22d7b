"""Finds the bucket and key that a request addresses, and the S3 operation that it requests."""

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

from engine.errors import InvalidArgument, InvalidRequest, InvalidURI, MethodNotAllowed, S3Error
from engine.s3.http import Request, decode_percent
from engine.s3.model import OPERATIONS, Level, Operation


class Address(NamedTuple):
    """The bucket and key that a request addresses; without a key it addresses the bucket, without a bucket the service."""

    bucket: str | None
    key: str | None

    @property
    def level(self) -> Level:
        """Return what is addressed."""
        if self.key is not None:
            return "object"
        return "service" if self.bucket is None else "bucket"


def locate(request: Request, domains: tuple[str, ...] = (), aliases: Mapping[str, str] | None = None) -> Address:
    """Read bucket and key from host and path: path-style, unless the host is below one of the domains or is an alias.

    `aliases` maps access points and Outposts to buckets, by whole host name (`ap-123456789012.s3-accesspoint.example.com`) or by the
    label before the domain (`ap-123456789012`). The path is decoded once and then split, so that `%2F` is a slash, as in the canonical
    form that is signed. It is never normalised: `//` and `..` are ordinary characters.

    Raises:
        InvalidURI: an escape is broken, the bytes are not UTF-8, there is a NUL, or the bucket's name is empty before a slash.
        InvalidRequest: there is more than one Host header.

    Source: User Guide, "Virtual hosting of general purpose buckets".
    """
    path = decode_percent(request.raw_path)
    if not path.startswith("/") or "\0" in path:
        raise InvalidURI
    bucket = _bucket_of_host(request.header("host") or "", domains, aliases or {})
    if bucket is not None:
        return Address(bucket, path[1:] or None)
    name, slash, key = path[1:].partition("/")
    if slash and not name:
        raise InvalidURI
    return Address(name or None, key or None)


def _bucket_of_host(host: str, domains: tuple[str, ...], aliases: Mapping[str, str]) -> str | None:
    name = _host_name(host)
    if name in aliases:
        return aliases[name]
    for domain in sorted(domains, key=len, reverse=True):
        if name == domain.lower():
            return None
        label = name.removesuffix("." + domain.lower())
        if label and label != name:
            return aliases.get(label, label)
    return None


def _host_name(host: str) -> str:
    """Return the host in a Host header, without the port. An IPv6 address keeps its brackets."""
    name, colon, port = host.rpartition(":")
    bare = name if colon and (not port or port.isdecimal()) else host
    return bare.lower().removesuffix(".")


class _Route(NamedTuple):
    """An operation, with the query items and headers that distinguish it from others of its method, level and literal."""

    operation: Operation
    query: frozenset[str]
    headers: frozenset[str]

    def is_met_by(self, request: Request, names: Mapping[str, str]) -> bool:
        """Tell whether the request has all query items and headers that the operation requires."""
        return self.query <= names.keys() and all(request.header(name) is not None for name in self.headers)


_UNREACHABLE = frozenset(
    {
        "GetBucketLifecycle",
        "GetBucketNotification",
        "ListDirectoryBuckets",
        "PutBucketLifecycle",
        "PutBucketNotification",
        "WriteGetObjectResponse",
    }
)
"""Operations whose requests are identical to those of a newer operation, or go to another host."""


POST_OBJECT = replace(OPERATIONS["PutObject"], name="PostObject", method="POST", level="bucket")
"""A form that a browser sends. The model leaves it out: it stores an object as PutObject does, but has its members in its body."""


def _compile() -> dict[tuple[str, Level, str], tuple[_Route, ...]]:
    """Return the operations by method, level and literal. Those that require most come first."""
    table: dict[tuple[str, Level, str], list[_Route]] = {}
    for operation in (*OPERATIONS.values(), POST_OBJECT):
        if operation.name not in _UNREACHABLE:
            route = _Route(operation, operation.required("querystring"), operation.required("header"))
            literal = "=".join(part for part in operation.literals[0] if part) if operation.literals else ""
            table.setdefault((operation.method, operation.level, literal), []).append(route)
    for routes in table.values():
        routes.sort(key=lambda route: (len(route.query), len(route.headers)), reverse=True)
    return {key: tuple(routes) for key, routes in table.items()}


_ROUTES = _compile()
_SUBRESOURCES = frozenset(
    name for operation in OPERATIONS.values() for name, value in operation.literals[:1] if value is None
)
_OBJECT_ITEMS = frozenset(
    name for (_, level, _), routes in _ROUTES.items() if level == "object" for route in routes for name in route.query
)
"""Query items that only operations on objects have."""


def route(request: Request, address: Address) -> Operation:
    """Find the operation that a request asks for, by method, level, literals, required query items and required headers.

    A request with only some of an operation's query items (a part number without an upload id) is refused, not taken for a simpler one.

    Raises:
        MethodNotAllowed: there is no such operation.
        InvalidArgument: the query asks for two operations, or lacks a query item of one.
        InvalidRequest: the query is for an object and the path names none, or the other way round.

    Source: API page "Operations"; AWS's answers to misplaced and to conflicting query items.
    """
    names = dict(request.query)
    level = address.level
    if level == "bucket" and not _OBJECT_ITEMS.isdisjoint(names):
        raise InvalidRequest("A key must be specified")
    literal = _subresource(names)
    if not literal and names.get("list-type") == "2" and (request.method, level) == ("GET", "bucket"):
        literal = "list-type=2"
    routes = _ROUTES.get((request.method, level, literal), ())
    for candidate in routes:
        if candidate.is_met_by(request, names):
            return candidate.operation
        _check_complete(candidate, names)
    if routes and literal:
        return routes[-1].operation
    raise _misplaced(request.method, level, literal)


def _subresource(names: Mapping[str, str]) -> str:
    found = [name for name in names if name in _SUBRESOURCES]
    if len(found) > 1:
        raise InvalidArgument(
            f"Conflicting query string parameters: {', '.join(sorted(found))}",
            ArgumentName="ResourceType",
            ArgumentValue=found[0],
        )
    return found[0] if found else ""


def _check_complete(candidate: _Route, names: Mapping[str, str]) -> None:
    given, missing = candidate.query.intersection(names), candidate.query.difference(names)
    if given and missing:
        name = min(given)
        raise InvalidArgument(
            f"This operation does not accept {name} without {min(missing)}",
            ArgumentName=name,
            ArgumentValue=names[name],
        )


def _misplaced(method: str, level: Level, literal: str) -> S3Error:
    """Return the error for a request that no operation answers."""
    if literal and level == "object" and (method, "bucket", literal) in _ROUTES:
        return InvalidRequest(f"Key is not expected for the {method} method ?{literal} subresource")
    if literal and level == "bucket" and (method, "object", literal) in _ROUTES:
        return InvalidRequest("A key must be specified")
    return MethodNotAllowed(Method=method, ResourceType=level.upper())

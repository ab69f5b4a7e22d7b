"""Which bucket and key a request is about, and which operation of S3 it asks for."""

from collections.abc import Mapping
from typing import NamedTuple

from engine.errors import InvalidArgument, InvalidRequest, InvalidURI, MethodNotAllowed, S3Error
from engine.s3.http import Request, decode_percent
from engine.s3.model import OPERATIONS, Level, Operation


class Address(NamedTuple):
    """What a request is about: a bucket (or None: the service) and a key in it (or None: the bucket itself)."""

    bucket: str | None
    key: str | None

    @property
    def level(self) -> Level:
        """What kind of thing is addressed."""
        if self.key is not None:
            return "object"
        return "service" if self.bucket is None else "bucket"


def locate(request: Request, domains: tuple[str, ...] = (), aliases: Mapping[str, str] | None = None) -> Address:
    """Read bucket and key from host and path: path-style, unless the host is below one of the domains or is an alias.

    `aliases` gives the buckets of access points and Outposts: by whole host name (`ap-123456789012.s3-accesspoint.example.com`) or by
    what stands before the domain (`ap-123456789012`). The path is decoded once, before it is split (as in the canonical form that is
    signed, `%2F` is a slash), and never normalised: `//` and `..` are characters.

    Raises:
        InvalidURI: a broken escape, bytes that are no UTF-8, a NUL, an absent bucket name before a slash.
        InvalidRequest: more than one Host.

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
    """A Host header without its port; an IPv6 address keeps its brackets."""
    name, colon, port = host.rpartition(":")
    bare = name if colon and (not port or port.isdecimal()) else host
    return bare.lower().removesuffix(".")


class _Route(NamedTuple):
    """An operation, and what tells it from the others of its method, level and literal."""

    operation: Operation
    query: frozenset[str]
    headers: frozenset[str]

    def is_met_by(self, request: Request, names: Mapping[str, str]) -> bool:
        """Whether the request has what the operation requires."""
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
"""Their requests are those of a newer operation, or go to another host."""


def _compile() -> dict[tuple[str, Level, str], tuple[_Route, ...]]:
    """The operations by method, level and literal, those that require most first."""
    table: dict[tuple[str, Level, str], list[_Route]] = {}
    for operation in OPERATIONS.values():
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
_OF_KEYS = frozenset(
    name for (_, level, _), routes in _ROUTES.items() if level == "object" for route in routes for name in route.query
)
"""Query items that only a request about a key can mean."""


def route(request: Request, address: Address) -> Operation:
    """Find the operation a request asks for, by method, level, literals, required query items and required headers.

    A request that says half of an operation (a part number, but no upload id) is refused rather than taken for a simpler one.

    Raises:
        MethodNotAllowed: there is none.
        InvalidArgument: the query asks for two things, or for half of one.
        InvalidRequest: the query is about a key and there is none, or the other way round.

    Source: API page "Operations"; AWS's answers to misplaced and to conflicting query items.
    """
    names = dict(request.query)
    level = address.level
    if level == "bucket" and not _OF_KEYS.isdisjoint(names):
        raise InvalidRequest("A key must be specified")
    literal = _subresource(names)
    if not literal and names.get("list-type") == "2" and (request.method, level) == ("GET", "bucket"):
        literal = "list-type=2"
    routes = _ROUTES.get((request.method, level, literal), ())
    for candidate in routes:
        if candidate.is_met_by(request, names):
            return candidate.operation
        _check_half_said(candidate, names)
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


def _check_half_said(candidate: _Route, names: Mapping[str, str]) -> None:
    given, missing = candidate.query.intersection(names), candidate.query.difference(names)
    if given and missing:
        name = min(given)
        raise InvalidArgument(
            f"This operation does not accept {name} without {min(missing)}",
            ArgumentName=name,
            ArgumentValue=names[name],
        )


def _misplaced(method: str, level: Level, literal: str) -> S3Error:
    """The error for a request that no operation answers."""
    if literal and level == "object" and (method, "bucket", literal) in _ROUTES:
        return InvalidRequest(f"Key is not expected for the {method} method ?{literal} subresource")
    if literal and level == "bucket" and (method, "object", literal) in _ROUTES:
        return InvalidRequest("A key must be specified")
    return MethodNotAllowed(Method=method, ResourceType=level.upper())

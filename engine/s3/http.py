"""A request as the HTTP server received it: nothing decoded yet, nothing lost. Percent-decoding happens here, once and strictly."""

from dataclasses import dataclass, field
from typing import Literal

from engine.errors import InvalidRequest, InvalidURI
from engine.percent import decode_percent_encoded

METADATA_PREFIX = "x-amz-meta-"
_LISTS = frozenset(
    {
        "cache-control",
        "content-encoding",
        "content-language",
        "if-match",
        "if-none-match",
        "x-amz-object-attributes",
        "x-amz-optional-object-attributes",
    }
)


@dataclass(frozen=True, slots=True)
class Request:
    """One request's head. Names of headers are lower case, their values latin-1 text, order and repetitions kept."""

    method: str
    raw_path: bytes
    """As received, percent-encoded, without the query."""
    raw_query: bytes
    headers: tuple[tuple[str, str], ...]
    scheme: Literal["http", "https"]
    remote: str
    _query: tuple[tuple[str, str], ...] | None = field(default=None, init=False, repr=False, compare=False)

    def header(self, name: str) -> str | None:
        """The value of a header, None if it was not sent; one that is a list by nature may have come in pieces.

        Raises:
            InvalidRequest: it was sent twice, and two values can't both hold.
        """
        values = self.headers_named(name)
        if not values:
            return None
        return values[0] if len(values) == 1 else join_repeated(name, values)

    def headers_named(self, name: str) -> list[str]:
        """All values of a header in the order they came."""
        return [value for key, value in self.headers if key == name]

    @property
    def query(self) -> tuple[tuple[str, str], ...]:
        """The items of the query, decoded once, repetitions kept; an item without `=` has an empty value.

        Raises:
            InvalidURI: a broken escape, or bytes that are no UTF-8.
        """
        if self._query is None:
            object.__setattr__(self, "_query", decode_query(self.raw_query))
        return self._query or ()


def join_repeated(name: str, values: list[str]) -> str:
    """The one value that a repeated header stands for.

    Raises:
        InvalidRequest: the header is no list.

    Source: RFC 9110 section 5.3; for x-amz-meta-* User Guide, "Working with object metadata" (a comma-delimited list).
    """
    if name in _LISTS or name.startswith(METADATA_PREFIX):
        return ",".join(values)
    raise InvalidRequest(f"Header {name} was sent more than once")


def decode_query(raw: bytes) -> tuple[tuple[str, str], ...]:
    """The items of a query string; `+` is a space, as in every form-encoded query.

    Raises:
        InvalidURI: a broken escape, or bytes that are no UTF-8.

    Source: WHATWG URL, application/x-www-form-urlencoded parsing; botocore reads a query to be presigned in the same way.
    """
    if not raw:
        return ()
    items = (item.partition(b"=") for item in raw.replace(b"+", b" ").split(b"&") if item)
    return tuple((decode_percent(name), decode_percent(value)) for name, _, value in items)


def decode_percent(raw: bytes) -> str:
    """Percent-encoded UTF-8 as text; `+` stands for itself, nothing is normalised.

    Raises:
        InvalidURI: a broken escape, or bytes that are no UTF-8.
    """
    try:
        return decode_percent_encoded(raw)
    except ValueError:
        raise InvalidURI from None

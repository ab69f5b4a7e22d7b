"""A request as the HTTP server received it, undecoded and complete. It is percent-decoded here, once and strictly."""

from dataclasses import dataclass, field
from typing import Literal

from engine.errors import InvalidRequest, InvalidURI
from engine.percent import decode_percent_encoded

TARGET_SIZE_MAX = 16 * 1024
"""Bytes of a path and a query together; a key has 1,024, and 3 times as many when every one of them is escaped."""
ITEMS_MAX = 256
"""Items of a query. No operation takes more than 30."""
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
    """The head of a request. Header names are in lower case, values are latin-1 text; order and repetitions are kept."""

    method: str
    raw_path: bytes
    """As received, percent-encoded, without the query."""
    raw_query: bytes
    headers: tuple[tuple[str, str], ...]
    scheme: Literal["http", "https"]
    remote: str
    _query: tuple[tuple[str, str], ...] | None = field(default=None, init=False, repr=False, compare=False)

    def header(self, name: str) -> str | None:
        """Return the value of a header; None if it was not sent. The values of a repeated list header are joined.

        Raises:
            InvalidRequest: a header that is no list was sent more than once.
        """
        values = self.headers_named(name)
        if not values:
            return None
        return values[0] if len(values) == 1 else join_repeated(name, values)

    def headers_named(self, name: str) -> list[str]:
        """Return all values of a header in the order they came."""
        return [value for key, value in self.headers if key == name]

    @property
    def query(self) -> tuple[tuple[str, str], ...]:
        """Return the items of the query, decoded once, with repetitions. An item without `=` has an empty value.

        Raises:
            InvalidURI: an escape is broken, or the bytes are not UTF-8.
        """
        if self._query is None:
            object.__setattr__(self, "_query", decode_query(self.raw_query))
        return self._query or ()


def join_repeated(name: str, values: list[str]) -> str:
    """Join the values of a repeated list header.

    Raises:
        InvalidRequest: the header is not a list.

    Source: RFC 9110 section 5.3; for x-amz-meta-* User Guide, "Working with object metadata" (a comma-delimited list).
    """
    if name in _LISTS or name.startswith(METADATA_PREFIX):
        return ",".join(values)
    raise InvalidRequest(f"Header {name} was sent more than once")


def decode_query(raw: bytes) -> tuple[tuple[str, str], ...]:
    """Decode a query string into its items. `+` is a space, as in every form-encoded query.

    Raises:
        InvalidURI: there are more than `ITEMS_MAX` items, an escape is broken, or the bytes are not UTF-8.

    Source: WHATWG URL, application/x-www-form-urlencoded parsing; botocore reads a query before presigning in the same way.
    """
    if not raw:
        return ()
    if raw.count(b"&") >= ITEMS_MAX:
        raise InvalidURI
    items = (item.partition(b"=") for item in raw.replace(b"+", b" ").split(b"&") if item)
    return tuple((decode_percent(name), decode_percent(value)) for name, _, value in items)


def decode_percent(raw: bytes) -> str:
    """Decode percent-encoded UTF-8. `+` stands for itself, and nothing is normalised.

    Raises:
        InvalidURI: an escape is broken, or the bytes are not UTF-8.
    """
    try:
        return decode_percent_encoded(raw)
    except ValueError:
        raise InvalidURI from None

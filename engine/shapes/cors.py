"""The document of a bucket's cross-origin rules (PutBucketCors)."""

from typing import Annotated, TypeAlias

import msgspec

from engine.limits import Limits

_INTEGER_MAX = Limits().integer_max
_Integer: TypeAlias = Annotated[int, msgspec.Meta(ge=-_INTEGER_MAX, le=_INTEGER_MAX)]
_Texts: TypeAlias = Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]


class _Element(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """An element of the document; a member that is missing is None."""


class CORSRule(_Element, frozen=True):
    """One rule. Origins and names of headers that are allowed may each have one `*`, which stands for any text."""

    allowed_methods: _Texts
    allowed_origins: _Texts
    id: str | None = None
    allowed_headers: tuple[str, ...] | None = None
    expose_headers: tuple[str, ...] | None = None
    max_age_seconds: _Integer | None = None

    @property
    def allows_any_origin(self) -> bool:
        """Tell whether `*` is among the origins: then answers name `*` and not the origin, and allow no credentials."""
        return "*" in self.allowed_origins


class CORSConfiguration(_Element, frozen=True):
    """The whole document."""

    cors_rules: Annotated[tuple[CORSRule, ...], msgspec.Meta(min_length=1)]


CORSRules: TypeAlias = tuple[CORSRule, ...]

"""Reading a bucket's cross-origin rules, refusing those that are not valid, and finding the rule that allows a request.

Source, unless named otherwise: API pages PutBucketCors and CORSRule; User Guide, "Elements of a CORS configuration"; AWS's own answers.
"""

import functools
import re
from collections import defaultdict
from collections.abc import Iterable
from typing import Any, NamedTuple, Self

import msgspec

from engine.errors import InvalidArgument, InvalidRequest, MalformedXML, MaxMessageLengthExceeded
from engine.shapes.cors import CORSConfiguration, CORSRule, CORSRules

METHODS = ("GET", "PUT", "HEAD", "POST", "DELETE")
RULE_COUNT_MAX = 100
ID_LENGTH_MAX = 255
CONFIGURATION_SIZE_MAX = 64 * 1024
"""The size of the largest configuration, in bytes; `engine.s3.parsing` holds its XML to the same bound."""
_COMPILED_MAX = 64
"""How many configurations a process keeps in the form that requests are compared with."""
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""Source: RFC 9110 section 5.6.2. A header's name goes out in answers, and must not be able to end their line."""

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(CORSRules).decode


def read_configuration(configuration: Any) -> bytes:
    """Read the rules of a CORSConfiguration, or of dicts with S3's members in snake_case, and pack them into the bytes that are stored.

    Raises:
        MalformedXML: the configuration has another shape, or an exposed header has a name that no header can have.
        InvalidRequest, InvalidArgument: S3 does not allow a rule, or there are too many.
        MaxMessageLengthExceeded: the configuration is too large.
    """
    try:
        rules = msgspec.convert(configuration, CORSConfiguration, from_attributes=True).cors_rules
        document = _encode(rules)
    except (msgspec.ValidationError, UnicodeEncodeError) as error:
        raise MalformedXML(reason=str(error)) from None
    if len(rules) > RULE_COUNT_MAX:
        raise InvalidRequest(f"The number of CORS rules should not exceed allowed limit of {RULE_COUNT_MAX} rules.")
    for rule in rules:
        _check_rule(rule)
    if len(document) > CONFIGURATION_SIZE_MAX:
        raise MaxMessageLengthExceeded(MaxMessageLengthBytes=CONFIGURATION_SIZE_MAX)
    return document


def unpack_rules(document: bytes) -> CORSRules:
    """Unpack the rules that `read_configuration` packed."""
    return _decode(document)


def matching_rule(document: bytes, origin: str, method: str, headers: Iterable[str]) -> CORSRule | None:
    """Return the first rule that allows a request of an origin with a method and headers, whose names are in lower case.

    Source: User Guide, "How Amazon S3 evaluates the CORS configuration on a bucket".
    """
    for matcher in _compiled(document):
        if matcher.allows(origin, method, headers):
            return matcher.rule
    return None


def _check_rule(rule: CORSRule) -> None:
    if rule.id is not None and len(rule.id) > ID_LENGTH_MAX:
        text = f"ID length should not exceed allowed limit of {ID_LENGTH_MAX}"
        raise InvalidArgument(text, ArgumentName="ID", ArgumentValue=rule.id)
    for method in rule.allowed_methods:
        if method not in METHODS:
            raise InvalidRequest(f"Found unsupported HTTP method in CORS config. Unsupported method is {method}")
    for element, patterns in (("AllowedOrigin", rule.allowed_origins), ("AllowedHeader", rule.allowed_headers or ())):
        for pattern in patterns:
            if pattern.count("*") > 1:
                raise InvalidRequest(f'{element} "{pattern}" can not have more than one wildcard.')
    for name in rule.expose_headers or ():
        _check_exposed(name)


def _check_exposed(name: str) -> None:
    if "*" in name:
        text = f'ExposeHeader "{name}" contains wildcard. We currently do not support wildcard for ExposeHeader.'
        raise InvalidRequest(text)
    if not _TOKEN.fullmatch(name):
        raise MalformedXML(reason=f"{name!r} is not the name of a header")


class _Texts(NamedTuple):
    """Texts with at most one `*` each, in a form that is compared fast enough before authentication, and is small."""

    exact: frozenset[str]
    wild: tuple[tuple[str, tuple[str, ...]], ...]
    """What may stand behind a `*`, with all that may then stand before it."""

    @classmethod
    def of(cls, texts: Iterable[str]) -> Self:
        """Sort texts by whether they have a `*`, and by what follows it."""
        exact, wild = set(), defaultdict(list)
        for text in texts:
            before, star, behind = text.partition("*")
            if star:
                wild[behind].append(before)
            else:
                exact.add(text)
        return cls(frozenset(exact), tuple((behind, tuple(before)) for behind, before in wild.items()))

    def match(self, text: str) -> bool:
        """Tell whether one of the texts stands for this one."""
        return text in self.exact or any(
            text.endswith(behind) and text[: len(text) - len(behind)].startswith(before) for behind, before in self.wild
        )


class _Matcher(NamedTuple):
    """A rule with what it is compared by."""

    rule: CORSRule
    origins: _Texts
    headers: _Texts

    def allows(self, origin: str, method: str, headers: Iterable[str]) -> bool:
        """Tell whether the rule allows all three."""
        if method not in self.rule.allowed_methods or not self.origins.match(origin):
            return False
        return all(map(self.headers.match, headers))


@functools.lru_cache(_COMPILED_MAX)
def _compiled(document: bytes) -> tuple[_Matcher, ...]:
    return tuple(
        _Matcher(
            rule,
            _Texts.of(rule.allowed_origins),
            _Texts.of(name.lower() for name in rule.allowed_headers or ()),
        )
        for rule in unpack_rules(document)
    )

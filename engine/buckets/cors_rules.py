"""Reading a bucket's cross-origin rules, refusing those that are not valid, and finding the rule that allows a request.

Source, unless named otherwise: API pages PutBucketCors and CORSRule; User Guide, "Elements of a CORS configuration"; AWS's own answers.
"""

import functools
import re
from collections.abc import Iterable
from typing import Any, NamedTuple

import msgspec

from engine.errors import InvalidArgument, InvalidRequest, MalformedXML, MaxMessageLengthExceeded
from engine.shapes.cors import CORSConfiguration, CORSRule, CORSRules

METHODS = ("GET", "PUT", "HEAD", "POST", "DELETE")
RULE_COUNT_MAX = 100
ID_LENGTH_MAX = 255
CONFIGURATION_SIZE_MAX = 64 * 1024
"""The size of the largest configuration, in bytes; `engine.s3.parsing` holds its XML to the same bound."""
_COMPILED_MAX = 64
"""How many configurations a process keeps compiled."""
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


class _Matcher(NamedTuple):
    """A rule with its patterns compiled, so that a request that names much is compared in C."""

    rule: CORSRule
    origins: re.Pattern[str]
    headers: re.Pattern[str]

    def allows(self, origin: str, method: str, headers: Iterable[str]) -> bool:
        """Tell whether the rule allows all three."""
        if method not in self.rule.allowed_methods or not self.origins.fullmatch(origin):
            return False
        return all(self.headers.fullmatch(name) for name in headers)


@functools.lru_cache(_COMPILED_MAX)
def _compiled(document: bytes) -> tuple[_Matcher, ...]:
    return tuple(
        _Matcher(rule, _pattern(rule.allowed_origins), _pattern(name.lower() for name in rule.allowed_headers or ()))
        for rule in unpack_rules(document)
    )


def _pattern(texts: Iterable[str]) -> re.Pattern[str]:
    """Compile texts with at most one `*` each into a pattern that matches what any of them matches."""
    return re.compile("|".join(re.escape(text).replace(r"\*", ".*") for text in texts), re.DOTALL)

"""The condition operators of a bucket's policy, as pure functions.

Source, unless named otherwise: IAM User Guide, "IAM JSON policy elements: Condition operators" and "Conditions with
multiple context keys or values".
"""

import fnmatch
import functools
import ipaddress
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

Values = Sequence[str]
"""The values that a request has for a condition key; none if it has no such key."""
Matches = Callable[[str], bool]
"""Tells whether a value of the request is one that the policy names. Raises ValueError if the value has no such form."""
_ARN_PARTS = 6


def glob(pattern: str) -> Matches:
    """Make the test of a text against a pattern in which `*` stands for any text, and `?` for any character.

    Its work is bounded by the product of both lengths: `fnmatch.translate` lets no `*` be tried twice.
    """
    matches = re.compile(fnmatch.translate(pattern.replace("[", "[[]"))).match
    return lambda text: matches(text) is not None


class Condition(NamedTuple):
    """One operator on one condition key, with the values that the policy names."""

    key: str
    """In lower case, but for the key of a tag."""
    matches: Matches
    negated: bool
    """Whether the operator is one of the `Not` operators, which hold where no value of the policy matches."""
    quantifier: str
    """`ForAllValues`, `ForAnyValue`, or nothing."""
    if_exists: bool
    wants_null: bool | None = None
    """Of the operator Null: whether the key must be absent (True) or present (False)."""

    def holds(self, values: Values) -> bool:
        """Tell whether the condition holds for what a request has for the key."""
        if self.wants_null is not None:
            return self.wants_null is not bool(values)
        if not values:
            return self.if_exists or self.quantifier == "ForAllValues" or (self.negated and not self.quantifier)
        found = [self._fits(value) is not self.negated for value in values]
        is_for_all = self.quantifier == "ForAllValues" or (self.negated and not self.quantifier)
        return all(found) if is_for_all else any(found)

    def _fits(self, value: str) -> bool:
        try:
            return self.matches(value)
        except ValueError:
            return False


def read_condition(operator: str, key: str, values: Sequence[str]) -> Condition:
    """Read an operator, with `ForAllValues:` or `ForAnyValue:` before it and `IfExists` behind it, and the values it compares with.

    Raises:
        ValueError: there is no such operator, or a value is not of its kind.
    """
    quantifier, colon, name = operator.rpartition(":")
    if colon and quantifier not in ("ForAllValues", "ForAnyValue"):
        raise ValueError(operator)
    if name == "Null" and not colon:
        return Condition(key, _never, False, "", False, wants_null=_boolean(values[0]) if len(values) == 1 else _one())
    base = name.removesuffix("IfExists")
    negated = base in _NEGATED
    make = _OPERATORS.get(_NEGATED.get(base, base))
    if make is None:
        raise ValueError(operator)
    tests = [make(value) for value in values]
    return Condition(key, lambda value: any(test(value) for test in tests), negated, quantifier, base != name)


def _one() -> bool:
    raise ValueError("Null takes one value")


def _never(_value: str) -> bool:
    return False


def _boolean(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise ValueError(text)
    return text.lower() == "true"


def _is_boolean(wanted: str) -> Matches:
    meant = _boolean(wanted)
    return lambda value: _boolean(value) is meant


def _equals(wanted: str) -> Matches:
    return lambda value: value == wanted


def _equals_ignoring_case(wanted: str) -> Matches:
    folded = wanted.casefold()
    return lambda value: value.casefold() == folded


def _number(text: str) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise ValueError(text) from None
    if not number.is_finite():
        raise ValueError(text)
    return number


def _moment(text: str) -> datetime:
    """Read a date of ISO 8601, or seconds since 1970. One without a zone is UTC."""
    if re.fullmatch(r"[0-9]{1,11}", text, re.ASCII):
        return datetime.fromtimestamp(int(text), UTC)
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _compared(read: Callable[[str], Any], compare: Callable[[Any, Any], bool], wanted: str) -> Matches:
    bound = read(wanted)
    return lambda value: compare(read(value), bound)


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    address = ipaddress.ip_address(text)
    return getattr(address, "ipv4_mapped", None) or address


def _within(wanted: str) -> Matches:
    network = ipaddress.ip_network(wanted, strict=False)
    return lambda value: _address(value) in network


def _is_arn(wanted: str) -> Matches:
    """Compare ARNs part by part: a `*` stands for any text within one of the six parts."""
    tests = [glob(part) for part in wanted.split(":", _ARN_PARTS - 1)]
    if len(tests) != _ARN_PARTS:
        raise ValueError(wanted)

    def matches(value: str) -> bool:
        parts = value.split(":", _ARN_PARTS - 1)
        return len(parts) == _ARN_PARTS and all(test(part) for test, part in zip(tests, parts, strict=True))

    return matches


_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "Equals": lambda value, bound: bool(value == bound),
    "LessThan": lambda value, bound: bool(value < bound),
    "LessThanEquals": lambda value, bound: bool(value <= bound),
    "GreaterThan": lambda value, bound: bool(value > bound),
    "GreaterThanEquals": lambda value, bound: bool(value >= bound),
}
_OPERATORS: dict[str, Callable[[str], Matches]] = {
    "StringEquals": _equals,
    "StringEqualsIgnoreCase": _equals_ignoring_case,
    "StringLike": glob,
    "Bool": _is_boolean,
    "IpAddress": _within,
    "ArnEquals": _is_arn,
    "ArnLike": _is_arn,
} | {
    kind + name: functools.partial(_compared, read, compare)
    for kind, read in (("Numeric", _number), ("Date", _moment))
    for name, compare in _COMPARISONS.items()
}
_NEGATED = {
    "StringNotEquals": "StringEquals",
    "StringNotEqualsIgnoreCase": "StringEqualsIgnoreCase",
    "StringNotLike": "StringLike",
    "NumericNotEquals": "NumericEquals",
    "DateNotEquals": "DateEquals",
    "NotIpAddress": "IpAddress",
    "ArnNotEquals": "ArnEquals",
    "ArnNotLike": "ArnLike",
}

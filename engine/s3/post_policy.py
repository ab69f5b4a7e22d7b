"""Judges a form (POST Object) by its policy, the signed document that says which forms may be sent; pure functions.

Every field of a form must be allowed by a condition, and every condition must hold. Names of fields are in lower case here.

Source: Amazon S3 API Reference, "POST policy"; AWS's answers (`post_object_policy_*`, `post_request_*`). The texts of malformed
documents that AWS's captured answers do not have are Amazon's as users of its forms reported them.
"""

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple

from engine.dates import parse_date
from engine.errors import AccessDenied, S3Error
from engine.s3.keys import HIDDEN, SECRET_HEADERS

EQ: Final = "eq"
STARTS_WITH: Final = "starts-with"
RANGE: Final = "content-length-range"
_NEED_NO_CONDITION: Final = frozenset({"awsaccesskeyid", "file", "policy", "signature", "x-amz-signature"})
_IGNORED_PREFIX: Final = "x-ignore-"
_COUNT: Final = re.compile(r"[0-9]{1,19}")
_LIST_COMMA: Final = re.compile(r", *")
"""A form may name a list of content types, each of which must meet `starts-with`."""


class InvalidPolicyDocument(S3Error):
    """The policy is malformed."""

    text = "The content of the form does not meet the conditions specified in the policy document."


class SizeRange(NamedTuple):
    """The sizes in bytes that a file may have; `most` is None if any size may be sent."""

    least: int = 0
    most: int | None = None


class Condition(NamedTuple):
    """A condition as the policy has it: `eq` or `starts-with` with `$NAME` and a text, or `content-length-range` with two numbers.

    `{"NAME": "TEXT"}` is read as `["eq", "$NAME", "TEXT"]`, and a number as its digits; so AWS's answers show them.
    """

    operator: str
    left: str
    right: str

    @property
    def field(self) -> str | None:
        """Return the name of the field that it is about; None if it is about none."""
        is_about_field = self.operator != RANGE and self.left.startswith("$")
        return self.left[1:].lower() if is_about_field else None

    def holds(self, fields: Mapping[str, str]) -> bool:
        """Tell whether the fields meet it. A field that was not sent meets none, not even a prefix of nothing."""
        if self.operator == RANGE:
            return all(_COUNT.fullmatch(number) for number in (self.left, self.right))
        value = None if self.field is None else fields.get(self.field)
        if value is None:
            return False
        if self.operator == EQ:
            return value == self.right
        values = _LIST_COMMA.split(value) if self.field == "content-type" else [value]
        return all(each.startswith(self.right) for each in values)

    def __str__(self) -> str:
        right = HIDDEN.decode() if self.field in SECRET_HEADERS else self.right
        return json.dumps([self.operator, self.left, right], ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy: when it expires, and its conditions."""

    expiration: datetime
    conditions: tuple[Condition, ...]

    def judge(self, fields: Mapping[str, str], now: datetime) -> SizeRange:
        """Judge a form, and return the sizes that its file may have.

        `fields` are those of the form, with the bucket that the request addresses as `bucket`, and the key as it will be stored.

        Raises:
            AccessDenied: the policy has expired, a condition does not hold, or no condition allows a field.
        """
        if now >= self.expiration:
            raise _denied("Policy expired.")
        for condition in self.conditions:
            if not condition.holds(fields):
                raise _denied(f"Policy Condition failed: {condition}")
        allowed = {condition.field for condition in self.conditions} | _NEED_NO_CONDITION
        extra = [name for name in fields if name not in allowed and not name.startswith(_IGNORED_PREFIX)]
        if extra:
            raise _denied(f"Extra input fields: {', '.join(extra)}")
        ranges = [(int(each.left), int(each.right)) for each in self.conditions if each.operator == RANGE]
        if not ranges:
            return SizeRange()
        return SizeRange(max(least for least, _ in ranges), min(most for _, most in ranges))


def _denied(words: str) -> AccessDenied:
    return AccessDenied(f"Invalid according to Policy: {words}")


def read_policy(encoded: str) -> Policy:
    """Read a policy from the base64 of its JSON, which the signature covers.

    Raises:
        InvalidPolicyDocument: it is no JSON in base64, or not of a policy's form. Unknown members are refused too, for they were
            meant to forbid something.
    """
    document = _members(_decoded(encoded), "Policy")
    for name in ("expiration", "conditions"):
        if name not in document:
            raise _malformed(f"Policy missing {name}.")
    for name in document.keys() - {"expiration", "conditions"}:
        raise _malformed(f"Unexpected: '{name}'.")
    expiration, conditions = document["expiration"], document["conditions"]
    moment = parse_date(expiration) if isinstance(expiration, str) else None
    if moment is None:
        raise _malformed(f"Invalid 'expiration' value: '{expiration}'")
    if not isinstance(conditions, list):
        raise _malformed("Invalid 'conditions' value: must be a List.")
    return Policy(moment, tuple(_condition(each) for each in conditions))


def _malformed(words: str) -> InvalidPolicyDocument:
    return InvalidPolicyDocument(f"Invalid Policy: {words}")


def _decoded(encoded: str) -> Any:
    """Return the JSON value: an object as a tuple of its members in pairs, so that a repeated name is seen; a number as its digits."""
    try:
        text = base64.b64decode("".join(encoded.split()), validate=True).decode()
        return json.loads(text, object_pairs_hook=tuple, parse_int=str, parse_float=str)
    except (ValueError, RecursionError):
        raise _malformed("Invalid JSON.") from None


def _members(value: Any, what: str) -> dict[str, Any]:
    if not isinstance(value, tuple) or len(dict(value)) < len(value):
        raise _malformed(f"{what} must be an object, each of whose members is given once.")
    return dict(value)


def _condition(value: Any) -> Condition:
    if isinstance(value, tuple):
        if len(value) != 1:
            words = "Invalid Simple-Condition: Simple-Conditions must have exactly one property specified."
            raise _malformed(words)
        ((name, text),) = value
        if not isinstance(text, str):
            raise _malformed("Invalid Simple-Condition: value must be a string.")
        return Condition(EQ, f"${name}", text)
    if not isinstance(value, list) or len(value) != 3 or not all(isinstance(each, str) for each in value):
        raise _malformed("Invalid Condition: must be a list of an operator and two values.")
    operator, left, right = value
    if operator.lower() not in (EQ, STARTS_WITH, RANGE):
        raise _malformed(f"Invalid Condition: unknown operation '{operator}'.")
    return Condition(operator.lower(), left, right)

"""Reading a bucket's policy, refusing what is not understood, and judging a request by it, as pure functions.

Whatever is not understood is refused when the policy is put: a denial that was ignored would allow what its writer meant to deny.

Source, unless named otherwise: IAM User Guide, "IAM JSON policy elements reference" and "Policy evaluation logic"; Service
Authorization Reference, "Actions, resources, and condition keys for Amazon S3"; AWS's own answers.
"""

import functools
import ipaddress
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal, NamedTuple, NoReturn

from engine.buckets.policy_conditions import Condition, Matches, Values, glob, read_condition
from engine.errors import MalformedPolicy

POLICY_SIZE_MAX = 20 * 1024
"""In bytes. Source: User Guide, "Bucket policies": "Bucket policies are limited to 20 KB in size"."""
ARN = "arn:aws:s3:::"
KEYS = frozenset(
    {
        "aws:currenttime", "aws:epochtime", "aws:principalaccount", "aws:principalarn", "aws:principaltype", "aws:referer",
        "aws:resourceaccount", "aws:securetransport", "aws:sourceip", "aws:useragent", "s3:delimiter", "s3:max-keys",
        "s3:object-lock-legal-hold", "s3:object-lock-mode", "s3:object-lock-remaining-retention-days",
        "s3:object-lock-retain-until-date", "s3:prefix", "s3:requestobjecttagkeys", "s3:resourceaccount", "s3:versionid",
        "s3:x-amz-acl", "s3:x-amz-content-sha256", "s3:x-amz-copy-source", "s3:x-amz-metadata-directive",
        "s3:x-amz-server-side-encryption", "s3:x-amz-server-side-encryption-aws-kms-key-id",
        "s3:x-amz-server-side-encryption-customer-algorithm", "s3:x-amz-storage-class",
    }
)  # fmt: skip
"""The condition keys that requests are judged by, in lower case: a key means the same in any case."""
TAG_KEYS = ("s3:existingobjecttag/", "s3:requestobjecttag/")
"""The beginnings of those that name a tag, whose key keeps its case."""
_SOURCE_IP = "aws:sourceip"
_COMPILED_MAX = 64
"""How many policies a process keeps in the form that requests are compared with."""
_BROADEST_PREFIX = {4: 8, 6: 32}
"""The shortest prefix of an address range that is not public. Source: User Guide, "The meaning of public"."""
_PRINCIPAL = re.compile(r"([0-9]{12})|arn:aws:iam::([0-9]{12}):root", re.ASCII)
_ACTION = re.compile(r"s3:[a-z*?]+", re.ASCII)
_VERSIONS = ("2012-10-17", "2008-10-17")
_ELEMENTS = frozenset({"Version", "Id", "Statement"})
_OF_STATEMENTS = frozenset(
    {"Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition"}
)

Effect = Literal["Allow", "Deny"]
Facts = Callable[[str], Values]
"""Returns what a request has for a condition key."""


class Asked(NamedTuple):
    """What is asked of a policy: whether an account may do an action on a resource."""

    account_id: str
    """Empty for anonymous requests."""
    action: str
    resource: str
    facts: Facts


class _Choice(NamedTuple):
    """What an element lists: Action, or, inverted, NotAction; and so for resources and principals."""

    tests: tuple[Matches, ...]
    inverted: bool

    def covers(self, text: str) -> bool:
        return any(test(text) for test in self.tests) is not self.inverted


class Statement(NamedTuple):
    """One statement of a policy."""

    effect: Effect
    principals: _Choice
    actions: _Choice
    resources: _Choice
    conditions: tuple[Condition, ...]
    is_public: bool

    def applies(self, asked: Asked) -> bool:
        """Tell whether the statement is about a request."""
        return (
            self.principals.covers(asked.account_id)
            and self.actions.covers(asked.action.lower())
            and self.resources.covers(asked.resource)
            and all(condition.holds(asked.facts(condition.key)) for condition in self.conditions)
        )


class Policy(NamedTuple):
    """The policy of a bucket."""

    statements: tuple[Statement, ...]

    @property
    def is_public(self) -> bool:
        """Tell whether anybody at all is allowed something.

        Source: User Guide, "The meaning of public". Of the conditions that narrow a policy there, only aws:SourceIp is known here.
        """
        return any(statement.is_public for statement in self.statements)

    def judge(self, asked: Asked) -> Effect | None:
        """Return what the policy says of a request; None if it says nothing. A denial wins over everything that allows."""
        effects = {statement.effect for statement in self.statements if statement.applies(asked)}
        return "Deny" if "Deny" in effects else "Allow" if effects else None


@functools.lru_cache(_COMPILED_MAX)
def read_policy(document: str, bucket: str) -> Policy:
    """Read the policy of a bucket.

    Raises:
        MalformedPolicy: the document is no policy, is too large, or has something that is not understood here.
    """
    if not document.startswith("{"):
        raise MalformedPolicy("Policies must be valid JSON and the first byte must be '{'")
    if len(document.encode(errors="replace")) > POLICY_SIZE_MAX:
        raise MalformedPolicy(
            f"Normalized policy document exceeds the maximum allowed size of {POLICY_SIZE_MAX} bytes."
        )
    import json  # it takes longer to load than the engine may, and few processes read policies

    try:
        policy = json.loads(document, object_pairs_hook=_without_repetition, parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise MalformedPolicy("Policies must be valid JSON and the first byte must be '{'") from None
    _check_elements(policy, _ELEMENTS)
    if policy.get("Version", _VERSIONS[0]) not in _VERSIONS:
        raise MalformedPolicy("The policy must contain a valid version string")
    if not isinstance(policy.get("Id", ""), str):
        _refuse()
    statements = _required(policy, "Statement")
    if isinstance(statements, dict):
        statements = [statements]
    if not isinstance(statements, list) or not statements:
        _refuse()
    return Policy(tuple(_statement(each, bucket) for each in statements))


def _statement(given: Any, bucket: str) -> Statement:
    _check_elements(given, _OF_STATEMENTS)
    effect = _required(given, "Effect")
    if effect not in ("Allow", "Deny"):
        raise MalformedPolicy(f"Invalid effect: {effect}" if isinstance(effect, str) else None)
    if not isinstance(given.get("Sid", ""), str):
        _refuse()
    principals = _choice(given, "Principal", _principals)
    conditions = tuple(_conditions(given.get("Condition", {})))
    is_public = effect == "Allow" and (principals.inverted or principals.covers("")) and not _are_narrow(given)
    return Statement(
        effect,
        principals,
        _choice(given, "Action", _actions),
        _choice(given, "Resource", lambda value: _resources(value, bucket)),
        conditions,
        is_public,
    )


def _choice(given: dict[str, Any], name: str, read: Callable[[Any], Iterable[Matches]]) -> _Choice:
    inverted = f"Not{name}" in given
    if inverted and name in given:
        raise MalformedPolicy(f"Statement has both {name} and Not{name}")
    value = given[f"Not{name}"] if inverted else _required(given, name)
    return _Choice(tuple(read(value)), inverted)


def _principals(value: Any) -> Iterable[Matches]:
    if value == "*":
        value = {"AWS": "*"}
    if not isinstance(value, dict) or value.keys() != {"AWS"}:
        raise MalformedPolicy("Invalid principal in policy")
    for text in _texts(value["AWS"]):
        found = _PRINCIPAL.fullmatch(text)
        if text == "*":
            yield lambda _account_id: True
        elif found is None:
            raise MalformedPolicy("Invalid principal in policy")
        else:
            yield (found[1] or found[2]).__eq__


def _actions(value: Any) -> Iterable[Matches]:
    for text in _texts(value):
        if text != "*" and not _ACTION.fullmatch(text.lower()):
            raise MalformedPolicy("Policy has invalid action")
        yield glob(text.lower())


def _resources(value: Any, bucket: str) -> Iterable[Matches]:
    for text in _texts(value):
        named = text.removeprefix(ARN).partition("/")[0]
        if "${" in text or not text.startswith(ARN) or not glob(named)(bucket):
            raise MalformedPolicy("Policy has invalid resource")
        yield glob(text)


def _conditions(value: Any) -> Iterable[Condition]:
    if not isinstance(value, dict):
        _refuse()
    for operator, compared in value.items():
        if not isinstance(compared, dict):
            _refuse()
        for name, values in compared.items():
            try:
                yield read_condition(operator, _condition_key(name), _texts(values, scalars=True))
            except (ValueError, OverflowError, OSError):
                raise MalformedPolicy(f"Invalid condition: {operator}, {name}") from None


def _condition_key(name: str) -> str:
    beginning, slash, tag = name.partition("/")
    beginning = beginning.lower() + slash
    if beginning in KEYS or (beginning in TAG_KEYS and tag):
        return beginning + tag
    raise MalformedPolicy("Policy has an invalid condition key")


def _are_narrow(given: dict[str, Any]) -> bool:
    """Tell whether a statement is for some addresses only, of ranges that are not too broad."""
    wanted = [
        text
        for name, values in given.get("Condition", {}).get("IpAddress", {}).items()
        if name.lower() == _SOURCE_IP
        for text in _texts(values)
    ]
    networks = [ipaddress.ip_network(text, strict=False) for text in wanted]
    return bool(networks) and all(each.prefixlen >= _BROADEST_PREFIX[each.version] for each in networks)


def _texts(value: Any, *, scalars: bool = False) -> Sequence[str]:
    """Return the texts of an element, which is one or a list of some; with `scalars` they may be numbers and booleans too.

    Policy variables (`${aws:PrincipalTag/...}`) are refused.
    """
    values = value if isinstance(value, list) else [value]
    if not values:
        _refuse()
    return [_text(each, scalars) for each in values]


def _text(value: Any, scalars: bool) -> str:
    if scalars and isinstance(value, bool | int | float):
        return str(value).lower()
    if not isinstance(value, str):
        _refuse()
    if "${" in value:
        raise MalformedPolicy("Policy variables are not supported here")
    return str(value)


def _required(given: dict[str, Any], name: str) -> Any:
    if name not in given:
        raise MalformedPolicy(f"Missing required field {name}")
    return given[name]


def _check_elements(given: Any, known: frozenset[str]) -> None:
    if not isinstance(given, dict):
        _refuse()
    for name in given:
        if name not in known:
            raise MalformedPolicy(f"Unknown field {name}")


def _refuse() -> NoReturn:
    raise MalformedPolicy


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name stands there twice")
    return found


def _no_number(text: str) -> NoReturn:
    raise ValueError(text)

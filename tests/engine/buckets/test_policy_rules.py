"""Policies of buckets as pure functions: AWS's documented examples, what is refused, and that a denial always wins."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.buckets.policy_conditions import read_condition
from engine.buckets.policy_rules import POLICY_SIZE_MAX, Asked, read_policy
from engine.errors import MalformedPolicy

BUCKET, ARN, KEY = "bucket", "arn:aws:s3:::bucket", "arn:aws:s3:::bucket/key"
A, B = "111122223333", "444455556666"


def document(*statements: dict[str, Any], **elements: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements} | elements)


def statement(**elements: Any) -> dict[str, Any]:
    given = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"{ARN}/*"} | elements
    return {name: value for name, value in given.items() if value is not None}


def judged(
    policy: str, account: str = A, action: str = "s3:GetObject", resource: str = KEY, **facts: str
) -> str | None:
    known = {name.replace("__", ":").replace("_", "-"): value for name, value in facts.items()}
    asked = Asked(account, action, resource, lambda key: (known[key],) if key in known else ())
    return read_policy(policy, BUCKET).judge(asked)


SSE = "s3__x_amz_server_side_encryption"
IP_RANGE = {"NotIpAddress": {"aws:SourceIp": ["192.0.2.0/24", "203.0.113.0/24", "2001:DB8:1234:5678::/64"]}}
EXAMPLES: list[tuple[str, list[dict[str, Any]], list[tuple[str | None, dict[str, Any]]]]] = [
    ("read-only for everybody", [statement()], [("Allow", {"account": ""}), (None, {"action": "s3:PutObject"})]),
    ("an account may upload",
     [statement(Principal={"AWS": f"arn:aws:iam::{A}:root"}, Action=["s3:PutObject", "s3:PutObjectAcl"])],
     [("Allow", {"action": "s3:PutObject"}), (None, {"action": "s3:PutObject", "account": B}), (None, {"account": ""})]),
    ("the owner keeps control of uploads",
     [statement(Principal={"AWS": A}, Action="s3:PutObject",
                Condition={"StringEquals": {"s3:x-amz-acl": "bucket-owner-full-control"}})],
     [("Allow", {"action": "s3:PutObject", "s3__x_amz_acl": "bucket-owner-full-control"}),
      (None, {"action": "s3:PutObject"}), (None, {"action": "s3:PutObject", "s3__x_amz_acl": "private"})]),
    ("only over TLS",
     [statement(Effect="Deny", Action="s3:*", Resource=[ARN, f"{ARN}/*"],
                Condition={"Bool": {"aws:SecureTransport": "false"}})],
     [("Deny", {"aws__securetransport": "false"}), (None, {"aws__securetransport": "true"})]),
    ("only from some addresses", [statement(Effect="Deny", Action="s3:*", Condition=IP_RANGE)],
     [("Deny", {"aws__sourceip": "198.51.100.1"}), (None, {"aws__sourceip": "192.0.2.7"}),
      (None, {"aws__sourceip": "2001:db8:1234:5678::1"}), ("Deny", {"aws__sourceip": "2001:db8::1"})]),
    ("a prefix may be listed",
     [statement(Action="s3:ListBucket", Resource=ARN, Condition={"StringEquals": {"s3:prefix": "projects"}})],
     [("Allow", {"action": "s3:ListBucket", "resource": ARN, "s3__prefix": "projects"}),
      (None, {"action": "s3:ListBucket", "resource": ARN})]),
    ("at most ten keys a page",
     [statement(Effect="Deny", Action="s3:ListBucket", Resource=ARN,
                Condition={"NumericGreaterThan": {"s3:max-keys": "10"}})],
     [("Deny", {"action": "s3:ListBucket", "resource": ARN, "s3__max_keys": "11"}),
      (None, {"action": "s3:ListBucket", "resource": ARN, "s3__max_keys": "10"})]),
    ("uploads are encrypted with SSE-KMS",
     [statement(Effect="Deny", Action="s3:PutObject",
                Condition={"StringNotEquals": {"s3:x-amz-server-side-encryption": "aws:kms"}})],
     [("Deny", {"action": "s3:PutObject"}), ("Deny", {"action": "s3:PutObject", SSE: "AES256"}),
      (None, {"action": "s3:PutObject", SSE: "aws:kms"})]),
    ("uploads are encrypted",
     [statement(Effect="Deny", Action="s3:PutObject",
                Condition={"Null": {"s3:x-amz-server-side-encryption": "true"}})],
     [("Deny", {"action": "s3:PutObject"}), (None, {"action": "s3:PutObject", SSE: "AES256"})]),
    ("no keys of customers",
     [statement(Effect="Deny", Action="s3:PutObject",
                Condition={"Null": {"s3:x-amz-server-side-encryption-customer-algorithm": "false"}})],
     [("Deny", {"action": "s3:PutObject", "s3__x_amz_server_side_encryption_customer_algorithm": "AES256"}),
      (None, {"action": "s3:PutObject"})]),
    ("a tag opens an object",
     [statement(Condition={"StringEquals": {"s3:ExistingObjectTag/environment": "production"}})],
     [("Allow", {"s3__existingobjecttag/environment": "production"}), (None, {})]),
    ("all but one account", [statement(Effect="Deny", Principal=None, NotPrincipal={"AWS": A}, Action="s3:*")],
     [(None, {}), ("Deny", {"account": B}), ("Deny", {"account": ""})]),
    ("anything but deletions", [statement(Action=None, NotAction="s3:Delete*")],
     [("Allow", {"action": "s3:PutObject"}), (None, {"action": "s3:DeleteObject"})]),
    ("all but one folder", [statement(Effect="Deny", Resource=None, NotResource=f"{ARN}/public/*")],
     [("Deny", {}), (None, {"resource": f"{ARN}/public/a"})]),
    ("wildcards", [statement(Action="s3:get*", Resource=f"{ARN}/a?/[x]/*.txt")],
     [("Allow", {"resource": f"{ARN}/ab/[x]/1/2.txt"}), (None, {"resource": f"{ARN}/ab/x/2.txt"}),
      (None, {"resource": f"{ARN}/abc/[x]/2.txt"})]),
]  # fmt: skip
"""Source: User Guide, "Examples of Amazon S3 bucket policies", "Bucket policy examples using condition keys"; IAM User Guide."""


@pytest.mark.parametrize(
    ("policy", "effect", "asked"),
    [(document(*statements), effect, asked) for _, statements, answers in EXAMPLES for effect, asked in answers],
    ids=[f"{name}-{index}" for name, _, answers in EXAMPLES for index in range(len(answers))],
)
def test_aws_documented_examples_are_judged_as_documented(
    policy: str, effect: str | None, asked: dict[str, Any]
) -> None:
    assert judged(policy, **asked) == effect


OPERATORS: list[tuple[str, str, list[str], list[str], bool]] = [
    ("StringEquals", "k", ["a", "b"], ["b"], True),
    ("StringEquals", "k", ["a"], ["A"], False),
    ("StringEquals", "k", ["a"], [], False),
    ("StringNotEquals", "k", ["a", "b"], ["b"], False),
    ("StringNotEquals", "k", ["a"], [], True),
    ("StringEqualsIgnoreCase", "k", ["a"], ["A"], True),
    ("StringNotEqualsIgnoreCase", "k", ["a"], ["A"], False),
    ("StringLike", "k", ["a*c?"], ["abbcd"], True),
    ("StringLike", "k", ["a*c?"], ["abbc"], False),
    ("StringNotLike", "k", ["a*"], ["b"], True),
    ("StringEqualsIfExists", "k", ["a"], [], True),
    ("StringEqualsIfExists", "k", ["a"], ["b"], False),
    ("NumericEquals", "k", ["10"], ["10.0"], True),
    ("NumericNotEquals", "k", ["10"], ["10"], False),
    ("NumericLessThan", "k", ["10"], ["9"], True),
    ("NumericLessThanEquals", "k", ["10"], ["10"], True),
    ("NumericGreaterThan", "k", ["10"], ["10"], False),
    ("NumericGreaterThanEquals", "k", ["10"], ["x"], False),
    ("DateLessThan", "k", ["2020-01-01T00:00:00Z"], ["2019-12-31T23:59:59.000Z"], True),
    ("DateGreaterThan", "k", ["1577836800"], ["2020-01-01T00:00:01Z"], True),
    ("DateEquals", "k", ["2020-01-01"], ["2020-01-01T00:00:00Z"], True),
    ("DateNotEquals", "k", ["2020-01-01"], ["2020-01-02"], True),
    ("Bool", "k", ["true"], ["TRUE"], True),
    ("Bool", "k", ["true"], ["false"], False),
    ("IpAddress", "k", ["192.0.2.0/24"], ["192.0.2.9"], True),
    ("IpAddress", "k", ["192.0.2.0/24"], ["::ffff:192.0.2.9"], True),
    ("IpAddress", "k", ["192.0.2.0/24"], ["in-process"], False),
    ("NotIpAddress", "k", ["192.0.2.0/24"], ["192.0.2.9"], False),
    ("ArnEquals", "k", [f"arn:aws:iam::{A}:*"], [f"arn:aws:iam::{A}:root"], True),
    ("ArnLike", "k", ["arn:aws:iam::*:root"], [f"arn:aws:iam::{A}:root"], True),
    ("ArnLike", "k", ["arn:*:root:::"], [f"arn:aws:iam::{A}:root"], False),
    ("ArnNotLike", "k", ["arn:aws:iam::*:root"], [f"arn:aws:iam::{A}:root"], False),
    ("ArnNotEquals", "k", [f"arn:aws:iam::{B}:root"], [f"arn:aws:iam::{A}:root"], True),
    ("Null", "k", ["true"], [], True),
    ("Null", "k", ["false"], [], False),
    ("Null", "k", ["false"], ["a"], True),
    ("ForAllValues:StringEquals", "k", ["a", "b"], ["a", "b"], True),
    ("ForAllValues:StringEquals", "k", ["a"], ["a", "b"], False),
    ("ForAllValues:StringEquals", "k", ["a"], [], True),
    ("ForAnyValue:StringEquals", "k", ["a"], ["a", "b"], True),
    ("ForAnyValue:StringEquals", "k", ["a"], [], False),
    ("ForAnyValue:StringNotEquals", "k", ["a"], ["a", "b"], True),
    ("ForAnyValue:StringNotEquals", "k", ["a"], [], False),
    ("ForAllValues:StringNotLike", "k", ["a*"], ["b", "ab"], False),
    ("ForAnyValue:StringEqualsIfExists", "k", ["a"], [], True),
]


@pytest.mark.parametrize(("operator", "key", "wanted", "values", "holds"), OPERATORS)
def test_each_operator_holds_as_documented(
    operator: str, key: str, wanted: list[str], values: list[str], holds: bool
) -> None:
    assert read_condition(operator, key, wanted).holds(values) is holds


NOT_JSON = "Policies must be valid JSON and the first byte must be '{'"
MALFORMED: list[tuple[str, str | None]] = [
    ("", NOT_JSON),
    ("random-string", NOT_JSON),
    (" {}", NOT_JSON),
    ("{}", "Missing required field Statement"),
    ('{"Statement": 1, "Statement": 2}', NOT_JSON),
    ('{"a":' * 3000, NOT_JSON),
    ('{"Version": NaN}', NOT_JSON),
    (document(statement(), Version="2020-01-01"), None),
    (document(statement(), Other=1), "Unknown field Other"),
    (document(), None),
    (document(statement(), Id=5), None),
    *((document(statement(**{name: None})), f"Missing required field {name}")
      for name in ("Effect", "Principal", "Action", "Resource")),
    (document(statement(Effect="allow")), "Invalid effect: allow"),
    (document(statement(Sid=[])), None),
    (document(statement(Reason="x")), "Unknown field Reason"),
    (document(statement(NotAction="s3:*")), None),
    (document(statement(NotPrincipal="*")), None),
    (document(statement(NotResource=ARN)), None),
    *((document(statement(Principal=each)), "Invalid principal in policy")
      for each in ("someone", {"Service": "x"}, {"AWS": "12345"}, {"AWS": f"arn:aws:iam::{A}:user/x"}, {"AWS": A, "Federated": "x"})),
    *((document(statement(Action=each)), "Policy has invalid action") for each in ("GetObject", "ec2:*", "s3:", "s3:Get Object")),
    *((document(statement(Resource=each)), "Policy has invalid resource")
      for each in ("*", "arn:aws:s3:::other/*", "bucket/*", f"{ARN}x/*")),
    (document(statement(Action=[])), None),
    (document(statement(Action=5)), None),
    (document(statement(Condition=[])), None),
    (document(statement(Condition={"StringEquals": 5})), None),
    (document(statement(Condition={"StringIs": {"s3:prefix": "a"}})), None),
    (document(statement(Condition={"NullIfExists": {"s3:prefix": "true"}})), None),
    (document(statement(Condition={"ForSome:StringEquals": {"s3:prefix": "a"}})), None),
    (document(statement(Condition={"Null": {"s3:prefix": ["true", "false"]}})), None),
    (document(statement(Condition={"Bool": {"aws:SecureTransport": "maybe"}})), None),
    (document(statement(Condition={"NumericEquals": {"s3:max-keys": "NaN"}})), None),
    (document(statement(Condition={"IpAddress": {"aws:SourceIp": "localhost"}})), None),
    (document(statement(Condition={"DateEquals": {"aws:CurrentTime": "tomorrow"}})), None),
    (document(statement(Condition={"ArnLike": {"aws:PrincipalArn": "root"}})), None),
    (document(statement(Condition={"StringEquals": {"aws:PrincipalOrgID": "o"}})), "Policy has an invalid condition key"),
    (document(statement(Condition={"StringEquals": {"s3:ExistingObjectTag/": "o"}})), "Policy has an invalid condition key"),
    (document(statement(Condition={"StringLike": {"s3:prefix": "${aws:username}/*"}})), None),
    (document(statement(), Id="x" * POLICY_SIZE_MAX), None),
]  # fmt: skip


@pytest.mark.parametrize(("policy", "text"), MALFORMED, ids=[str(index) for index in range(len(MALFORMED))])
def test_what_is_not_understood_is_refused(policy: str, text: str | None) -> None:
    with pytest.raises(MalformedPolicy) as caught:
        read_policy(policy, BUCKET)
    assert text in (None, caught.value.message)


def test_a_policy_may_have_20_kib_and_no_byte_more() -> None:
    empty = document(statement(), Id="")
    read_policy(document(statement(), Id="x" * (POLICY_SIZE_MAX - len(empty))), BUCKET)
    with pytest.raises(MalformedPolicy, match="20480 bytes"):
        read_policy(document(statement(), Id="x" * (POLICY_SIZE_MAX - len(empty) + 1)), BUCKET)


@pytest.mark.parametrize(
    ("elements", "is_public"),
    [
        ({}, True),
        ({"Principal": {"AWS": "*"}}, True),
        ({"Principal": {"AWS": [A, "*"]}}, True),
        ({"Principal": None, "NotPrincipal": {"AWS": A}}, True),
        ({"Principal": {"AWS": A}}, False),
        ({"Effect": "Deny"}, False),
        ({"Condition": {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}}, False),
        ({"Condition": {"IpAddress": {"aws:sourceip": ["192.0.2.0/24", "0.0.0.0/1"]}}}, True),
        ({"Condition": {"NotIpAddress": {"aws:SourceIp": "192.0.2.0/24"}}}, True),
        ({"Condition": {"StringLike": {"aws:Referer": "https://example.com/*"}}}, True),
    ],
)
def test_a_policy_is_public_if_it_allows_anybody_something(elements: dict[str, Any], is_public: bool) -> None:
    """Source: User Guide, "The meaning of public"."""
    assert read_policy(document(statement(**elements)), BUCKET).is_public is is_public


EFFECTS = st.sampled_from(["Allow", "Deny"])
ACCOUNTS = st.sampled_from(["*", A, B])
ACTIONS = st.sampled_from(["*", "s3:*", "s3:Get*", "s3:GetObject", "s3:PutObject"])
RESOURCES = st.sampled_from([f"{ARN}/*", KEY, f"{ARN}/k?y", ARN])
CONDITIONS = st.sampled_from(
    [
        {},
        {"Bool": {"aws:SecureTransport": "true"}},
        {"StringNotEquals": {"s3:prefix": "a"}},
        {"Null": {"s3:prefix": "false"}},
    ]
)
STATEMENTS = st.builds(
    lambda effect, account, action, resource, condition: statement(
        Effect=effect, Principal={"AWS": account}, Action=action, Resource=resource, Condition=condition
    ),
    EFFECTS, ACCOUNTS, ACTIONS, RESOURCES, CONDITIONS,
)  # fmt: skip
ASKED = st.fixed_dictionaries(
    {"account": st.sampled_from([A, B, ""]), "action": st.sampled_from(["s3:GetObject", "s3:PutObject"]),
     "resource": st.sampled_from([KEY, f"{ARN}/other"])},
    optional={"aws__securetransport": st.sampled_from(["true", "false"]), "s3__prefix": st.sampled_from(["a", "b"])},
)  # fmt: skip


@given(st.lists(STATEMENTS, min_size=1, max_size=6), ASKED)
def test_a_denial_always_wins(statements: list[dict[str, Any]], asked: dict[str, Any]) -> None:
    """A policy says what the strictest of its statements says alone, in whatever order they stand."""
    alone = {judged(document(each), **asked) for each in statements}
    wanted = "Deny" if "Deny" in alone else "Allow" if "Allow" in alone else None
    assert judged(document(*statements), **asked) == judged(document(*reversed(statements)), **asked) == wanted


@given(st.lists(STATEMENTS, max_size=6), ASKED)
def test_nothing_that_allows_undoes_a_denial(statements: list[dict[str, Any]], asked: dict[str, Any]) -> None:
    deny = statement(Effect="Deny", Action="*", Resource=[ARN, f"{ARN}/*"])
    assert judged(document(*statements, deny), **asked) == "Deny"

"""The judge of forms: each kind of condition holds and bites, every field is allowed by one, and the texts are AWS's."""

import base64
import contextlib
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import AccessDenied, S3Error
from engine.s3.post_policy import InvalidPolicyDocument, SizeRange, read_policy
from tests.support.refusals import refused

NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)
LATER = "2026-12-01T12:00:01.000Z"
HERE = {"bucket": "bucket"}
FAILED = "Invalid according to Policy: Policy Condition failed: "
SIMPLE = "Invalid Simple-Condition: Simple-Conditions must have exactly one property specified."


def encoded(document: Any) -> str:
    text = document if isinstance(document, str) else json.dumps(document)
    return base64.b64encode(text.encode()).decode()


def judged(conditions: list[Any], fields: Mapping[str, str], *, expiration: str = LATER) -> SizeRange:
    """The judgement of fields by conditions, in a policy that allows the bucket."""
    document = {"expiration": expiration, "conditions": [HERE, *conditions]}
    return read_policy(encoded(document)).judge({**fields, **HERE}, NOW)


KINDS: list[tuple[Any, dict[str, str], dict[str, str], str]] = [
    ({"acl": "private"}, {"acl": "private"}, {"acl": "public-read"}, '["eq", "$acl", "private"]'),
    (["eq", "$key", "a"], {"key": "a"}, {"key": "A"}, '["eq", "$key", "a"]'),
    (["eq", "$Key", "a"], {"key": "a"}, {"key": "ab"}, '["eq", "$Key", "a"]'),
    ({"success_action_status": 201}, {"success_action_status": "201"}, {"success_action_status": "200"},
        '["eq", "$success_action_status", "201"]'),
    (["starts-with", "$key", "in/"], {"key": "in/a"}, {"key": "an/a"}, '["starts-with", "$key", "in/"]'),
    (["starts-with", "$key", ""], {"key": "any"}, {}, '["starts-with", "$key", ""]'),
    (["starts-with", "$Content-Type", "image/"], {"content-type": "image/png, image/gif,image/jpeg"},
        {"content-type": "image/png,text/html"}, '["starts-with", "$Content-Type", "image/"]'),
    (["starts-with", "$x-amz-meta-list", "a"], {"x-amz-meta-list": "a,b"}, {"x-amz-meta-list": "b,a"},
        '["starts-with", "$x-amz-meta-list", "a"]'),
    ({"x-amz-meta-ü": "é"}, {"x-amz-meta-ü": "é"}, {"x-amz-meta-ü": "e\u0301"}, '["eq", "$x-amz-meta-ü", "é"]'),
]  # fmt: skip
"""A condition, fields that meet it, fields that do not, and how the answer shows it."""


@pytest.mark.parametrize(("condition", "good", "bad", "shown"), KINDS, ids=[shown for *_, shown in KINDS])
def test_a_condition_holds_and_bites(condition: Any, good: dict[str, str], bad: dict[str, str], shown: str) -> None:
    assert judged([condition], good) == SizeRange()
    with refused("AccessDenied", FAILED + shown, 403):
        judged([condition], bad)
    with refused("AccessDenied", FAILED + shown, 403):
        judged([condition], {})


def test_every_field_must_be_allowed_but_those_of_the_signature_and_those_to_ignore() -> None:
    free = {"policy": "p", "x-amz-signature": "s", "awsaccesskeyid": "a", "signature": "s", "x-ignore-button": "go"}
    assert judged([{"key": "a"}], {"key": "a"} | free) == SizeRange()
    for name in ("key", "x-amz-meta-a", "x-amz-credential", "x-amz-security-token", "submit", ""):
        with refused("AccessDenied", f"Invalid according to Policy: Extra input fields: {name}", 403):
            judged([], {name: "a"})
    document = {"expiration": LATER, "conditions": []}
    with refused("AccessDenied", "Invalid according to Policy: Extra input fields: bucket", 403):
        read_policy(encoded(document)).judge(HERE, NOW)


def test_sizes_are_those_that_all_ranges_allow() -> None:
    assert judged([["content-length-range", 5, "10"]], {}) == SizeRange(5, 10)
    assert judged([["content-length-range", 5, 10], ["content-length-range", 0, 7]], {}) == SizeRange(5, 7)
    for left, right in (("test", 10), (1, "-1"), (1, "ten"), (1.5, 2), ("٣", 4), ("9" * 20, 1)):
        shown = json.dumps(["content-length-range", str(left), str(right)], ensure_ascii=False)
        with refused("AccessDenied", FAILED + shown, 403):
            judged([["content-length-range", left, right]], {})


def test_a_name_without_its_dollar_sign_is_met_by_nothing() -> None:
    redirect = "http://localhost.test/random"
    fields = {"success_action_redirect": redirect}
    with refused("AccessDenied", f'{FAILED}["eq", "success_action_redirect", "{redirect}"]', 403):
        judged([["eq", "success_action_redirect", redirect]], fields)


def test_a_policy_expires_at_its_expiration() -> None:
    for expiration in ("2026-12-01T12:00:00Z", "2026-12-01T12:00:00.000Z", "2007-01-01T00:00:00Z"):
        with refused("AccessDenied", "Invalid according to Policy: Policy expired.", 403):
            judged([], {}, expiration=expiration)
    assert judged([], {}, expiration="2026-12-01T12:00:00.001Z") == SizeRange()


def test_the_value_of_a_secret_is_not_shown() -> None:
    name = "x-amz-server-side-encryption-customer-key"
    with pytest.raises(S3Error) as caught:
        judged([{name: "canary"}], {name: "other"})
    assert caught.value.message == f'{FAILED}["eq", "${name}", "<hidden>"]'


MALFORMED: list[tuple[Any, str]] = [
    ("{", "Invalid JSON."),
    ("[" * 12_000, "Invalid JSON."),
    ('{"expiration": ' + "9" * 12_000 + "}", "Policy missing conditions."),
    ([], "Policy must be an object, each of whose members is given once."),
    ('{"expiration": 1, "expiration": 2}', "Policy must be an object, each of whose members is given once."),
    ({"conditions": []}, "Policy missing expiration."),
    ({"expiration": LATER}, "Policy missing conditions."),
    ({"expiration": LATER, "conditions": [], "Condition": []}, "Unexpected: 'Condition'."),
    ({"expiration": "tomorrow", "conditions": []}, "Invalid 'expiration' value: 'tomorrow'"),
    ({"expiration": None, "conditions": []}, "Invalid 'expiration' value: 'None'"),
    ({"expiration": LATER, "conditions": {}}, "Invalid 'conditions' value: must be a List."),
    *(
        ({"expiration": LATER, "conditions": [condition]}, words)
        for condition, words in (
            ({}, SIMPLE),
            ({"bucket": "bucket", "key": "a"}, SIMPLE),
            ({"key": True}, "Invalid Simple-Condition: value must be a string."),
            ({"key": ["a"]}, "Invalid Simple-Condition: value must be a string."),
            (["eq", "$key"], "Invalid Condition: must be a list of an operator and two values."),
            (["eq", "$key", "a", "b"], "Invalid Condition: must be a list of an operator and two values."),
            (["eq", "$key", None], "Invalid Condition: must be a list of an operator and two values."),
            ("eq", "Invalid Condition: must be a list of an operator and two values."),
            (["ends-with", "$key", "a"], "Invalid Condition: unknown operation 'ends-with'."),
        )
    ),
]


@pytest.mark.parametrize(("document", "words"), MALFORMED, ids=range(len(MALFORMED)))
def test_a_malformed_policy_is_refused(document: Any, words: str) -> None:
    with refused("InvalidPolicyDocument", f"Invalid Policy: {words}"):
        read_policy(encoded(document))


@pytest.mark.parametrize("text", ["invalid", "e30=!", "", "//8="])
def test_a_policy_that_is_no_base64_of_utf_8_is_refused(text: str) -> None:
    with refused("InvalidPolicyDocument", "Invalid Policy: Invalid JSON."):
        read_policy(text)


def test_line_ends_in_the_base64_change_nothing() -> None:
    document = {"expiration": LATER, "conditions": [HERE]}
    text = base64.encodebytes(json.dumps(document).encode()).decode()
    assert "\n" in text.strip()
    assert read_policy(text) == read_policy(encoded(document))


NAMES = st.sampled_from(
    ["key", "acl", "content-type", "cache-control", "success_action_status", "x-amz-meta-a", "tagging"]
)
FORMS = st.dictionaries(NAMES, st.text(max_size=6), min_size=1)


@st.composite
def allowed_forms(draw: st.DrawFn) -> tuple[dict[str, str], dict[str, Any]]:
    """A form, and by field a condition that allows it, of any kind that can."""
    fields = draw(FORMS)
    conditions: dict[str, Any] = {}
    for name, value in fields.items():
        kinds: list[Any] = [{name: value}, ["eq", f"${name}", value]]
        if "," not in value:
            kinds.append(["starts-with", f"${name.title()}", value[: draw(st.integers(0, len(value)))]])
        conditions[name] = draw(st.sampled_from(kinds))
    return fields, conditions


@given(allowed_forms(), st.data())
def test_a_form_is_allowed_and_each_change_that_a_condition_is_about_is_refused(
    allowed: tuple[dict[str, str], dict[str, Any]], data: st.DataObject
) -> None:
    fields, conditions = allowed
    assert judged(data.draw(st.permutations(list(conditions.values()))), fields) == SizeRange()
    name = data.draw(st.sampled_from(sorted(fields)))
    without = {each: value for each, value in fields.items() if each != name}
    for changed in (without, fields | {"unforeseen": ""}):
        with pytest.raises(S3Error, match="Invalid according to Policy"):
            judged(list(conditions.values()), changed)
    with pytest.raises(S3Error, match=f"Extra input fields: {name}$"):
        judged([each for about, each in conditions.items() if about != name], fields)
    condition, other = conditions[name], data.draw(st.text(max_size=6))
    prefix = condition[2] if isinstance(condition, list) and condition[0] == "starts-with" else None
    listed = re.split(", *", other) if name == "content-type" else [other]
    meets = other == fields[name] if prefix is None else all(each.startswith(prefix) for each in listed)
    if meets:
        judged(list(conditions.values()), fields | {name: other})
    else:
        with pytest.raises(S3Error, match="Policy Condition failed"):
            judged(list(conditions.values()), fields | {name: other})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["expiration", "conditions", "a"]), inner)
    ),
)


@given(JSON | st.fixed_dictionaries({"expiration": st.just(LATER) | JSON, "conditions": st.lists(JSON, max_size=4)}))
def test_any_document_is_judged_or_refused(document: Any) -> None:
    with contextlib.suppress(InvalidPolicyDocument, AccessDenied):
        read_policy(encoded(document)).judge(HERE, NOW)


def test_a_day_before_it_expires_a_policy_counts() -> None:
    expiration = (NOW + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert judged([], {}, expiration=expiration) == SizeRange()

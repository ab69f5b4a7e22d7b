"""The player and the tables themselves: what they would let through, they do not."""

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.system.clients.rules.play import Play, answers
from tests.system.clients.rules.register import LEFT_OUT, SECTIONS
from tests.system.clients.rules.rows_uploads import list_parts
from tests.system.clients.rules.stage import Stage
from tests.system.clients.rules.test_rules_errors import TABLES

CASE, STEP = "list_parts_pagination", "list-parts-1"
GOOD: dict[str, Any] = {
    "Bucket": "b", "Initiator": {"ID": "i"}, "IsTruncated": True, "Key": "test-list-part-pagination", "MaxParts": 1,
    "NextPartNumberMarker": 1, "Owner": {"ID": "i"}, "PartNumberMarker": 0,
    "Parts": [{"ETag": '"8d777f385d3dfec8815d20f7496026dc"', "LastModified": datetime.now(UTC), "PartNumber": 1, "Size": 4}],
    "StorageClass": "STANDARD", "UploadId": "u", "ResponseMetadata": {"HTTPStatusCode": 200},
}  # fmt: skip
BY_HAND = {
    "uploads": {"InternalError", "RequestTimeout"},
    "listing and copy": set(),
    "integrity": {"InvalidRequest-no-x-amz-content-sha256"},
    "access": {
        "AccessDenied-expired",
        "AccessDenied-unsigned-headers",
        "AccessDenied-anonymous-uploads",
        "SignatureDoesNotMatch",
        "InvalidAccessKeyId",
        "RequestTimeTooSkewed",
        "AuthorizationQueryParametersError",
        "POST-policy",
    },
}
"""Rules about errors that have tests of their own beside the tables."""


def asked(answer: dict[str, Any], **options: Any) -> Play:
    play = Play(CASE, "b", "http://127.0.0.1")
    play(STEP, lambda **_: dict(answer), **options)
    return play


def test_an_answer_like_awss_is_let_through() -> None:
    asked(GOOD)


@pytest.mark.parametrize(
    "change",
    [
        {"IsTruncated": False},
        {"More": 1},
        {"UploadId": None},
        {"StorageClass": "OTHER"},
        {"Parts": []},
        {"Parts": [GOOD["Parts"][0] | {"Size": 5}]},
        {"Parts": [GOOD["Parts"][0] | {"LastModified": "today"}]},
        {"Bucket": "other"},
        {"ResponseMetadata": {"HTTPStatusCode": 206}},
    ],
)
def test_another_answer_is_not(change: dict[str, Any]) -> None:
    with pytest.raises(AssertionError):
        asked(GOOD | change)


def test_a_name_stands_for_one_thing_in_a_case() -> None:
    play = asked(GOOD)
    with pytest.raises(AssertionError):
        play("list-parts-all", lambda **_: GOOD | {"UploadId": "another"})


def test_a_difference_that_is_none_is_told() -> None:
    with pytest.raises(AssertionError):
        asked(GOOD, differs={"MaxParts": 1})


def test_what_is_said_beside_it_has_to_be_said() -> None:
    asked(GOOD | {"More": 1}, more={"More": 1})
    for answer, more in ((GOOD, {"More": 1}), (GOOD | {"More": 2}, {"More": 1}), (GOOD, {"MaxParts": 1})):
        with pytest.raises(AssertionError):
            asked(answer, more=more)


def test_every_step_has_to_be_asked() -> None:
    with pytest.raises(AssertionError):
        asked(GOOD).finish()


def test_every_case_of_awss_is_played(request: pytest.FixtureRequest) -> None:
    items = request.session.items
    if not any(item.path.name == "test_rules_answers_checksums.py" for item in items):
        pytest.skip("only where the cases are collected too")
    played = {item.callspec.params["play"] for item in items if "play" in getattr(item, "fixturenames", ())}
    assert played == set(answers())


def test_a_call_that_is_not_refused_is_told(stage: Stage) -> None:
    with pytest.raises(AssertionError):
        stage.error_of(list_parts())


@pytest.mark.parametrize("section", TABLES)
def test_every_rule_about_errors_is_in_a_table_or_elsewhere(section: str) -> None:
    slugs = set(SECTIONS[section]) - {slug for name, slug in LEFT_OUT if name == section}
    assert slugs == set(TABLES[section]) | BY_HAND[section]

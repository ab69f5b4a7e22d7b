"""The conditions on the source of a copy: one that does not hold is answered with a 412 that names its header, as AWS does."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from engine.objects.conditions import CopyConditions
from tests.support.refusals import refused

MODIFIED = datetime(2026, 3, 1, 12, 0, 0, 500_000, UTC)
BEFORE, AFTER = MODIFIED - timedelta(hours=1), MODIFIED + timedelta(hours=1)
NOW = MODIFIED.replace(microsecond=0)
FUTURE = datetime(2100, 1, 1, tzinfo=UTC)
MATCH, NONE_MATCH = "x-amz-copy-source-If-Match", "x-amz-copy-source-If-None-Match"
MODIFIED_SINCE, UNMODIFIED_SINCE = "x-amz-copy-source-If-Modified-Since", "x-amz-copy-source-If-Unmodified-Since"

HOLD: list[dict[str, Any]] = [
    {},
    {"if_match": "etag"},
    {"if_match": '"etag"'},
    {"if_match": "*"},
    {"if_none_match": "other"},
    {"if_modified_since": BEFORE},
    {"if_modified_since": FUTURE},
    {"if_unmodified_since": NOW},
    {"if_unmodified_since": AFTER},
    {"if_match": "etag", "if_unmodified_since": BEFORE},
    {"if_none_match": "other", "if_modified_since": AFTER},
    {"if_match": "etag", "if_none_match": "other", "if_modified_since": BEFORE, "if_unmodified_since": AFTER},
]
FAIL: list[tuple[dict[str, Any], str]] = [
    ({"if_match": "other"}, MATCH),
    ({"if_match": "other", "if_unmodified_since": AFTER}, MATCH),
    ({"if_none_match": "etag"}, NONE_MATCH),
    ({"if_none_match": '"etag"'}, NONE_MATCH),
    ({"if_none_match": "*"}, NONE_MATCH),
    ({"if_none_match": "etag", "if_modified_since": BEFORE}, NONE_MATCH),
    ({"if_modified_since": AFTER}, MODIFIED_SINCE),
    ({"if_modified_since": NOW}, MODIFIED_SINCE),
    ({"if_unmodified_since": BEFORE}, UNMODIFIED_SINCE),
    ({"if_none_match": "other", "if_unmodified_since": BEFORE}, UNMODIFIED_SINCE),
    ({"if_none_match": "etag", "if_unmodified_since": BEFORE}, UNMODIFIED_SINCE),
]


def check(conditions: dict[str, Any]) -> None:
    members: Any = {f"copy_source_{name}": value for name, value in conditions.items()}
    CopyConditions.of_source(members).check("etag", MODIFIED)


@pytest.mark.parametrize("conditions", HOLD, ids=str)
def test_a_copy_goes_on_where_its_conditions_hold_or_are_overridden(conditions: dict[str, Any]) -> None:
    check(conditions)


@pytest.mark.parametrize(("conditions", "named"), FAIL, ids=str)
def test_a_condition_of_a_copy_that_does_not_hold_is_a_412_never_a_304(conditions: dict[str, Any], named: str) -> None:
    with refused("PreconditionFailed", Condition=named):
        check(conditions)

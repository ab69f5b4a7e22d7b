"""The moment at which a rule acts, and the rule that acts first: compared with the calendar, and with a search of all rules."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.lifecycle.deadlines import DAY_NS, Deadline, Lifecycle, _Scope, midnight_after
from engine.lifecycle.rules import read_configuration

CREATED = datetime(2014, 1, 15, 10, 30, tzinfo=UTC)


def ns(moment: datetime) -> int:
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) * 1000


def lifecycle(*rules: dict[str, Any]) -> Lifecycle:
    whole = [{"id": str(number), "status": "Enabled", "filter": {}} | rule for number, rule in enumerate(rules)]
    return Lifecycle(read_configuration({"rules": whole}))


def abort(days: int, **members: Any) -> dict[str, Any]:
    return {"abort_incomplete_multipart_upload": {"days_after_initiation": days}} | members


def expire(**members: Any) -> dict[str, Any]:
    return {"expiration": members}


def remove(days: int, newer: int | None = None) -> dict[str, Any]:
    kept = {} if newer is None else {"newer_noncurrent_versions": newer}
    return {"noncurrent_version_expiration": {"noncurrent_days": days} | kept}


def within(rule: dict[str, Any], **conditions: Any) -> dict[str, Any]:
    return rule | {"filter": conditions}


def test_days_are_rounded_up_to_the_next_midnight_as_in_the_user_guide() -> None:
    """An object created at 1/15/2014 10:30 AM UTC expires 3 days later, on 1/19/2014 00:00 UTC."""
    assert midnight_after(ns(CREATED), 3) == ns(datetime(2014, 1, 19, tzinfo=UTC))


@given(st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC)), st.integers(1, 40_000))
def test_midnight_is_the_one_the_calendar_has(event: datetime, days: int) -> None:
    found = midnight_after(ns(event), days)
    wanted = date.fromordinal(event.toordinal() + days + 1)
    assert found == ns(datetime(wanted.year, wanted.month, wanted.day, tzinfo=UTC))
    assert days * DAY_NS < found - ns(event) <= (days + 1) * DAY_NS


def test_an_upload_is_aborted_by_the_rule_that_comes_first() -> None:
    rules = lifecycle(abort(5), abort(2, filter={"prefix": "logs/"}), abort(2), abort(1, filter={"prefix": "tmp/"}))
    assert rules.abort_of(b"logs/a", ns(CREATED)) == Deadline(ns(datetime(2014, 1, 18, tzinfo=UTC)), "1")
    assert rules.abort_of(b"other", ns(CREATED)) == Deadline(ns(datetime(2014, 1, 18, tzinfo=UTC)), "2")
    assert rules.abort_of(b"tmp/a", ns(CREATED)) == Deadline(ns(datetime(2014, 1, 17, tzinfo=UTC)), "3")


def test_a_rule_that_is_switched_off_does_nothing() -> None:
    rules = lifecycle(abort(1, status="Disabled") | expire(days=1) | remove(1))
    assert rules.abort_of(b"key", 0) is None
    assert rules.expiration_of(b"key", 0, {}, 0) is None
    assert rules.version_removal_of(b"key", 0, {}, 0, 9) is None
    assert (rules.upload_prefix, rules.version_prefix) == (None, None)


def test_a_rule_does_only_what_it_says() -> None:
    rules = lifecycle(abort(1, filter={"prefix": "a"}))
    assert rules.abort_of(b"b", 0) is None
    assert rules.expiration_of(b"a", 0, {}, 0) is None
    assert rules.version_removal_of(b"a", 0, {}, 0, 9) is None
    assert lifecycle(expire(days=1) | remove(1)).abort_of(b"a", 0) is None
    assert lifecycle(expire(days=1)).version_removal_of(b"a", 0, {}, 0, 9) is None
    assert lifecycle(remove(1)).expiration_of(b"a", 0, {}, 0) is None


def test_the_old_form_of_a_prefix_is_the_same() -> None:
    rules = Lifecycle(
        read_configuration({"rules": [{"id": "old", "status": "Enabled", "prefix": "a/"} | expire(days=1)]})
    )
    assert rules.expiration_of(b"a/b", 0, {}, 0) == Deadline(2 * DAY_NS, "old")
    assert rules.expiration_of(b"a", 0, {}, 0) is None


def test_an_object_expires_on_a_date_or_after_days_whichever_comes_first() -> None:
    rules = lifecycle(expire(days=3), expire(date=datetime(2014, 1, 18, tzinfo=UTC)))
    assert rules.expiration_of(b"k", 1, {}, ns(CREATED)) == Deadline(ns(datetime(2014, 1, 18, tzinfo=UTC)), "1")
    earlier = ns(CREATED - timedelta(days=2))
    assert rules.expiration_of(b"k", 1, {}, earlier) == Deadline(ns(datetime(2014, 1, 17, tzinfo=UTC)), "0")


@pytest.mark.parametrize(("size", "expires"), [(9, False), (10, False), (11, True), (19, True), (20, False)])
def test_sizes_are_compared_without_their_bounds(size: int, expires: bool) -> None:
    conditions = {"and_": {"object_size_greater_than": 10, "object_size_less_than": 20}}
    rules = lifecycle(within(expire(days=1), **conditions))
    assert (rules.expiration_of(b"k", size, {}, 0) is not None) is expires


def test_an_empty_object_is_expired_by_a_rule_without_sizes_alone() -> None:
    assert lifecycle(expire(days=1)).expiration_of(b"k", 0, {}, 0) is not None
    assert lifecycle(within(expire(days=1), object_size_greater_than=0)).expiration_of(b"k", 0, {}, 0) is None


@pytest.mark.parametrize(
    ("tags", "expires"),
    [({}, False), ({"a": "1"}, False), ({"a": "1", "b": "x"}, False), ({"a": "1", "b": "2", "c": "3"}, True)],
)
def test_every_tag_of_a_filter_must_be_there(tags: dict[str, str], expires: bool) -> None:
    wanted = [{"key": "a", "value": "1"}, {"key": "b", "value": "2"}]
    rules = lifecycle(within(expire(days=1), and_={"prefix": "k", "tags": wanted}))
    assert (rules.expiration_of(b"key", 1, tags, 0) is not None) is expires


def test_a_delete_marker_that_is_left_alone_goes_at_once_or_after_days() -> None:
    assert lifecycle(expire(days=2)).marker_removal_of(b"k", ns(CREATED)) == Deadline(
        ns(datetime(2014, 1, 18, tzinfo=UTC)), "0"
    )
    at_once = lifecycle(expire(days=2), within(expire(expired_object_delete_marker=True), prefix="k"))
    assert at_once.marker_removal_of(b"k", ns(CREATED)) == Deadline(ns(CREATED), "1")
    assert at_once.marker_removal_of(b"other", ns(CREATED)) == Deadline(ns(datetime(2014, 1, 18, tzinfo=UTC)), "0")


def test_a_rule_about_delete_markers_lets_no_object_expire() -> None:
    for wanted in (True, False):
        assert lifecycle(expire(expired_object_delete_marker=wanted)).expiration_of(b"k", 1, {}, 0) is None
    assert lifecycle(expire(expired_object_delete_marker=False)).marker_removal_of(b"k", 0) is None


def test_the_newest_of_the_older_versions_stay_if_a_rule_says_so() -> None:
    rules = lifecycle(remove(1, newer=2), remove(10))
    removals = [rules.version_removal_of(b"k", 1, {}, ns(CREATED), newer) for newer in range(4)]
    late = Deadline(ns(datetime(2014, 1, 26, tzinfo=UTC)), "1")
    soon = Deadline(ns(datetime(2014, 1, 17, tzinfo=UTC)), "0")
    assert removals == [late, late, soon, soon]


def test_the_header_is_written_as_s3_writes_it() -> None:
    """The example of the API page PutObject."""
    deadline = Deadline(ns(datetime(2012, 12, 21, tzinfo=UTC)), "picture-deletion-rule")
    assert deadline.as_expiration() == 'expiry-date="Fri, 21 Dec 2012 00:00:00 GMT", rule-id="picture-deletion-rule"'


def test_a_rule_id_is_percent_encoded_in_the_header() -> None:
    assert Deadline(0, 'a "rule" / é\n').as_expiration() == (
        'expiry-date="Thu, 01 Jan 1970 00:00:00 GMT", rule-id="a%20%22rule%22%20%2F%20%C3%A9%0A"'
    )


def test_what_no_date_can_name_is_shown_as_the_last_day() -> None:
    deadline = lifecycle(expire(days=2**31 - 1)).expiration_of(b"k", 1, {}, ns(CREATED))
    assert deadline is not None
    assert deadline.moment == datetime(9999, 12, 31, tzinfo=UTC)
    assert Deadline(ns(CREATED), "").moment == CREATED


def test_a_listing_needs_only_what_all_prefixes_have_in_common() -> None:
    rules = lifecycle(
        within(expire(days=1), prefix="logs/a/"),
        within(expire(days=1), prefix="logs/b/"),
        within(expire(days=1), prefix="log"),
        within(remove(1), prefix="lo/"),
        abort(1, filter={"prefix": "one/é"}),
        abort(1, filter={"prefix": "one/è"}),
    )
    assert (rules.version_prefix, rules.upload_prefix) == (b"lo", b"one/\xc3")
    assert lifecycle(expire(days=1), within(expire(days=1), prefix="a")).version_prefix == b""


RULES = st.lists(
    st.tuples(st.integers(1, 5), st.text("ab", max_size=3), st.booleans(), st.integers(0, 3)), min_size=1, max_size=6
)


@given(RULES, st.text("ab", min_size=1, max_size=4), st.integers(0, 4), st.integers(0, 10 * DAY_NS))
def test_the_earliest_of_all_rules_that_hold_is_the_one(
    drawn: list[tuple[int, str, bool, int]], key: str, size: int, modified_ns: int
) -> None:
    rules = lifecycle(
        *(
            {"status": "Enabled" if enabled else "Disabled"}
            | within(expire(days=days), and_={"prefix": prefix, "object_size_greater_than": above})
            for days, prefix, enabled, above in drawn
        )
    )
    wanted = [
        (midnight_after(modified_ns, days), number)
        for number, (days, prefix, enabled, above) in enumerate(drawn)
        if enabled and key.startswith(prefix) and size > above
    ]
    found = rules.expiration_of(key.encode(), size, {}, modified_ns)
    assert found == (Deadline(min(wanted)[0], str(min(wanted)[1])) if wanted else None)
    if found is not None:
        assert key.encode().startswith(rules.version_prefix or b"")


def test_of_a_thousand_rules_only_those_are_looked_at_whose_prefix_and_tag_may_hold(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    by_prefix = [within(expire(days=2), prefix=f"logs/{number}/") for number in range(500)]
    by_tag = [within(expire(days=2), tag={"key": "n", "value": str(number)}) for number in range(499)]
    rules = lifecycle(*by_prefix, *by_tag, within(expire(days=9), prefix="logs/7"))
    looked: list[str] = []
    matches = _Scope.matches

    def counted(scope: _Scope, key: bytes, size: int, tags: Mapping[str, str]) -> bool:
        looked.append(scope.rule_id)
        return matches(scope, key, size, tags)

    monkeypatch.setattr(_Scope, "matches", counted)
    assert rules.expiration_of(b"logs/7/a", 1, {"n": "5", "m": "6"}, 0) == Deadline(3 * DAY_NS, "7")
    assert sorted(looked) == ["505", "7", "999"]

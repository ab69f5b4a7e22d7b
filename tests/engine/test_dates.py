"""Moments in HTTP's three forms and ISO 8601; email.utils is the oracle."""

import email.utils
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.dates import http_date, iso_date, parse_date

MOMENT = datetime(1994, 11, 6, 8, 49, 37, tzinfo=UTC)
MOMENTS = st.datetimes(datetime(1, 1, 3), datetime(9999, 12, 29)).map(lambda moment: moment.replace(tzinfo=UTC))


@pytest.mark.parametrize(
    "text",
    [
        "Sun, 06 Nov 1994 08:49:37 GMT",
        "Sun, 6 Nov 1994 08:49:37 UTC",
        "Sun, 06 Nov 1994 09:49:37 +0100",
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994",
        "1994-11-06T08:49:37Z",
        "1994-11-06T08:49:37",
        "1994-11-06T08:49:37.000Z",
        "1994-11-06T09:49:37+01:00",
        "19941106T084937Z",
    ],
)
def test_every_form_of_a_moment_is_read(text: str) -> None:
    assert parse_date(text) == MOMENT


def test_a_fraction_of_a_second_has_up_to_nine_digits() -> None:
    """minio-go sends Go's time, which has nine digits of a second."""
    for count in range(1, 10):
        kept = int("123456789"[:count].ljust(6, "0")[:6])
        assert parse_date(f"1994-11-06T08:49:37.{'123456789'[:count]}Z") == MOMENT.replace(microsecond=kept)
    assert parse_date("1994-11-06T09:49:37.123456789+01:00") == MOMENT.replace(microsecond=123456)
    assert parse_date("1994-11-06T08:49:37.1234567890Z") is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "1994-11-06",
        "784111777",
        "Sun, 31 Feb 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 25:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37",
        "Sun, 06 Nov 1994 08:49:37 +9999",
        "Sun, 06 Nov 0000 08:49:37 GMT",
        "1994-13-06T08:49:37Z",
        "0001-01-01T00:00:00+23:59",
        "Sun, 06 Nov 19٩4 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37 GMT\n",
    ],
)
def test_what_is_no_date_is_none(text: str) -> None:
    assert parse_date(text) is None


def test_two_digits_of_a_year_follow_posix() -> None:
    years = [parse_date(f"Monday, 01-Jan-{year} 00:00:00 GMT") for year in ("68", "69", "99")]
    assert [moment and moment.year for moment in years] == [2068, 1969, 1999]


@given(MOMENTS)
def test_headers_carry_seconds_as_the_standard_library_writes_them(moment: datetime) -> None:
    whole = moment.replace(microsecond=0)
    assert http_date(moment) == email.utils.format_datetime(whole, usegmt=True)
    assert parse_date(http_date(moment)) == whole


@given(MOMENTS, st.integers(-12, 12))
def test_documents_carry_milliseconds_in_utc_whatever_the_zone(moment: datetime, hours: int) -> None:
    elsewhere = moment.astimezone(timezone(timedelta(hours=hours)))
    milliseconds = moment.replace(microsecond=moment.microsecond // 1000 * 1000)
    assert iso_date(elsewhere) == milliseconds.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    assert parse_date(iso_date(elsewhere)) == milliseconds
    assert http_date(elsewhere) == http_date(moment)

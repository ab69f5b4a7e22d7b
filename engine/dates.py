"""Reading and writing dates as S3 has them on the wire, independent of the host's locale and time zone."""

import re
from datetime import UTC, datetime, timedelta, timezone

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MONTH = "(?P<month>" + "|".join(_MONTHS) + ")"
_TIME = r"(?P<hour>\d\d):(?P<minute>\d\d):(?P<second>\d\d)"
_ZONE = r"(?:GMT|UTC|UT|Z|(?P<sign>[+-])(?P<zone_hours>\d\d)(?P<zone_minutes>\d\d))"
_HTTP_DATES = (
    rf"[A-Za-z]{{3}}, (?P<day>\d\d?) {_MONTH} (?P<year>\d{{4}}) {_TIME} {_ZONE}",
    rf"[A-Za-z]{{6,9}}, (?P<day>\d\d)-{_MONTH}-(?P<year>\d\d) {_TIME} {_ZONE}",
    rf"[A-Za-z]{{3}} {_MONTH} (?P<day>[ \d]\d) {_TIME} (?P<year>\d{{4}})",
)
"""Patterns as text: compiling takes 2 ms, so `re` does it when the first date is read, and caches them."""
_ISO_DATE = r"\d{4}-?\d\d-?\d\dT[\d:.]{4,18}(?:Z|[+-]\d\d:?\d\d)?"
_TWO_DIGIT_YEAR_PIVOT = 69
"""Source: POSIX strptime, %y: 69 to 99 are in the twentieth century."""


def parse_date(text: str) -> datetime | None:
    """Read a date in one of HTTP's three forms or in ISO 8601; without a zone it is UTC. None if it is not a date.

    A fraction of a second may have up to nine digits, of which six are used.

    Source: RFC 9110 section 5.6.7; API pages (timestamps in ISO 8601); RFC 3339, which sets no limit to the digits of a fraction.
    """
    try:
        if re.fullmatch(_ISO_DATE, text, re.ASCII):
            moment = datetime.fromisoformat(text)
            return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
        found = next((match for pattern in _HTTP_DATES if (match := re.fullmatch(pattern, text, re.ASCII))), None)
        return _moment(found.groupdict()) if found else None
    except (ValueError, OverflowError):
        return None


def _moment(fields: dict[str, str | None]) -> datetime:
    day, month, year = fields["day"] or "", fields["month"] or "", fields["year"] or ""
    century = 0 if len(year) == 4 else 1900 if int(year) >= _TWO_DIGIT_YEAR_PIVOT else 2000
    hour, minute, second = (int(fields[name] or 0) for name in ("hour", "minute", "second"))
    local = datetime(int(year) + century, _MONTHS.index(month) + 1, int(day), hour, minute, min(second, 59))
    return local.replace(tzinfo=_zone(fields)).astimezone(UTC)


def _zone(fields: dict[str, str | None]) -> timezone:
    if not fields.get("sign"):
        return UTC
    distance = timedelta(hours=int(fields["zone_hours"] or 0), minutes=int(fields["zone_minutes"] or 0))
    return timezone(-distance if fields["sign"] == "-" else distance)


def http_date(moment: datetime) -> str:
    """Return a moment as headers have it: `Sun, 06 Nov 1994 08:49:37 GMT`.

    Source: RFC 9110 section 5.6.7, IMF-fixdate.
    """
    at = moment.astimezone(UTC)
    return (
        f"{_DAYS[at.weekday()]}, {at.day:02} {_MONTHS[at.month - 1]} {at.year:04} "
        f"{at.hour:02}:{at.minute:02}:{at.second:02} GMT"
    )


def iso_date(moment: datetime) -> str:
    """Return a moment as XML documents have it, in milliseconds: `1994-11-06T08:49:37.000Z`."""
    at = moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    return at.isoformat(timespec="milliseconds")[:23] + "Z"


def to_datetime(moment_ns: int) -> datetime:
    """Convert nanoseconds since 1970 to a datetime in UTC, cut to S3's milliseconds."""
    return datetime.fromtimestamp(moment_ns // 10**6 / 1000, UTC)

"""Object lock: pure functions that read retentions and legal holds from requests, and check whether they forbid a deletion.

Source: API pages PutObjectRetention, PutObjectLegalHold, PutObjectLockConfiguration; User Guide, "Locking objects with Object Lock";
AWS's answers.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from engine.errors import AccessDenied, InvalidArgument, InvalidRequest, MalformedXML, NotImplementedYet
from engine.meta import FoundObject
from engine.meta.records import BucketRecord, Lock, LockMode, LockRule, replace

MODES = ("GOVERNANCE", "COMPLIANCE")
HOLDS = ("ON", "OFF")
DAYS_MAX = 36_500
YEARS_MAX = 100
DAYS_OF_A_YEAR = 365
_DAY_MS = 24 * 3600 * 1000
_MS = timedelta(milliseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_MS = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // _MS
_MODE, _UNTIL, _HOLD = (
    "x-amz-object-lock-mode",
    "x-amz-object-lock-retain-until-date",
    "x-amz-object-lock-legal-hold",
)
_PROTECTED = "Access Denied because object protected by object lock."


def read_lock(mode: object, until: datetime | None, hold: object, now_ns: int) -> Lock:
    """Read a lock from the headers of a write.

    Raises:
        InvalidArgument: mode and date do not come together, a value does not exist, or the date is not in the future.
    """
    if (mode is None) != (until is None):
        missing = _MODE if mode is None else _UNTIL
        raise _refused(
            "x-amz-object-lock-retain-until-date and x-amz-object-lock-mode must both be supplied", missing, ""
        )
    if mode is not None and mode not in MODES:
        raise _refused("Unknown wormMode directive.", _MODE, mode)
    if hold is not None and hold not in HOLDS:
        raise _refused("Legal Hold must be either of 'ON' or 'OFF'", _HOLD, hold)
    _check_future(until, now_ns, _UNTIL)
    return Lock(_mode(mode), _to_ms(until) if until is not None else 0, None if hold is None else hold == "ON")


def lock_in(bucket: BucketRecord, requested: Lock, now_ns: int) -> Lock:
    """Return the lock of a new version in a bucket: the requested one, else the bucket's default retention.

    Raises:
        InvalidRequest: the bucket has no object lock, and a lock was requested.
    """
    if bucket.lock is None:
        if requested != Lock():
            raise missing_configuration()
        return requested
    rule = bucket.lock
    if requested.mode is not None or rule.mode is None:
        return requested
    days = rule.days + DAYS_OF_A_YEAR * rule.years
    return replace(requested, mode=rule.mode, retain_until_ms=now_ns // 10**6 + days * _DAY_MS)


def check_digest(lock: Lock, request: Literal["Put Object", "Put Part"], *, has_digest: bool) -> None:
    """Refuse an object or part with a lock whose request has no digest of its bytes.

    Raises:
        InvalidRequest: there is a lock, and no digest.

    Source: API pages PutObject and UploadPart, Content-MD5; the text as s3cmd and go-cloud users met it at AWS.
    """
    if lock != Lock() and not has_digest:
        raise InvalidRequest(
            f"Content-MD5 OR x-amz-checksum- HTTP header is required for {request} requests with Object Lock parameters"
        )


def lock_members(lock: Lock) -> dict[str, Any]:
    """Return the members of an answer that show a lock."""
    hold = lock.legal_hold
    return {
        "object_lock_mode": lock.mode,
        "object_lock_retain_until_date": retained_until(lock) if lock.mode is not None else None,
        "object_lock_legal_hold_status": None if hold is None else HOLDS[not hold],
    }


def check_unlocked(found: FoundObject | None, now_ns: int, *, bypass: bool) -> None:
    """Refuse to delete a version that is locked; `bypass` overcomes a GOVERNANCE retention.

    Raises:
        AccessDenied: the version has a legal hold, or its retention has not ended.
    """
    lock = found.record.lock if found is not None else Lock()
    if lock.legal_hold or (_is_retained(lock, now_ns) and not (bypass and lock.mode == "GOVERNANCE")):
        raise AccessDenied(_PROTECTED)


def read_retention(retention: Mapping[str, Any], now_ns: int) -> Lock:
    """Read a retention from the document of PutObjectRetention; an empty document ends it.

    Raises:
        MalformedXML: mode and date do not come together, or the mode does not exist.
        InvalidArgument: the date is not in the future.
        NotImplementedYet: it holds the version until an event.
    """
    _refuse_event_hold(retention, "event_hold", "event_hold_duration")
    mode, until = retention.get("mode"), retention.get("retain_until_date")
    if (mode is None) != (until is None) or mode not in (None, *MODES):
        raise MalformedXML(reason="a retention has a mode, GOVERNANCE or COMPLIANCE, and a date")
    _check_future(until, now_ns, "RetainUntilDate")
    return Lock(_mode(mode), _to_ms(until) if until is not None else 0)


def with_retention(lock: Lock, wanted: Lock, now_ns: int, *, bypass: bool) -> Lock:
    """Return the lock with the wanted retention; a current one may be made longer, and `bypass` overcomes GOVERNANCE.

    Raises:
        AccessDenied: the current retention forbids the change.
    """
    longer = lock.mode == wanted.mode and wanted.retain_until_ns >= lock.retain_until_ns
    free = not _is_retained(lock, now_ns) or (bypass and lock.mode == "GOVERNANCE")
    if not (longer or free):
        raise AccessDenied(_PROTECTED)
    return replace(lock, mode=wanted.mode, retain_until_ms=wanted.retain_until_ms)


def read_hold(hold: Mapping[str, Any]) -> bool:
    """Tell whether the document of PutObjectLegalHold sets the hold.

    Raises:
        MalformedXML: its status is neither ON nor OFF.
    """
    if hold.get("status") not in HOLDS:
        raise MalformedXML(reason="a legal hold is ON or OFF")
    return bool(hold["status"] == "ON")


def read_rule(configuration: Mapping[str, Any]) -> LockRule:
    """Read the default retention from the document of PutObjectLockConfiguration.

    Raises:
        MalformedXML: it does not enable object lock, or its rule does not have a mode and either days or years.
        InvalidArgument: the period is not positive, or too long.
        NotImplementedYet: it holds new versions until an event.
    """
    if configuration.get("object_lock_enabled") != "Enabled":
        raise MalformedXML(reason="ObjectLockEnabled is Enabled")
    if configuration.get("rule") is None:
        return LockRule()
    default = configuration["rule"].get("default_retention") or {}
    _refuse_event_hold(default, "default_event_hold")
    mode, days, years = default.get("mode"), default.get("days"), default.get("years")
    if mode not in MODES or (days is None) == (years is None):
        raise MalformedXML(reason="a default retention has a mode, and either days or years")
    rule = LockRule(mode, days or 0, years or 0)
    if rule.days < 0 or rule.years < 0 or not rule.days + rule.years:
        raise InvalidArgument("Default retention period must be a positive integer value.")
    if rule.days > DAYS_MAX or rule.years > YEARS_MAX:
        raise InvalidArgument("Default retention period is too large.")
    return rule


def _refuse_event_hold(document: Mapping[str, Any], *names: str) -> None:
    """Refuse a hold that is not kept here: whoever got no error would think the version protected."""
    if any(document.get(name) is not None for name in names):
        raise NotImplementedYet(Header="EventHold", additionalMessage="EventHold is not supported here")


def missing_configuration() -> InvalidRequest:
    """Return the refusal of a lock in a bucket without object lock."""
    return InvalidRequest("Bucket is missing Object Lock Configuration")


def retained_until(lock: Lock) -> datetime:
    """Return the moment at which a retention ends."""
    return _EPOCH + lock.retain_until_ms * _MS


def _to_ms(moment: datetime) -> int:
    """Return a moment in ms since the epoch, and at most the last one of the year 9999 in UTC."""
    since = moment - _EPOCH if moment.tzinfo is not None else timedelta(seconds=moment.timestamp())
    return min(since // _MS, _LAST_MS)


def _is_retained(lock: Lock, now_ns: int) -> bool:
    return lock.mode is not None and lock.retain_until_ns > now_ns


def _check_future(until: datetime | None, now_ns: int, argument: str) -> None:
    if until is not None and _to_ms(until) * 10**6 <= now_ns:
        date = until.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        raise _refused("The retain until date must be in the future!", argument, date)


def _mode(mode: object) -> LockMode | None:
    return "COMPLIANCE" if mode == "COMPLIANCE" else "GOVERNANCE" if mode == "GOVERNANCE" else None


def _refused(message: str, argument: str, value: object) -> InvalidArgument:
    return InvalidArgument(message, ArgumentName=argument, ArgumentValue=value)

"""Conditional and ranged reads as pure functions (RFC 9110 sections 13 and 14, as S3 applies them)."""

import re
from datetime import datetime

from engine.dates import http_date, parse_date
from engine.errors import (
    ConditionalRequestConflict,
    InvalidPartNumber,
    InvalidRange,
    InvalidRequest,
    NoSuchKey,
    NotImplementedYet,
    NotModified,
    PreconditionFailed,
)
from engine.limits import Limits
from engine.meta import FoundObject
from engine.meta.parts import Manifest
from engine.meta.records import ObjectRecord
from engine.record import Record
from engine.refusals import invalid_part_number
from engine.shapes.requests import CopySourceRequest, ReadRequest

_RANGE = re.compile(r"bytes=([0-9]*)-([0-9]*)")
_OFFSET_DIGITS_MAX = 19  # more digits than the size of any object has, and far fewer than int() accepts


class Conditions(Record, frozen=True):
    """The four conditions of a read; an ETag is written with or without quotes, or as `*`."""

    if_match: str | None = None
    if_none_match: str | None = None
    if_modified_since: datetime | None = None
    if_unmodified_since: datetime | None = None

    @classmethod
    def of(cls, request: ReadRequest) -> "Conditions":
        """Take the conditions from a request."""
        return cls(
            request.get("if_match"),
            request.get("if_none_match"),
            request.get("if_modified_since"),
            request.get("if_unmodified_since"),
        )

    def check(self, etag: str, modified: datetime) -> None:
        """Refuse a read whose conditions do not hold.

        A matching If-Match overrides If-Unmodified-Since, a failing If-None-Match overrides If-Modified-Since.

        Raises:
            PreconditionFailed (412): If-Match or If-Unmodified-Since does not hold.
            NotModified (304): If-None-Match or If-Modified-Since does not hold.

        Source: API page GetObject, "Overriding response header values" and the conditions' own notes.
        """
        second = modified.replace(microsecond=0)
        if self.if_match is not None:
            if not _matches(self.if_match, etag):
                raise PreconditionFailed(Condition="If-Match")
        elif self.if_unmodified_since is not None and second > self.if_unmodified_since:
            raise PreconditionFailed(Condition="If-Unmodified-Since")
        if self.if_none_match is not None:
            if _matches(self.if_none_match, etag):
                raise _not_modified(etag, modified)
        elif self.if_modified_since is not None and second <= self.if_modified_since <= datetime.now(modified.tzinfo):
            raise _not_modified(etag, modified)


class CopyConditions(Conditions, frozen=True):
    """The four conditions on the source of a copy; one that does not hold is always answered with a 412."""

    @classmethod
    def of_source(cls, request: CopySourceRequest) -> "CopyConditions":
        """Take the conditions from a request."""
        return cls(
            request.get("copy_source_if_match"),
            request.get("copy_source_if_none_match"),
            request.get("copy_source_if_modified_since"),
            request.get("copy_source_if_unmodified_since"),
        )

    def check(self, etag: str, modified: datetime) -> None:
        """Refuse a copy whose conditions do not hold.

        Raises:
            PreconditionFailed: it names the header, x-amz-copy-source-If-….

        Source: API page CopyObject; AWS's answers to UploadPartCopy.
        """
        try:
            Conditions.check(self, etag, modified)
        except PreconditionFailed as error:
            raise PreconditionFailed(Condition=f"x-amz-copy-source-{error.extras['Condition']}") from None
        except NotModified:
            failed = "If-None-Match" if self.if_none_match is not None else "If-Modified-Since"
            raise PreconditionFailed(Condition=f"x-amz-copy-source-{failed}") from None


def _not_modified(etag: str, modified: datetime) -> NotModified:
    """Return a 304 with the headers that RFC 9110 section 15.4.5 requires."""
    return NotModified().with_headers({"ETag": f'"{etag}"', "Last-Modified": http_date(modified)})


def _matches(condition: str, etag: str) -> bool:
    wanted = [part.strip().removeprefix("W/").strip('"').lower() for part in condition.split(",")]
    return "*" in wanted or etag in wanted


class WriteConditions(Record, frozen=True):
    """The conditions of a write on the current object of its key; they are evaluated in the transaction that writes."""

    if_match: str | None = None
    if_none_match: str | None = None

    @staticmethod
    def of(if_match: str | None, if_none_match: str | None) -> "WriteConditions":
        """Read the two headers.

        Raises:
            NotImplementedYet: both are given, If-Match is `*`, or If-None-Match is not `*`.

        Source: AWS's answers to PutObject, CopyObject and CompleteMultipartUpload.
        """
        if if_match is not None and if_none_match is not None:
            more = "Multiple conditional request headers present in the request"
            raise NotImplementedYet(Header="If-Match,If-None-Match", additionalMessage=more)
        for name, value, wanted in (("If-Match", if_match, False), ("If-None-Match", if_none_match, True)):
            if value is not None and (value.strip() == "*") is not wanted:
                more = f"We don't accept the provided value of {name} header for this API"
                raise NotImplementedYet(Header=name, additionalMessage=more)
        return WriteConditions(if_match, if_none_match)

    def check(self, key: str, current: FoundObject | None, is_unchanged: bool = True) -> None:
        """Refuse a write whose conditions do not hold.

        `is_unchanged` is False if the key was written or deleted since the multipart upload began.

        Raises:
            NoSuchKey: If-Match is given, and there is no object.
            PreconditionFailed: the condition does not hold.
            ConditionalRequestConflict: the condition holds, but `is_unchanged` is False.

        Source: User Guide, "Add preconditions to S3 operations"; AWS's answers.
        """
        record = current.record if current is not None and not current.record.is_delete_marker else None
        if self.if_match is not None:
            if record is None:
                raise NoSuchKey(Key=key)
            if not _matches(self.if_match, record.etag):
                raise PreconditionFailed(Condition="If-Match")
            _check_unchanged("If-Match", key, is_unchanged)
        if self.if_none_match is not None:
            if record is not None:
                raise PreconditionFailed(Condition="If-None-Match")
            _check_unchanged("If-None-Match", key, is_unchanged)


def check_delete(if_match: str | None, current: FoundObject | None) -> None:
    """Refuse a DELETE whose If-Match does not hold; without an object every ETag holds, and `*` does not.

    Raises:
        PreconditionFailed: If-Match does not hold.

    Source: API page DeleteObject, If-Match.
    """
    if if_match is None:
        return
    record = current.record if current is not None and not current.record.is_delete_marker else None
    holds = _matches(if_match, record.etag) if record is not None else if_match.strip() != "*"
    if not holds:
        raise PreconditionFailed(Condition="If-Match")


def _check_unchanged(condition: str, key: str, is_unchanged: bool) -> None:
    if not is_unchanged:
        raise ConditionalRequestConflict(Condition=condition, Key=key)


class Extent(Record, frozen=True):
    """The bytes of an object that a request reads; `content_range` is None if it reads the whole object."""

    start: int
    length: int
    content_range: str | None = None
    parts_count: int | None = None


def requested_range(request: ReadRequest, etag: str, modified: datetime) -> str | None:
    """Return the Range of a read; None if its If-Range does not hold, so that the whole object is read.

    If-Range holds if it is the object's entity tag, and not weak, or equals Last-Modified to the second.

    Source: RFC 9110 section 13.1.5.
    """
    validator = request.get("if_range")
    if validator is None:
        return request.get("range")
    validator = validator.strip()
    holds = validator.strip('"').lower() == etag or parse_date(validator) == modified.replace(microsecond=0)
    return request.get("range") if holds else None


def extent_of(
    record: ObjectRecord, manifest: Manifest, range_header: str | None, part_number: object, limits: Limits
) -> Extent:
    """Return the bytes that a Range or partNumber selects; a part number is a part's position in the object.

    Raises:
        InvalidRequest: both are given.
        InvalidRange (416), InvalidPartNumber (416): the object has no such bytes.
        InvalidArgument: partNumber is not within 1..10000.

    Source: API pages GetObject and HeadObject. A Range that is malformed, or has several ranges, is ignored.
    """
    if part_number is not None:
        if range_header is not None:
            raise InvalidRequest("Cannot specify both Range header and partNumber query parameter")
        return _part_extent(record, manifest, part_number, limits)
    found = _RANGE.fullmatch(range_header.strip()) if range_header is not None else None
    if range_header is None or found is None:
        return Extent(0, record.size)
    return _range_extent(record.size, range_header, *found.groups())


def _part_extent(record: ObjectRecord, manifest: Manifest, part_number: object, limits: Limits) -> Extent:
    if type(part_number) is not int or not 1 <= part_number <= limits.part_number_max:
        raise invalid_part_number(part_number, limits.part_number_max)
    count = record.part_count or 1
    if part_number > count:
        raise InvalidPartNumber(ActualPartCount=count, PartNumberRequested=part_number)
    start, end = manifest.start(part_number - 1), manifest.end(part_number - 1)
    content_range = f"bytes {start}-{end - 1}/{record.size}" if end > start else None
    return Extent(start, end - start, content_range, record.part_count)


def _range_extent(size: int, range_header: str, first: str, last: str) -> Extent:
    if not first and not last:
        return Extent(0, size)
    if not first:
        start, end = max(0, size - _offset(last)), size
    else:
        start, end = _offset(first), min(_offset(last) + 1 if last else size, size)
        if last and _offset(last) < start:
            return Extent(0, size)
    if start >= end:
        raise InvalidRange(RangeRequested=range_header, ActualObjectSize=size)
    return Extent(start, end - start, f"bytes {start}-{end - 1}/{size}")


def _offset(digits: str) -> int:
    return int(digits.lstrip("0")[:_OFFSET_DIGITS_MAX] or "0")

"""Errors about listings, copies and reads of a piece, by number."""

from typing import Any

from tests.system.clients.raw import Call
from tests.system.clients.rules.rows import Ask, Case, Expected, Rows, ask, get, invalid, invalid_request, known
from tests.system.clients.rules.rows_uploads import failed, list_parts

SOURCE = "x-amz-copy-source"
RANGE = "x-amz-copy-source-range"
RANGE_FORM = (
    "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the zero-based offsets of the "
    "first and last bytes to copy"
)
ENCODING = "Invalid Encoding Method specified in Request"
PAST = "Wed, 01 Jan 2020 00:00:00 GMT"


def list_uploads(**arguments: Any) -> Ask:
    return ask("list_multipart_uploads", None, **arguments)


def list_keys(**arguments: Any) -> Ask:
    return ask("list_objects_v2", None, **arguments)


def list_versions(**arguments: Any) -> Ask:
    return ask("list_object_versions", None, **arguments)


def copy_part(source: str = "{bucket}/object", upload_id: str = "{upload}", **arguments: Any) -> Ask:
    given = {"UploadId": upload_id, "PartNumber": 1, "CopySource": "set/by-header"} | arguments
    return ask("upload_part_copy", "key", **given, x_amz_copy_source=source)


def copy(source: str = "{bucket}/object", **arguments: Any) -> Ask:
    return ask("copy_object", "copy", CopySource="set/by-header", **arguments, x_amz_copy_source=source)


def negative(name: str) -> Expected:
    return invalid(f"Argument {name} must be an integer between 0 and 2147483647", name, "-1")


def no_number(name: str, value: object) -> Expected:
    return invalid(f"Provided {name} not an integer or within integer range", name, str(value))


def no_source(what: str) -> Expected:
    return invalid(f"Invalid copy source {what}", SOURCE, SOURCE)


NUMBERS = (
    ("max-parts", lambda value: list_parts(MaxParts=value)),
    ("part-number-marker", lambda value: list_parts(PartNumberMarker=value)),
    ("max-uploads", lambda value: list_uploads(MaxUploads=value)),
    ("max-keys", lambda value: list_keys(MaxKeys=value)),
    ("max-keys", lambda value: ask("list_objects", None, MaxKeys=value)),
    ("max-keys", lambda value: list_versions(MaxKeys=value)),
)
TOO_LARGE = "The specified copy source is larger than the maximum allowable size for a copy source: 5368709120"

LISTING: Rows = {
    "InvalidArgument-negative-number": [Case(sent(-1), negative(name)) for name, sent in NUMBERS],
    "InvalidArgument-not-a-number": [
        Case(sent(value), no_number(name, value))
        for name, sent in NUMBERS
        for value in ("x", "1.5", 2**31, "9" * 30)
    ],
    "InvalidArgument-uploadId-marker": [
        Case(list_uploads(KeyMarker=key, UploadIdMarker=upload_id),
             invalid("Invalid uploadId marker", "upload-id-marker", upload_id))
        for key, upload_id in (("other", "{upload}"), ("key", "nonsense"), ("kez", "{gone}"))
    ],
    "InvalidArgument-encoding": [
        Case(sent(EncodingType=value), invalid(ENCODING, "encoding-type", value))
        for sent in (list_keys, lambda **given: ask("list_objects", None, **given), list_uploads, list_versions)
        for value in ("base64", "", "URL")
    ],
    "InvalidArgument-copy-source": [
        Case(sent(source), no_source(what))
        for sent in (copy, copy_part)
        for source, what in (
            ("{bucket}", "object key"), ("{bucket}/", "object key"), ("/{bucket}", "object key"), ("%ff/key", "encoding"),
            ("{bucket}/%fe", "encoding"), ("/", "bucket name"), ("//key", "bucket name"), ("", "bucket name"),
        )
    ],
    "InvalidArgument-copy-source-on-another-call": [
        Case(
            Call("DELETE", "/{bucket}/new", "", {SOURCE: "{bucket}/object"}),
            invalid("You can only specify a copy source header for copy requests.", SOURCE, "{bucket}/object"),
        ),
        Case(
            get("", "/{bucket}/object", x_amz_copy_source="{bucket}/object"),
            invalid("You can only specify a copy source header for copy requests.", SOURCE, "{bucket}/object"),
        ),
    ],
    "InvalidArgument-form-of-a-copy-range": [
        Case(copy_part(CopySourceRange=text), invalid(RANGE_FORM, RANGE, text))
        for text in (
            "0-8", "bytes=1-0", "bytes=-1-", "bytes=0--1", "bytes=0-1,3-4,7-9", "bytes=-", "bytes=-0", "bytes=1-", "bytes=-2",
            "bytes=-15", "bytes=a-b", "bytes", "bytes=0x1-2",
        )
    ],
    "InvalidArgument-copy-range-past-the-end": [
        Case(copy_part(CopySourceRange=text),
             invalid("Range specified is not valid for source object of size: 10", RANGE, text))
        for text in ("bytes=0-100", "bytes=0-10", "bytes=9-10")
    ],
    "InvalidRequest-copy-range-outside": [
        Case(copy_part(CopySourceRange=text),
             invalid_request("The specified copy range is invalid for the source object size"))
        for text in ("bytes=100-200", "bytes=10-10", "bytes=10-11")
    ],
    "InvalidRequest-copy-source-too-large": [
        Case(sent("{bucket}/{huge}"), invalid_request(TOO_LARGE)) for sent in (copy, copy_part)
    ],
    "InvalidRequest-delete-marker-as-copy-source": [
        Case(sent("{versioned}/deleted?versionId={marker}"),
             invalid_request("The source of a copy request may not specifically refer to a delete marker by version id."))
        for sent in (copy, copy_part)
    ],
    "InvalidRange": [
        *(
            Case(ask("get_object", "object", Range=text), known("InvalidRange", RangeRequested=text, ActualObjectSize="10"))
            for text in ("bytes=10-", "bytes=-0", "bytes=100-200", "bytes=10-10")
        ),
        Case(get("", "/{bucket}/object", range="bytes=10-"),
             known("InvalidRange", RangeRequested="bytes=10-", ActualObjectSize="10")),
    ],
    "InvalidPartNumber": [
        Case(ask("get_object", key, PartNumber=number),
             known("InvalidPartNumber", ActualPartCount=count, PartNumberRequested=str(number)))
        for key, count, number in (("object", "1", 2), ("{two}", "2", 3), ("{two}", "2", 10_000))
    ],
    "InvalidRequest-Range-and-partNumber": [
        Case(ask("get_object", "object", PartNumber=1, Range="bytes=0-1"),
             invalid_request("Cannot specify both Range header and partNumber query parameter")),
    ],
}  # fmt: skip

SOURCE_CONDITIONS = (
    ("if-match", '"x"', "If-Match"), ("if-none-match", '"781e5e245d69b566979b86e28d23f2c7"', "If-None-Match"),
    ("if-none-match", "781e5e245d69b566979b86e28d23f2c7", "If-None-Match"), ("if-unmodified-since", PAST, "If-Unmodified-Since"),
)  # fmt: skip
COPY_CONDITIONS = [
    Case(sent(**{f"x_amz_copy_source_{name.replace('-', '_')}": value}), failed(f"x-amz-copy-source-{named}"))
    for sent in (copy, copy_part)
    for name, value, named in SOURCE_CONDITIONS
]
"""More cases of PreconditionFailed: a copy's conditions on its source."""

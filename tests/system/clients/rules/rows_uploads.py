"""Errors about uploads, their parts and Complete, by number."""

import hashlib
from typing import Any

from tests.system.clients.raw import UNSIGNED, Call
from tests.system.clients.rules.rows import (
    Ask,
    Case,
    Expected,
    Rows,
    ask,
    get,
    invalid,
    invalid_request,
    known,
    not_implemented,
    put,
)

MIB = 1024 * 1024
BODY = b"0123456789"
MD5 = hashlib.md5(BODY).hexdigest()
FAKE = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
NO_PART_NUMBER = "Part number must be an integer between 1 and 10000, inclusive"
VALUE_NOT_TAKEN = "We don't accept the provided value of {header} header for this API"
SEVERAL_CONDITIONS = "Multiple conditional request headers present in the request"


def listed(*pairs: tuple[object, str], **more: str) -> dict[str, Any]:
    """The list of a Complete; `more` goes to its first part."""
    parts: list[dict[str, object]] = [{"PartNumber": number, "ETag": etag} for number, etag in pairs]
    parts[0] |= more
    return {"Parts": parts}


ONE = listed((1, MD5))
GAPPED = {
    "Parts": [
        {"PartNumber": 1, "ETag": hashlib.md5(bytes(5 * MIB)).hexdigest(), "ChecksumCRC32": "yTuzdQ=="},
        {"PartNumber": 3, "ETag": MD5, "ChecksumCRC32": "poTHxg=="},
    ]
}
"""Parts with checksums must be numbered without a gap."""


def complete(key: str = "key", upload_id: str = "{upload}", **arguments: Any) -> Ask:
    return ask("complete_multipart_upload", key, UploadId=upload_id, **({"MultipartUpload": ONE} | arguments))


def document(body: bytes) -> Call:
    return Call("POST", "/{bucket}/key", "uploadId={upload}", body=body)


def upload_part(number: object = 1, upload_id: str = "{upload}", key: str = "key", **arguments: Any) -> Ask:
    return ask("upload_part", key, UploadId=upload_id, PartNumber=number, **({"Body": BODY} | arguments))


def abort(upload_id: str, key: str = "key") -> Ask:
    return ask("abort_multipart_upload", key, UploadId=upload_id)


def list_parts(upload_id: str = "{upload}", key: str = "key", **arguments: Any) -> Ask:
    return ask("list_parts", key, UploadId=upload_id, **arguments)


def no_upload(upload_id: str) -> Expected:
    return known("NoSuchUpload", UploadId=upload_id)


def no_part(number: int, etag: str = MD5, upload_id: str = "{upload}") -> Expected:
    return known("InvalidPart", UploadId=upload_id, PartNumber=str(number), ETag=etag)


def failed(condition: str) -> Expected:
    return known("PreconditionFailed", Condition=condition)


def conflict(condition: str, key: str) -> Expected:
    message = "The conditional request cannot succeed due to a conflicting operation against this resource."
    return Expected("ConditionalRequestConflict", 409, message, {"Condition": condition, "Key": key})


def value_not_taken(header: str) -> Expected:
    return not_implemented(header, VALUE_NOT_TAKEN.format(header=header))


UPLOADS: Rows = {
    "NoSuchUpload": [
        *(Case(sent, no_upload("nonsense")) for sent in (upload_part(1, "nonsense"), list_parts("nonsense"))),
        *(Case(sent, no_upload("fakeid")) for sent in (abort("fakeid"), complete(upload_id="fakeid"))),
        *(Case(sent, no_upload(FAKE)) for sent in (upload_part(1, FAKE), abort(FAKE))),
        *(
            Case(sent, no_upload("{gone}"))
            for sent in (abort("{gone}"), complete(upload_id="{gone}"), upload_part(1, "{gone}"), list_parts("{gone}"))
        ),
        *(
            Case(sent, no_upload("{upload}"))
            for sent in (
                abort("{upload}", "other"), complete("other"), upload_part(key="other"), list_parts(key="other"),
                Ask("list_parts", {"Bucket": "{foreign}", "Key": "key", "UploadId": "{upload}"}, by_stranger=True),
            )
        ),
        Case(
            ask("upload_part_copy", "key", UploadId=FAKE, PartNumber=1, CopySource="{bucket}/object"),
            no_upload(FAKE),
        ),
    ],
    "InvalidPart": [
        Case(complete(MultipartUpload=listed((7, MD5))), no_part(7)),
        Case(complete(MultipartUpload=listed((1, MD5), (7, MD5))), no_part(7)),
        Case(complete(MultipartUpload=listed((1, f'"{"0" * 32}"'))), no_part(1, "0" * 32)),
        Case(complete(MultipartUpload=listed((1, "d41d8cd98f00b204e9800998ecf8427e"), (3, MD5))),
             no_part(1, "d41d8cd98f00b204e9800998ecf8427e")),
        Case(complete(MultipartUpload=listed((1, MD5), ChecksumCRC32="poTHxg==")), no_part(1)),
        Case(
            complete("composite", "{composite}", MultipartUpload=listed((1, MD5), ChecksumCRC32="AAAAAA==")),
            no_part(1, upload_id="{composite}"),
        ),
    ],
    "InvalidPartOrder": [
        Case(complete(MultipartUpload=listed((2, MD5), (1, MD5))), known("InvalidPartOrder", UploadId="{upload}")),
        Case(complete(MultipartUpload=listed((1, MD5), (1, MD5))), known("InvalidPartOrder", UploadId="{upload}")),
        Case(complete("gapped", "{gapped}", MultipartUpload=GAPPED), known("InvalidPartOrder", UploadId="{gapped}")),
    ],
    "EntityTooSmall": [
        Case(
            complete(MultipartUpload=listed((1, MD5), (2, MD5))),
            known("EntityTooSmall", ProposedSize="10", MinSizeAllowed=str(5 * MIB), PartNumber="1", ETag=MD5),
        ),
    ],
    "EntityTooLarge": [
        Case(
            Call("PUT", path, query, {"content-length": "5368709121"}, sha256=UNSIGNED),
            known("EntityTooLarge", ProposedSize="5368709121", MaxSizeAllowed="5368709120"),
        )
        for path, query in (("/{bucket}/key", "partNumber=1&uploadId={upload}"), ("/{bucket}/new", ""))
    ],
    "InvalidRequest-no-parts": [
        Case(document(b""), invalid_request("You must specify at least one part")),
        Case(ask("complete_multipart_upload", UploadId="{upload}"), invalid_request("You must specify at least one part")),
    ],
    "MalformedXML": [
        *(
            Case(document(b"<CompleteMultipartUpload>" + inner), known("MalformedXML"))
            for inner in (
                b"</CompleteMultipartUpload>", b"<Part>", b"<Part></Part></CompleteMultipartUpload>",
                b"<Part><PartNumber>1</PartNumber></Part></CompleteMultipartUpload>",
                b"<Part><ETag>e</ETag></Part></CompleteMultipartUpload>",
                b"<Part><PartNumber>x</PartNumber><ETag>e</ETag></Part></CompleteMultipartUpload>",
            )
        ),
        Case(document(b"<CompleteMultipartUpload/>"), known("MalformedXML")),
        Case(document(b"no XML"), known("MalformedXML")),
        Case(document(b"<Other><Part><PartNumber>1</PartNumber><ETag>e</ETag></Part></Other>"), known("MalformedXML")),
        Case(complete(MultipartUpload={"Parts": []}), known("MalformedXML")),
    ],
    "InvalidArgument-PartNumber-in-a-list": [
        Case(
            complete(MultipartUpload=listed((number, MD5))),
            invalid("PartNumber must be >= 1", "PartNumber", str(number)),
        )
        for number in (0, -1)
    ],
    "InvalidArgument-partNumber": [
        *(
            Case(upload_part(number), invalid(NO_PART_NUMBER, "partNumber", str(number)))
            for number in (0, -1, 10_001, "x", "1.5", 2**40)
        ),
        *(
            Case(ask("upload_part_copy", UploadId="{upload}", PartNumber=number, CopySource="{bucket}/object"),
                 invalid(NO_PART_NUMBER, "partNumber", str(number)))
            for number in (0, 10_001)
        ),
        *(
            Case(ask("get_object", "object", PartNumber=number), invalid(NO_PART_NUMBER, "partNumber", str(number)))
            for number in (0, -1, 10_001, "x")
        ),
    ],
    "InvalidArgument-partNumber-without-uploadId": [
        Case(
            put("/{bucket}/key", "partNumber=1"),
            invalid("This operation does not accept partNumber without uploadId", "partNumber", "1"),
        ),
    ],
    "InvalidRequest-another-x-amz-mp-object-size": [
        Case(
            complete(MpuObjectSize=size),
            invalid_request(f"The provided 'x-amz-mp-object-size' header value {size} does not match what was computed: 10"),
        )
        for size in (5, 11, 0)
    ],
    "InvalidRequest-no-x-amz-mp-object-size": [
        Case(complete(x_amz_mp_object_size="-1"),
             invalid_request("Value for x-amz-mp-object-size header is less than zero: '-1'")),
        Case(complete(x_amz_mp_object_size="x"),
             invalid_request("Value for x-amz-mp-object-size header is invalid: 'x'")),
    ],
    "PreconditionFailed": [
        *(
            Case(ask("get_object", "object", **{name: value}), failed(condition))
            for name, value, condition in (
                ("if_match", '"x"', "If-Match"),
                ("if_unmodified_since", "Wed, 01 Jan 2020 00:00:00 GMT", "If-Unmodified-Since"),
            )
        ),
        Case(complete("object", "{of_object}", IfMatch='"x"'), failed("If-Match")),
        Case(complete("object", "{of_object}", IfNoneMatch="*"), failed("If-None-Match")),
        Case(ask("put_object", "object", IfMatch='"x"'), failed("If-Match")),
        Case(ask("put_object", "object", IfNoneMatch="*"), failed("If-None-Match")),
        Case(ask("delete_object", "object", IfMatch='"x"'), failed("If-Match")),
        *(
            Case(ask("copy_object", "object", CopySource="{bucket}/object", MetadataDirective="REPLACE", **given),
                 failed(condition))
            for given, condition in (({"IfMatch": '"x"'}, "If-Match"), ({"IfNoneMatch": "*"}, "If-None-Match"))
        ),
    ],
    "ConditionalRequestConflict": [
        Case(complete("overtaken", "{overtaken}", IfMatch=MD5), conflict("If-Match", "overtaken")),
        Case(complete("removed", "{removed}", IfNoneMatch="*"), conflict("If-None-Match", "removed")),
    ],
    "NoSuchKey-If-Match": [
        Case(ask("put_object", "absent", IfMatch='"x"'), known("NoSuchKey", Key="absent")),
        Case(complete("nothing", "{of_nothing}", IfMatch='"x"'), known("NoSuchKey", Key="nothing")),
        Case(ask("get_object", "absent"), known("NoSuchKey", Key="absent")),
        Case(ask("get_object", "absent", IfMatch='"x"'), known("NoSuchKey", Key="absent")),
    ],
    "NotImplemented-conditions": [
        *(
            Case(sent(IfNoneMatch='"x"'), value_not_taken("If-None-Match"))
            for sent in (complete, lambda **given: ask("put_object", "object", **given))
        ),
        *(
            Case(sent(IfMatch="*"), value_not_taken("If-Match"))
            for sent in (complete, lambda **given: ask("put_object", "object", **given))
        ),
        *(
            Case(sent(IfMatch='"x"', IfNoneMatch="*"), not_implemented("If-Match,If-None-Match", SEVERAL_CONDITIONS))
            for sent in (complete, lambda **given: ask("put_object", "object", **given))
        ),
        *(
            Case(ask("delete_object", "object", **{name.replace("-", "_"): value}), not_implemented(name))
            for name, value in (
                ("x-amz-if-match-size", "10"), ("x-amz-if-match-last-modified-time", "Wed, 01 Jan 2020 00:00:00 GMT"),
            )
        ),
        Case(
            Call("DELETE", "/{bucket}/key", "uploadId={upload}", {"x-amz-if-match-initiated-time": "Wed, 01 Jan 2020 00:00:00 GMT"}),
            not_implemented("x-amz-if-match-initiated-time"),
        ),
    ],
    "MaxMessageLengthExceeded": [
        Case(
            Call("POST", "/{bucket}/key", "uploadId={upload}", {"content-length": str(4 * MIB + 1)}, sha256=UNSIGNED),
            Expected("MaxMessageLengthExceeded", 400, "Your request was too big.", {"MaxMessageLengthBytes": str(4 * MIB)}),
        ),
        Case(
            Call("POST", "/{bucket}", "delete", {"content-length": str(4 * MIB + 1)}, sha256=UNSIGNED),
            Expected("MaxMessageLengthExceeded", 400, "Your request was too big.", {"MaxMessageLengthBytes": str(4 * MIB)}),
        ),
    ],
    "MethodNotAllowed-delete-marker": [
        Case(
            Ask("get_object", {"Bucket": "{versioned}", "Key": "deleted", "VersionId": "{marker}"}),
            Expected(
                "MethodNotAllowed", 405, "The specified method is not allowed against this resource.",
                {"Method": "GET", "ResourceType": "DeleteMarker"},
            ),
        ),
        Case(
            Call("PATCH", "/{bucket}/object"),
            Expected(
                "MethodNotAllowed", 405, "The specified method is not allowed against this resource.",
                {"Method": "PATCH", "ResourceType": "OBJECT"},
            ),
        ),
    ],
    "InvalidRequest-uploads-of-a-key": [
        Case(get("uploads", "/{bucket}/key"), invalid_request("Key is not expected for the GET method ?uploads subresource")),
    ],
}  # fmt: skip

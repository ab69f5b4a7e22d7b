"""Requests that S3 refuses, and its answers to the letter, as the reference of its behaviour has them and as far as we serve them.

BUCKET and UPLOAD stand for a bucket that holds `object` (ten bytes) and for an upload of `key` with the parts 1 and 2 of ten bytes.
"""

import hashlib

from tests.support.refusals import TEXTS
from tests.system.clients.raw import UNSIGNED, Call

Expected = tuple[str, int, str, dict[str, str]]
"""Code, status, message, further elements."""

MIB = 1024 * 1024
BODY = b"0123456789"
MD5 = hashlib.md5(BODY).hexdigest()
GONE = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
SHA256_MODES = (
    "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, STREAMING-AWS4-HMAC-SHA256-PAYLOAD, "
    "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER, STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD, "
    "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER or a valid sha256 value."
)
NO_PART_NUMBER = "Part number must be an integer between 1 and 10000, inclusive"
MANY_CHECKSUMS = "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed."


def parts(*pairs: tuple[object, str]) -> bytes:
    inner = "".join(f"<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>" for number, etag in pairs)
    return f"<CompleteMultipartUpload>{inner}</CompleteMultipartUpload>".encode()


def argument(name: str, value: str) -> dict[str, str]:
    return {"ArgumentName": name, "ArgumentValue": value}


def get(query: str, path: str = "/BUCKET", **headers: str) -> Call:
    return Call("GET", path, query, {name.replace("_", "-"): value for name, value in headers.items()})


def put(path: str = "/BUCKET/new", query: str = "", body: bytes = BODY, **headers: str) -> Call:
    return Call("PUT", path, query, {name.replace("_", "-"): value for name, value in headers.items()}, body)


def complete(body: bytes, key: str = "key", upload_id: str = "UPLOAD") -> Call:
    return Call("POST", f"/BUCKET/{key}", f"uploadId={upload_id}", body=body)


def out_of_range(name: str, value: str) -> Expected:
    return "InvalidArgument", 400, f"Provided {name} not an integer or within integer range", argument(name, value)


def negative(name: str) -> Expected:
    return "InvalidArgument", 400, f"Argument {name} must be an integer between 0 and 2147483647", argument(name, "-1")


def known(code: str, **extras: str) -> Expected:
    """A code with one text."""
    status, message = TEXTS[code]
    return code, status, message, extras


def invalid(message: str, **extras: str) -> Expected:
    return "InvalidArgument", 400, message, extras


def invalid_request(message: str) -> Expected:
    return "InvalidRequest", 400, message, {}


WITHOUT_LENGTH = {"content-length": None, "transfer-encoding": "chunked"}
PART = "partNumber=1&uploadId=UPLOAD"
ROWS: list[tuple[Call, Expected]] = [
    # 2.1 upload id, parts, Complete
    (put(query=f"partNumber=1&uploadId={GONE}"), known("NoSuchUpload", UploadId=GONE)),
    (get("uploadId=nonsense", "/BUCKET/key"), known("NoSuchUpload", UploadId="nonsense")),
    (get("uploadId=UPLOAD", "/BUCKET/other"), known("NoSuchUpload", UploadId="UPLOAD")),
    (complete(parts((1, MD5)), "other"), known("NoSuchUpload", UploadId="UPLOAD")),
    (Call("DELETE", "/BUCKET/key", f"uploadId={GONE}"), known("NoSuchUpload", UploadId=GONE)),
    (complete(parts((7, MD5))), known("InvalidPart", UploadId="UPLOAD", PartNumber="7", ETag=MD5)),
    (complete(parts((1, f'"{"0" * 32}"'))), known("InvalidPart", UploadId="UPLOAD", PartNumber="1", ETag="0" * 32)),
    (complete(parts((2, MD5), (1, MD5))), known("InvalidPartOrder", UploadId="UPLOAD")),
    (complete(parts((1, MD5), (1, MD5))), known("InvalidPartOrder", UploadId="UPLOAD")),
    (
        complete(parts((1, MD5), (2, MD5))),
        known("EntityTooSmall", ProposedSize="10", MinSizeAllowed=str(5 * MIB), PartNumber="1", ETag=MD5),
    ),
    (
        Call("PUT", "/BUCKET/key", PART, {"content-length": "5368709121"}, sha256=UNSIGNED),
        known("EntityTooLarge", ProposedSize="5368709121", MaxSizeAllowed="5368709120"),
    ),
    (complete(b""), invalid_request("You must specify at least one part")),
    (complete(b"<CompleteMultipartUpload/>"), known("MalformedXML")),
    (complete(b"<CompleteMultipartUpload><Part><PartNumber>1</PartNumber></Part></CompleteMultipartUpload>"), known("MalformedXML")),
    (complete(b"<CompleteMultipartUpload><Part>"), known("MalformedXML")),
    (complete(parts((0, MD5))), invalid("PartNumber must be >= 1", **argument("PartNumber", "0"))),
    (put("/BUCKET/key", "partNumber=0&uploadId=UPLOAD"), invalid(NO_PART_NUMBER, **argument("partNumber", "0"))),
    (put("/BUCKET/key", "partNumber=10001&uploadId=UPLOAD"), invalid(NO_PART_NUMBER, **argument("partNumber", "10001"))),
    (put("/BUCKET/key", "partNumber=x&uploadId=UPLOAD"), invalid(NO_PART_NUMBER, **argument("partNumber", "x"))),
    (
        put("/BUCKET/key", "partNumber=1"),
        invalid("This operation does not accept partNumber without uploadId", **argument("partNumber", "1")),
    ),
    (get("uploads", "/BUCKET/key"), invalid_request("Key is not expected for the GET method ?uploads subresource")),
    (get("", "/BUCKET/object", if_match='"x"'), known("PreconditionFailed", Condition="If-Match")),
    (
        get("", "/BUCKET/object", if_unmodified_since="Wed, 01 Jan 2020 00:00:00 GMT"),
        known("PreconditionFailed", Condition="If-Unmodified-Since"),
    ),
    (
        Call("POST", "/BUCKET/key", "uploadId=UPLOAD", {"content-length": str(4 * MIB + 1)}, sha256=UNSIGNED),
        ("MaxMessageLengthExceeded", 400, "Your request was too big.", {"MaxMessageLengthBytes": str(4 * MIB)}),
    ),
    (get("", "/BUCKET/absent"), known("NoSuchKey", Key="absent")),
    # 2.2 listing and copy
    (get("uploadId=UPLOAD&max-parts=-1", "/BUCKET/key"), negative("max-parts")),
    (get("uploadId=UPLOAD&max-parts=x", "/BUCKET/key"), out_of_range("max-parts", "x")),
    (get("uploadId=UPLOAD&part-number-marker=-1", "/BUCKET/key"), negative("part-number-marker")),
    (get("max-uploads=2147483648&uploads"), out_of_range("max-uploads", "2147483648")),
    (get("max-uploads=-1&uploads"), negative("max-uploads")),
    (get("list-type=2&max-keys=-1"), negative("max-keys")),
    (get("list-type=2&max-keys=1.5"), out_of_range("max-keys", "1.5")),
    (
        get(f"key-marker=other&upload-id-marker={GONE}&uploads"),
        invalid("Invalid uploadId marker", **argument("upload-id-marker", GONE)),
    ),
    (
        get("encoding-type=base64&list-type=2"),
        invalid("Invalid Encoding Method specified in Request", **argument("encoding-type", "base64")),
    ),
    (
        put(body=b"", x_amz_copy_source="BUCKET"),
        invalid("Invalid copy source object key", **argument("x-amz-copy-source", "x-amz-copy-source")),
    ),
    (
        put(body=b"", x_amz_copy_source="%ff/key"),
        invalid("Invalid copy source encoding", **argument("x-amz-copy-source", "x-amz-copy-source")),
    ),
    (
        put(body=b"", x_amz_copy_source="BUCKET/object", x_amz_copy_source_if_match='"x"'),
        known("PreconditionFailed", Condition="x-amz-copy-source-If-Match"),
    ),
    (
        Call("DELETE", "/BUCKET/new", "", {"x-amz-copy-source": "BUCKET/object"}),
        invalid(
            "You can only specify a copy source header for copy requests.", **argument("x-amz-copy-source", "BUCKET/object")
        ),
    ),
    (
        get("", "/BUCKET/object", range="bytes=10-"),
        known("InvalidRange", RangeRequested="bytes=10-", ActualObjectSize="10"),
    ),
    (
        get("partNumber=2", "/BUCKET/object"),
        known("InvalidPartNumber", ActualPartCount="1", PartNumberRequested="2"),
    ),
    (
        get("partNumber=1", "/BUCKET/object", range="bytes=0-1"),
        invalid_request("Cannot specify both Range header and partNumber query parameter"),
    ),
    # 2.3 integrity
    (
        put(content_md5="1B2M2Y8AsgTpgAmY7PhCfg=="),
        known("BadDigest", ExpectedDigest="d41d8cd98f00b204e9800998ecf8427e", CalculatedDigest="eB5eJF1ptWaXm4bijSPyxw=="),
    ),
    (
        put("/BUCKET/key", PART, content_md5="1B2M2Y8AsgTpgAmY7PhCfg=="),
        known("BadDigest", ExpectedDigest="1B2M2Y8AsgTpgAmY7PhCfg==", CalculatedDigest="eB5eJF1ptWaXm4bijSPyxw=="),
    ),
    (put(content_md5="MTIz"), known("InvalidDigest", **{"Content-MD5": "MTIz"})),
    (
        put(x_amz_checksum_crc32="AAAAAA=="),
        ("BadDigest", 400, "The CRC32 you specified did not match the calculated checksum.", {}),
    ),
    (put(x_amz_checksum_crc32="AAAA"), invalid_request("Value for x-amz-checksum-crc32 header is invalid.")),
    (put(x_amz_checksum_crc32="AAAAAA==", x_amz_checksum_crc32c="AAAAAA=="), invalid_request(MANY_CHECKSUMS)),
    (
        put(x_amz_sdk_checksum_algorithm="CRC32"),
        invalid_request(
            "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer headers were found."
        ),
    ),
    (
        Call("PUT", "/BUCKET/new", body=BODY, sha256="0" * 64),
        known(
            "XAmzContentSHA256Mismatch",
            ClientComputedContentSHA256="0" * 64,
            S3ComputedContentSHA256=hashlib.sha256(BODY).hexdigest(),
        ),
    ),
    (
        Call("PUT", "/BUCKET/new", body=BODY, sha256="STREAMING"),
        invalid(SHA256_MODES, **argument("x-amz-content-sha256", "STREAMING")),
    ),
    (
        Call("PUT", "/BUCKET/new", headers=WITHOUT_LENGTH, body=b"0\r\n\r\n", sha256=UNSIGNED),
        ("MissingContentLength", 411, "You must provide the Content-Length HTTP header.", {}),
    ),
    # 2.5 access, bucket, key, metadata
    (
        Call("GET", "/BUCKET/object", region="eu-west-1"),
        (
            "AuthorizationHeaderMalformed", 400,
            "The authorization header is malformed; the region 'eu-west-1' is wrong; expecting 'us-east-1'",
            {"Region": "us-east-1"},
        ),
    ),
    (get("", "/absent-bucket-of-errors/key"), known("NoSuchBucket", BucketName="absent-bucket-of-errors")),
    (put("/BUCKET", body=b""), known("BucketAlreadyOwnedByYou", BucketName="BUCKET")),
    (Call("DELETE", "/BUCKET"), known("BucketNotEmpty", BucketName="BUCKET")),
    (put("/UP", body=b""), known("InvalidBucketName", BucketName="UP")),
    (
        put(
            "/another-bucket-of-errors",
            body=b"<CreateBucketConfiguration><LocationConstraint>eu-west-1</LocationConstraint></CreateBucketConfiguration>",
        ),
        (
            "IllegalLocationConstraintException", 400,
            "The eu-west-1 location constraint is incompatible for the region specific endpoint this request was sent to.", {},
        ),
    ),
    (put(f"/BUCKET/{'k' * 1025}"), known("KeyTooLongError", Size="1025", MaxSizeAllowed="1024")),
    (put(x_amz_meta_a="v" * 2048), known("MetadataTooLarge", Size="2049", MaxSizeAllowed="2048")),
    (
        Call("PATCH", "/BUCKET/object"),
        (
            "MethodNotAllowed", 405, "The specified method is not allowed against this resource.",
            {"Method": "PATCH", "ResourceType": "OBJECT"},
        ),
    ),
    (
        get("acl"),
        (
            "NotImplemented", 501, "A header you provided implies functionality that is not implemented",
            {"Header": "GetBucketAcl", "additionalMessage": "GetBucketAcl is not implemented"},
        ),
    ),
]  # fmt: skip

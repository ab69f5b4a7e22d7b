"""Errors about what arrived not being what was promised, by number."""

import hashlib
from typing import Any

from tests.system.clients.raw import UNSIGNED, Call
from tests.system.clients.rules.rows import Ask, Case, Expected, Rows, ask, invalid, invalid_request, known, put
from tests.system.clients.rules.rows_uploads import BODY, MD5, complete, listed, upload_part

MD5_OF_NOTHING = "1B2M2Y8AsgTpgAmY7PhCfg=="
MD5_BASE64 = "eB5eJF1ptWaXm4bijSPyxw=="
WRONG = {
    "CRC32": "AAAAAA==", "CRC32C": "AAAAAA==", "CRC64NVME": "AAAAAAAAAAA=", "SHA1": "A" * 27 + "=", "SHA256": "A" * 43 + "=",
}  # fmt: skip
NEW_WRONG = {
    "MD5": "A" * 22 + "==", "SHA512": "A" * 86 + "==", "XXHASH64": "A" * 11 + "=", "XXHASH3": "A" * 11 + "=",
    "XXHASH128": "A" * 22 + "==",
}  # fmt: skip
TYPES = "[CRC32, CRC32C, CRC64NVME, MD5, SHA1, SHA256, SHA512, XXHASH128, XXHASH3, XXHASH64]"
UNKNOWN = f"Checksum algorithm provided is unsupported. Please try again with any of the valid types: {TYPES}"
TYPE_ALONE = "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header."
MANY_CHECKSUMS = "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed."
NOT_SENT = (
    "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer headers were found."
)
SHA256_MODES = (
    "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, STREAMING-AWS4-HMAC-SHA256-PAYLOAD, "
    "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER, STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD, "
    "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER or a valid sha256 value."
)
WITHOUT_LENGTH = {"content-length": None, "transfer-encoding": "chunked"}


def put_object(**arguments: Any) -> Ask:
    return ask("put_object", "new", **({"Body": BODY} | arguments))


def create(**arguments: Any) -> Ask:
    return ask("create_multipart_upload", "new", **arguments)


def not_matched(algorithm: str) -> Expected:
    return Expected("BadDigest", 400, f"The {algorithm} you specified did not match the calculated checksum.")


def mode_differs(mode: str) -> Expected:
    return invalid_request(
        f"The upload was created using the {mode} checksum mode. The complete request must use the same checksum mode."
    )


def type_differs(expected: str, actual: str) -> Expected:
    return invalid_request(
        f"Checksum Type mismatch occurred, expected checksum Type: {expected}, actual checksum Type: {actual}"
    )


def header_of(algorithm: str) -> str:
    return f"x_amz_checksum_{algorithm.lower()}"


def trailing(name: str, line: bytes, body: bytes = b"a\r\n0123456789\r\n0\r\n") -> Call:
    """An aws-chunked body of ten bytes whose trailer is announced as `name` and is `line`."""
    headers = {"content-encoding": "aws-chunked", "x-amz-decoded-content-length": "10", "x-amz-trailer": name}
    return Call("PUT", "/{bucket}/new", "", headers, body + line + b"\r\n\r\n", "STREAMING-UNSIGNED-PAYLOAD-TRAILER")


INTEGRITY: Rows = {
    "BadDigest-Content-MD5": [
        Case(
            put_object(ContentMD5=MD5_OF_NOTHING),
            known("BadDigest", ExpectedDigest="d41d8cd98f00b204e9800998ecf8427e", CalculatedDigest=MD5_BASE64),
        ),
        Case(
            upload_part(ContentMD5=MD5_OF_NOTHING),
            known("BadDigest", ExpectedDigest=MD5_OF_NOTHING, CalculatedDigest=MD5_BASE64),
        ),
    ],
    "InvalidDigest": [
        Case(sent(ContentMD5=value), known("InvalidDigest", **{"Content-MD5": value}))
        for sent in (put_object, upload_part)
        for value in ("__invalid__", "000", "MTIz", "")
    ],
    "BadDigest-header": [
        *(
            Case(sent(**{header_of(name): value}), not_matched(name))
            for sent in (put_object, upload_part)
            for name, value in WRONG.items()
        ),
        *(Case(put_object(**{header_of(name): value}), not_matched(name)) for name, value in NEW_WRONG.items()),
    ],
    "BadDigest-FULL_OBJECT-value-on-Complete": [Case(complete("full", "{full}", ChecksumCRC32C="AAAAAA=="), not_matched("crc32c"))],
    "BadDigest-another-algorithm-in-the-list": [
        Case(
            complete("composite", "{composite}", MultipartUpload=listed((1, MD5), ChecksumSHA256=WRONG["SHA256"])),
            Expected("BadDigest", 400, "The sha256 you specified for part 1 did not match what we received."),
        ),
    ],
    "InvalidRequest-value": [
        *(
            Case(sent(**{header_of(name): value}), invalid_request(f"Value for x-amz-checksum-{name.lower()} header is invalid."))
            for sent in (put_object, upload_part)
            for name in WRONG
            for value in ("__invalid__", "AAAA", "")
        ),
        *(
            Case(complete("composite", "{composite}", ChecksumCRC32=value),
                 invalid_request("Value for x-amz-checksum-crc32 header is invalid."))
            for value in ("AAAA", "AAAA-1", "poTHxg==-x", "x-1")
        ),
        Case(complete("full", "{full}", ChecksumCRC32C="AAAAAA==-1"),
             invalid_request("Value for x-amz-checksum-crc32c header is invalid.")),
    ],
    "InvalidRequest-value-in-a-trailer": [
        Case(trailing("x-amz-checksum-crc32", b"x-amz-checksum-crc32:AAAA"),
             invalid_request("Value for x-amz-checksum-crc32 trailing header is invalid.")),
    ],
    "InvalidArgument-values-in-the-list": [
        Case(complete("composite", "{composite}", MultipartUpload=listed((1, MD5), **given)),
             Expected("InvalidArgument", 400, "Invalid Base64 or multiple checksums present in request", {"ArgumentName": "Checksum"}))
        for given in ({"ChecksumCRC32": "?"}, {"ChecksumCRC32": "poTHxg==", "ChecksumSHA1": WRONG["SHA1"]})
    ],
    "InvalidRequest-two-checksums": [
        *(
            Case(sent(x_amz_checksum_crc32="poTHxg==", x_amz_checksum_crc32c="AAAAAA=="), invalid_request(MANY_CHECKSUMS))
            for sent in (put_object, upload_part)
        ),
        Case(complete("full", "{full}", x_amz_checksum_crc32="poTHxg==", x_amz_checksum_crc32c="AAAAAA=="),
             invalid_request(MANY_CHECKSUMS)),
    ],
    "InvalidRequest-not-the-uploads-algorithm": [
        Case(upload_part(1, "{composite_sha256}", "composite-sha256", ChecksumCRC32="poTHxg=="),
             type_differs("sha256", "crc32")),
        Case(upload_part(1, "{full}", "full", ChecksumCRC32="poTHxg=="), type_differs("crc32c", "crc32")),
        Case(upload_part(1, "{composite_sha256}", "composite-sha256"), type_differs("sha256", "null")),
    ],
    "InvalidRequest-unknown-algorithm": [
        Case(create(ChecksumAlgorithm="TEST"), invalid_request(UNKNOWN)),
        Case(put(x_amz_sdk_checksum_algorithm="TEST"), invalid_request(UNKNOWN)),
    ],
    "InvalidRequest-type-without-algorithm": [
        Case(create(ChecksumType=mode), invalid_request(TYPE_ALONE)) for mode in ("COMPOSITE", "FULL_OBJECT")
    ],
    "InvalidRequest-type-of-another-algorithm": [
        Case(
            create(ChecksumAlgorithm=algorithm, ChecksumType=mode),
            invalid_request(f"The {mode} checksum type cannot be used with the {algorithm.lower()} checksum algorithm."),
        )
        for mode, algorithms in (
            ("COMPOSITE", ("CRC64NVME",)),
            ("FULL_OBJECT", ("SHA1", "SHA256", "SHA512", "MD5", "XXHASH64", "XXHASH3", "XXHASH128")),
        )
        for algorithm in algorithms
    ],
    "InvalidRequest-type-on-Complete": [
        Case(complete("full", "{full}", ChecksumType="COMPOSITE"), mode_differs("FULL_OBJECT")),
        Case(complete("composite", "{composite}", ChecksumType="FULL_OBJECT"), mode_differs("COMPOSITE")),
        Case(complete(ChecksumType="COMPOSITE"), mode_differs("null")),
        Case(complete(ChecksumType="FULL_OBJECT"), mode_differs("null")),
    ],
    "InvalidRequest-missing-in-the-list": [
        Case(
            complete("composite", "{composite}"),
            invalid_request(
                "The upload was created using a crc32 checksum. The complete request must include the checksum for each part. "
                "It was missing for part 1 in the request."
            ),
        ),
    ],
    "InvalidRequest-x-amz-sdk-checksum-algorithm-alone": [
        Case(put(x_amz_sdk_checksum_algorithm="CRC32"), invalid_request(NOT_SENT)),
        Case(put(x_amz_sdk_checksum_algorithm="SHA256", x_amz_checksum_crc32="pmhLvg=="),
             invalid_request("Value for x-amz-sdk-checksum-algorithm header is invalid.")),
    ],
    "InvalidRequest-unknown-header-or-trailer-or-none": [
        Case(put(x_amz_checksum_crc16="AAAA"),
             invalid_request("The algorithm type you specified in x-amz-checksum- header is invalid.")),
        Case(trailing("x-amz-checksum-crc16", b"x-amz-checksum-crc16:AAAA"),
             invalid_request("The value specified in the x-amz-trailer header is not supported")),
        Case(Call("POST", "/{bucket}", "delete", {}, b"<Delete><Object><Key>absent</Key></Object></Delete>"),
             invalid_request("Missing required header for this request: Content-MD5 OR x-amz-checksum-*")),
        Case(Ask("put_object", {"Bucket": "{locked}", "Key": "key", "Body": BODY, "ObjectLockLegalHoldStatus": "ON"}),
             invalid_request(
                 "Content-MD5 OR x-amz-checksum- HTTP header is required for Put Object requests with Object Lock parameters"
             )),
    ],
    "XAmzContentSHA256Mismatch": [
        Case(
            Call("PUT", "/{bucket}/new", body=BODY, sha256="0" * 64),
            known(
                "XAmzContentSHA256Mismatch",
                ClientComputedContentSHA256="0" * 64,
                S3ComputedContentSHA256=hashlib.sha256(BODY).hexdigest(),
            ),
        ),
    ],
    "InvalidArgument-x-amz-content-sha256": [
        Case(Call("PUT", "/{bucket}/new", body=BODY, sha256=value), invalid(SHA256_MODES, "x-amz-content-sha256", value))
        for value in ("STREAMING", "", "0" * 63)
    ],
    "IncompleteBody": [
        Case(
            Call(
                "PUT", "/{bucket}/new", "",
                {"content-encoding": "aws-chunked", "x-amz-decoded-content-length": "10", "x-amz-trailer": "x-amz-checksum-crc32"},
                b"a\r\n01234", "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
            ),
            Expected("IncompleteBody", 400, "The request body terminated unexpectedly"),
        ),
    ],
    "MissingContentLength": [
        Case(
            Call("PUT", "/{bucket}/new", headers=WITHOUT_LENGTH, body=b"0\r\n\r\n", sha256=UNSIGNED),
            Expected("MissingContentLength", 411, "You must provide the Content-Length HTTP header."),
        ),
    ],
    "InvalidChunkSizeError": [
        Case(
            Call(
                "PUT", "/{bucket}/new", "",
                {"content-encoding": "aws-chunked", "x-amz-decoded-content-length": "20", "x-amz-trailer": "x-amz-checksum-crc32"},
                b"a\r\n0123456789\r\na\r\n0123456789\r\n0\r\nx-amz-checksum-crc32:poTHxg==\r\n\r\n",
                "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
            ),
            Expected(
                "InvalidChunkSizeError", 400, "Only the last chunk is allowed to have a size less than 8192 bytes",
                {"Chunk": "1", "BadChunkSize": "10"},
            ),
        ),
    ],
    "MalformedTrailerError": [
        Case(
            trailing("x-amz-checksum-crc32", line),
            Expected(
                "MalformedTrailerError", 400,
                "The request contained trailing data that was not well-formed or did not conform to our published schema.",
            ),
        )
        for line in (b"x-amz-checksum-crc32", b"x-amz-checksum-sha1:AAAA")
    ],
}  # fmt: skip

"""Every rule of the multipart family that the tests here count: errors by section in the order of S3's areas, and semantics.

A test names its rules by the marker `rule(section, slug)`; these are the slugs.
"""

SECTIONS: dict[str, tuple[str, ...]] = {
    "uploads": (
        "NoSuchUpload", "InvalidPart", "InvalidPartOrder", "EntityTooSmall", "EntityTooLarge", "InvalidRequest-no-parts",
        "MalformedXML", "InvalidArgument-PartNumber-in-a-list", "InvalidArgument-partNumber",
        "InvalidArgument-partNumber-without-uploadId", "InvalidRequest-another-x-amz-mp-object-size",
        "InvalidRequest-no-x-amz-mp-object-size", "PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey-If-Match",
        "NotImplemented-conditions", "MaxMessageLengthExceeded", "MethodNotAllowed-delete-marker",
        "InvalidRequest-uploads-of-a-key", "InternalError", "SlowDown", "RequestTimeout", "OperationAborted",
    ),
    "listing and copy": (
        "InvalidArgument-negative-number", "InvalidArgument-not-a-number", "InvalidArgument-uploadId-marker",
        "InvalidArgument-encoding", "InvalidArgument-copy-source", "InvalidArgument-copy-source-on-another-call",
        "InvalidArgument-form-of-a-copy-range", "InvalidArgument-copy-range-past-the-end", "InvalidRequest-copy-range-outside",
        "InvalidRequest-copy-source-too-large", "InvalidRequest-delete-marker-as-copy-source", "InvalidRange",
        "InvalidPartNumber", "InvalidRequest-Range-and-partNumber",
    ),
    "integrity": (
        "BadDigest-Content-MD5", "InvalidDigest", "BadDigest-header", "BadDigest-FULL_OBJECT-value-on-Complete",
        "BadDigest-another-algorithm-in-the-list", "InvalidRequest-value", "InvalidRequest-value-in-a-trailer",
        "InvalidArgument-values-in-the-list", "InvalidRequest-two-checksums", "InvalidRequest-not-the-uploads-algorithm",
        "InvalidRequest-unknown-algorithm", "InvalidRequest-type-without-algorithm", "InvalidRequest-type-of-another-algorithm",
        "InvalidRequest-type-on-Complete", "InvalidRequest-missing-in-the-list",
        "InvalidRequest-x-amz-sdk-checksum-algorithm-alone", "InvalidRequest-unknown-header-or-trailer-or-none",
        "XAmzContentSHA256Mismatch", "XAmzContentChecksumMismatch", "InvalidArgument-x-amz-content-sha256",
        "InvalidRequest-no-x-amz-content-sha256", "IncompleteBody", "MissingContentLength", "InvalidChunkSizeError",
        "MalformedTrailerError",
    ),
    "access": (
        "AccessDenied", "InvalidBucketOwnerAWSAccountID", "AccessDenied-expired", "AccessDenied-unsigned-headers",
        "AccessDenied-anonymous-uploads", "SignatureDoesNotMatch", "InvalidAccessKeyId", "RequestTimeTooSkewed",
        "AuthorizationHeaderMalformed", "AuthorizationQueryParametersError", "NoSuchBucket", "BucketAlreadyOwnedByYou",
        "BucketAlreadyExists", "BucketNotEmpty", "IllegalLocationConstraintException",
        "InvalidLocationConstraint", "NoSuchVersion",
        "InvalidArgument-version-id", "KeyTooLongError", "MetadataTooLarge", "InvalidStorageClass", "InvalidTag",
        "InvalidArgument-x-amz-tagging", "InvalidRequest-bucket-without-object-lock", "InvalidArgument-object-lock",
        "AccessDenied-object-lock", "InvalidRequest-two-kinds-of-ACL", "InvalidObjectState", "KMS", "POST-policy",
    ),
    "encryption": (
        "InvalidEncryptionAlgorithmError", "InvalidArgument-no-algorithm", "InvalidArgument-no-key", "InvalidArgument-no-MD5",
        "InvalidArgument-length-of-the-key", "InvalidArgument-another-MD5", "InvalidArgument-two-kinds-of-encryption",
        "InvalidRequest-part-without-the-key", "InvalidRequest-part-with-another-key", "InvalidRequest-read-without-the-key",
        "InvalidRequest-key-not-applicable", "AccessDenied-read-with-another-key", "InvalidRequest-clear-HTTP",
        "AccessDenied-bucket-that-blocks-SSE-C",
    ),
    "semantics": (
        "Complete-may-be-repeated", "two-Completes-publish-once", "Complete-moves-no-bytes", "blanks-keep-a-client-waiting",
        "last-finished-attempt-wins", "Abort-ends-a-part-in-flight", "upload-id-belongs-to-key-and-bucket",
        "gaps-and-subsets-in-the-list", "ETags-and-XML-in-any-form", "strictly-ascending", "EntityTooSmall-counts-listed-parts",
        "empty-part", "ETag-of-ETags", "SSE-C-the-key-is-pinned", "SSE-C-ranges", "SSE-C-no-nonce-twice",
        "unrequested-CRC64NVME", "COMPOSITE-with-and-without-count", "FULL_OBJECT-by-combination",
        "ranges-of-UploadPartCopy", "conditions-of-UploadPartCopy", "ETag-and-checksum-of-a-copied-part",
        "conditions-of-Complete", "order-and-markers-of-ListMultipartUploads", "order-and-markers-of-ListParts",
        "Abort-twice", "reads-by-part-number", "GetObjectAttributes", "overwriting-is-atomic",
        "metadata-comes-from-Create", "open-uploads-are-invisible", "acknowledged-parts-are-durable",
        "uploads-cost-little", "Complete-of-any-Content-Type", "abort-date-on-ListParts",
    ),
}  # fmt: skip

LEFT_OUT: dict[tuple[str, str], str] = {
    (
        "uploads",
        "SlowDown",
    ): "raised by tests/engine/meta/lmdb/test_writer.py; no client can be made to fill the queue in a test",
    ("uploads", "OperationAborted"): "never needed: two operations on a bucket wait for each other",
    ("integrity", "XAmzContentChecksumMismatch"): "an older name; S3 says BadDigest now",
    ("semantics", "acknowledged-parts-are-durable"): "tests/system/test_power_cut.py and kill_points.py hold it",
    ("semantics", "uploads-cost-little"): "the benchmarks measure it",
}
"""Rules that no test over the wire is about, and why."""

"""Every command with what it is for, as plain data, so that `partwright --help` and `cp` start without botocore."""

OPERATIONS = {
    "abort-multipart-upload": "AbortMultipartUpload",
    "complete-multipart-upload": "CompleteMultipartUpload",
    "copy-object": "CopyObject",
    "create-bucket": "CreateBucket",
    "create-multipart-upload": "CreateMultipartUpload",
    "delete-bucket": "DeleteBucket",
    "delete-bucket-lifecycle": "DeleteBucketLifecycle",
    "delete-object": "DeleteObject",
    "delete-objects": "DeleteObjects",
    "get-bucket-lifecycle-configuration": "GetBucketLifecycleConfiguration",
    "get-bucket-location": "GetBucketLocation",
    "get-bucket-request-payment": "GetBucketRequestPayment",
    "get-bucket-versioning": "GetBucketVersioning",
    "get-object": "GetObject",
    "head-bucket": "HeadBucket",
    "head-object": "HeadObject",
    "list-buckets": "ListBuckets",
    "list-multipart-uploads": "ListMultipartUploads",
    "list-object-versions": "ListObjectVersions",
    "list-objects": "ListObjects",
    "list-objects-v2": "ListObjectsV2",
    "list-parts": "ListParts",
    "put-bucket-lifecycle-configuration": "PutBucketLifecycleConfiguration",
    "put-bucket-request-payment": "PutBucketRequestPayment",
    "put-bucket-versioning": "PutBucketVersioning",
    "put-object": "PutObject",
    "upload-part": "UploadPart",
    "upload-part-copy": "UploadPartCopy",
}
"""Name on the command line -> name in S3's service model."""

OTHERS = {
    "cp": "copy a file into the store (in parts, in parallel, resumed if it was interrupted) or out of it",
    "stat": "count what the store holds, and what open uploads hold",
    "check": "verify that every part and object is there and whole",
    "reap": "execute lifecycle rules, and collect what crashes left",
    "serve": "serve the store to S3 clients over HTTP",
    "info": "show version, kernels, CPU features and limits",
}
"""Name on the command line -> what it does."""

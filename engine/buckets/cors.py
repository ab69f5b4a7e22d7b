"""PutBucketCors, GetBucketCors, DeleteBucketCors, and the rule that allows a cross-origin request."""

from collections.abc import Iterable, Mapping
from typing import Any, Unpack

from engine.buckets.cors_rules import matching_rule, read_configuration, unpack_rules
from engine.core import Context
from engine.errors import NoSuchCORSConfiguration
from engine.shapes.bucket_answers import GetBucketCorsOutput
from engine.shapes.cors import CORSConfiguration, CORSRule
from engine.shapes.requests import BucketOwnerCondition, reject_unknown_members

CORS = "cors"


class BucketCors:
    """The operations on the rules by which pages of other origins may use a bucket (CORS)."""

    _context: Context

    @reject_unknown_members
    def put_bucket_cors(
        self,
        bucket: str,
        *,
        cors_configuration: CORSConfiguration | Mapping[str, Any] | None = None,
        **request: Unpack[BucketOwnerCondition],
    ) -> None:
        """Replace all cross-origin rules of a bucket; the server executes them.

        `{"cors_rules": [{"allowed_methods": ["PUT"], "allowed_origins": ["https://*.example.com"], "expose_headers": ["ETag"]}]}`.

        Raises:
            NoSuchBucket.
            MalformedXML, InvalidArgument, InvalidRequest: a rule is not valid, or there are more than 100.
            MaxMessageLengthExceeded: the rules take more than 64 KiB.

        Source: API page PutBucketCors.
        """
        self._context.check_writable()
        self._context.authorized_bucket(bucket, request)
        self._context.meta.put_configuration(bucket, CORS, read_configuration(cors_configuration))

    @reject_unknown_members
    def get_bucket_cors(self, bucket: str, **request: Unpack[BucketOwnerCondition]) -> GetBucketCorsOutput:
        """Return the cross-origin rules of a bucket.

        Raises:
            NoSuchBucket, NoSuchCORSConfiguration.

        Source: API page GetBucketCors.
        """
        self._context.check_open()
        self._context.authorized_bucket(bucket, request)
        return GetBucketCorsOutput(unpack_rules(self._cors_document(bucket)))

    @reject_unknown_members
    def delete_bucket_cors(self, bucket: str, **request: Unpack[BucketOwnerCondition]) -> None:
        """Remove all cross-origin rules of a bucket; it is no error if it has none.

        Raises:
            NoSuchBucket.

        Source: API page DeleteBucketCors; AWS's answer (204) for a bucket without rules.
        """
        self._context.check_writable()
        self._context.authorized_bucket(bucket, request)
        self._context.meta.put_configuration(bucket, CORS, None)

    def find_cors_rule(self, bucket: str, origin: str, method: str, headers: Iterable[str] = ()) -> CORSRule | None:
        """Return the first rule of a bucket that allows a request of an origin, whoever asks; None if there is none.

        Browsers ask without credentials, so that this is no operation of S3, and minds neither owner nor payer. `headers` are the
        names in Access-Control-Request-Headers, in lower case.

        Raises:
            NoSuchBucket, NoSuchCORSConfiguration.

        Source: User Guide, "How Amazon S3 evaluates the CORS configuration on a bucket".
        """
        self._context.check_open()
        return matching_rule(self._cors_document(bucket), origin, method, headers)

    def _cors_document(self, bucket: str) -> bytes:
        document = self._context.meta.find_configuration(bucket, CORS)
        if document is None:
            raise NoSuchCORSConfiguration(BucketName=bucket)
        return document

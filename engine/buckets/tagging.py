"""PutBucketTagging, GetBucketTagging, DeleteBucketTagging."""

from collections.abc import Mapping
from typing import Any, Unpack

import msgspec

from engine.core import Context
from engine.errors import NoSuchTagSet
from engine.objects.tags import check_bucket_tags
from engine.shapes.fixed_setting_answers import GetBucketTaggingOutput
from engine.shapes.lifecycle import Tag
from engine.shapes.requests import BucketOwnerCondition, reject_unknown_members

TAGGING = "tagging"
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(dict[str, str]).decode


class BucketTagging:
    """The operations on the tags of a bucket. All of them raise NoSuchBucket."""

    _context: Context

    @reject_unknown_members
    def put_bucket_tagging(
        self, bucket: str, *, tagging: Mapping[str, Any] | None = None, **request: Unpack[BucketOwnerCondition]
    ) -> None:
        """Replace all tags: `{"tag_set": [{"key": "a", "value": "1"}]}`. No tags at all remove them.

        Raises:
            InvalidTag, BadRequest: a tag is not valid, or there are more than 50.

        Source: API page PutBucketTagging; AWS's answers.
        """
        self._context.check_writable()
        self._context.authorized_bucket(bucket, request)
        pairs = ((tag["key"], tag["value"]) for tag in (tagging or {}).get("tag_set") or ())
        tags = check_bucket_tags(pairs, self._context.limits)
        self._context.meta.put_configuration(bucket, TAGGING, _encode(tags) if tags else None)

    @reject_unknown_members
    def get_bucket_tagging(self, bucket: str, **request: Unpack[BucketOwnerCondition]) -> GetBucketTaggingOutput:
        """Return the tags of a bucket.

        Raises:
            NoSuchTagSet: it has none.

        Source: API page GetBucketTagging.
        """
        self._context.check_open()
        self._context.authorized_bucket(bucket, request)
        document = self._context.meta.find_configuration(bucket, TAGGING)
        if document is None:
            raise NoSuchTagSet(BucketName=bucket)
        return GetBucketTaggingOutput(tuple(Tag(key, value) for key, value in _decode(document).items()))

    @reject_unknown_members
    def delete_bucket_tagging(self, bucket: str, **request: Unpack[BucketOwnerCondition]) -> None:
        """Remove all tags of a bucket; it is no error if it has none.

        Source: API page DeleteBucketTagging.
        """
        self._context.check_writable()
        self._context.authorized_bucket(bucket, request)
        self._context.meta.put_configuration(bucket, TAGGING, None)

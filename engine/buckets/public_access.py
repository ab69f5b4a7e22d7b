"""PutPublicAccessBlock, GetPublicAccessBlock, DeletePublicAccessBlock."""

from collections.abc import Mapping
from typing import Any, Unpack

import msgspec

from engine.core import Context
from engine.errors import MalformedXML, NoSuchPublicAccessBlockConfiguration
from engine.shapes.public_access import GetPublicAccessBlockOutput, PublicAccessBlockConfiguration
from engine.shapes.requests import BucketOwnerCondition, reject_unknown_members

PUBLIC_ACCESS = "public-access"
ALL_BLOCKED = PublicAccessBlockConfiguration(True, True, True, True)
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(PublicAccessBlockConfiguration | None).decode


def find_public_access_block(context: Context, bucket: str) -> PublicAccessBlockConfiguration | None:
    """Return what is blocked of public access; None if the setting was deleted. A new bucket blocks everything.

    Raises:
        NoSuchBucket.

    Source: User Guide, "Blocking public access": since April 2023 it is on for every new bucket; AWS's answers.
    """
    document = context.meta.find_configuration(bucket, PUBLIC_ACCESS)
    return ALL_BLOCKED if document is None else _decode(document)


class BucketPublicAccess:
    """The operations on what is blocked of public access. All of them raise NoSuchBucket."""

    _context: Context

    @reject_unknown_members
    def put_public_access_block(
        self,
        bucket: str,
        *,
        public_access_block_configuration: PublicAccessBlockConfiguration | Mapping[str, Any] | None = None,
        **request: Unpack[BucketOwnerCondition],
    ) -> None:
        """Replace what is blocked: `{"block_public_policy": True, "restrict_public_buckets": True}`; what is not named is not blocked.

        Objects have no ACLs that could be public, so that blocking those changes nothing.

        Raises:
            MalformedXML: the configuration has another shape.

        Source: API page PutPublicAccessBlock.
        """
        self._context.check_writable()
        self._context.authorized_bucket(bucket, request)
        wanted = public_access_block_configuration
        try:
            block = msgspec.convert(
                {} if wanted is None else wanted, PublicAccessBlockConfiguration, from_attributes=True
            )
        except msgspec.ValidationError as error:
            raise MalformedXML(reason=str(error)) from None
        self._context.meta.put_configuration(bucket, PUBLIC_ACCESS, _encode(block))

    @reject_unknown_members
    def get_public_access_block(
        self, bucket: str, **request: Unpack[BucketOwnerCondition]
    ) -> GetPublicAccessBlockOutput:
        """Return what is blocked of public access: everything, unless it was set.

        Raises:
            NoSuchPublicAccessBlockConfiguration: the setting was deleted.

        Source: API page GetPublicAccessBlock; AWS's answers.
        """
        self._context.check_open()
        self._context.authorized_bucket(bucket, request)
        block = find_public_access_block(self._context, bucket)
        if block is None:
            raise NoSuchPublicAccessBlockConfiguration(BucketName=bucket)
        return GetPublicAccessBlockOutput(block)

    @reject_unknown_members
    def delete_public_access_block(self, bucket: str, **request: Unpack[BucketOwnerCondition]) -> None:
        """Delete the setting, so that nothing is blocked; it is no error if it was deleted before.

        Source: API page DeletePublicAccessBlock; AWS's answers.
        """
        self._context.check_writable()
        self._context.authorized_bucket(bucket, request)
        self._context.meta.put_configuration(bucket, PUBLIC_ACCESS, _encode(None))

"""What is blocked of public access to a bucket (PutPublicAccessBlock)."""

import msgspec

from engine.record import Record


class PublicAccessBlockConfiguration(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is blocked of public access. Objects have no public ACLs here, so that the first two change nothing."""

    block_public_acls: bool = False
    ignore_public_acls: bool = False
    block_public_policy: bool = False
    restrict_public_buckets: bool = False


class GetPublicAccessBlockOutput(Record, frozen=True):
    """Answer of GetPublicAccessBlock."""

    public_access_block_configuration: PublicAccessBlockConfiguration

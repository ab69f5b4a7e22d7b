"""The answers about settings that no request can change here; see `engine.shapes.answers`."""

from engine.record import Record
from engine.shapes.answers import Owner
from engine.shapes.lifecycle import Tag


class NothingSet(Record, frozen=True):
    """Answer about a setting that no bucket has: it is empty."""


class Grantee(Record, frozen=True):
    """Whom a grant is for: an account, by its canonical user id."""

    id: str
    type: str = "CanonicalUser"


class Grant(Record, frozen=True):
    """One grant of an access control list."""

    grantee: Grantee
    permission: str


class GetBucketAclOutput(Record, frozen=True):
    """Answer of GetBucketAcl."""

    owner: Owner
    grants: tuple[Grant, ...]


class GetObjectAclOutput(Record, frozen=True):
    """Answer of GetObjectAcl."""

    owner: Owner
    grants: tuple[Grant, ...]
    request_charged: str | None = None


class PutObjectAclOutput(Record, frozen=True):
    """Answer of PutObjectAcl."""

    request_charged: str | None = None


class OwnershipControlsRule(Record, frozen=True):
    """Who owns new objects."""

    object_ownership: str


class OwnershipControls(Record, frozen=True):
    """The one rule of a bucket about who owns new objects."""

    rules: tuple[OwnershipControlsRule, ...]


class GetBucketOwnershipControlsOutput(Record, frozen=True):
    """Answer of GetBucketOwnershipControls."""

    ownership_controls: OwnershipControls


class GetBucketTaggingOutput(Record, frozen=True):
    """Answer of GetBucketTagging."""

    tag_set: tuple[Tag, ...]


class PolicyStatus(Record, frozen=True):
    """Whether a bucket's policy makes it public."""

    is_public: bool


class GetBucketPolicyStatusOutput(Record, frozen=True):
    """Answer of GetBucketPolicyStatus."""

    policy_status: PolicyStatus


class GetBucketReplicationOutput(Record, frozen=True):
    """Answer of GetBucketReplication."""

    replication_configuration: NothingSet


class GetBucketAccelerateConfigurationOutput(Record, frozen=True):
    """Answer of GetBucketAccelerateConfiguration, without a status: acceleration was never set."""

    request_charged: str | None = None

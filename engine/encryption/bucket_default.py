"""PutBucketEncryption's document: reading and checking it, and applying a bucket's default encryption to a request.

Source: API pages PutBucketEncryption, ServerSideEncryptionByDefault, BlockedEncryptionTypes; AWS's own answers to wrong rules.
"""

from typing import Any

import msgspec

from engine.encryption.requested import RequestedEncryption
from engine.errors import InvalidArgument, MalformedXML, NotImplementedYet
from engine.record import replace
from engine.shapes.encryption import ServerSideEncryptionConfiguration, ServerSideEncryptionRule

KEY_ID_SIZE_MAX = 2048
"""Every request to the bucket reads the key id, so its size is bounded. Source: AWS KMS API, GenerateDataKey, KeyId."""
_encode = msgspec.msgpack.Encoder().encode


def read_configuration(document: Any) -> ServerSideEncryptionRule:
    """Read the one rule of a ServerSideEncryptionConfiguration, or of dicts with S3's members in snake_case.

    Raises:
        MalformedXML: it has another shape, not exactly one rule, or an empty rule.
        InvalidArgument: it names a KMS key, but its algorithm is AES256.
        NotImplementedYet: its algorithm is aws:kms:dsse.
    """
    try:
        rules = msgspec.convert(document, ServerSideEncryptionConfiguration, from_attributes=True).rules
        _encode(rules)
    except (msgspec.ValidationError, UnicodeEncodeError) as error:
        raise MalformedXML(reason=str(error)) from None
    if len(rules) != 1:
        raise MalformedXML(reason=f"{len(rules)} rules, and not exactly one")
    _check(rules[0])
    return rules[0]


def blocking(types: tuple[str, ...]) -> ServerSideEncryptionRule | None:
    """Return the rule of a new bucket that only blocks encryption types; None if it blocks none.

    Raises:
        MalformedXML: there is no such type.
    """
    if not types:
        return None
    return read_configuration({"rules": ({"blocked_encryption_types": {"encryption_type": types}},)})


def following(
    current: ServerSideEncryptionRule | None, new: ServerSideEncryptionRule | None
) -> ServerSideEncryptionRule | None:
    """Return the rule that a bucket has after `new` is set, or deleted (None). Blocked types stay unless the new rule sets them."""
    blocked = current.blocked_encryption_types if current is not None else None
    if new is not None:
        return replace(new, blocked_encryption_types=blocked) if new.blocked_encryption_types is None else new
    return ServerSideEncryptionRule(blocked_encryption_types=blocked) if blocked is not None else None


def by_default(requested: RequestedEncryption, rule: ServerSideEncryptionRule | None) -> RequestedEncryption:
    """Return the requested encryption, else the bucket's default. The bucket key setting is chosen in the same way, separately."""
    if rule is None:
        return requested
    if requested.bucket_key is None and rule.bucket_key_enabled is not None:
        requested = replace(requested, bucket_key=rule.bucket_key_enabled)
    default = rule.apply_server_side_encryption_by_default
    if (
        requested.is_something
        or requested.kms_key_id is not None
        or requested.kms_context is not None
        or default is None
    ):
        return requested
    return replace(requested, server_side_encryption=default.sse_algorithm, kms_key_id=default.kms_master_key_id)


def _check(rule: ServerSideEncryptionRule) -> None:
    default, blocked = rule.apply_server_side_encryption_by_default, rule.blocked_encryption_types
    if default is None and blocked is None:
        raise MalformedXML(reason="the rule is empty")
    if blocked is not None and len(blocked.encryption_type) != 1:
        raise MalformedXML(reason="BlockedEncryptionTypes must have exactly one EncryptionType")
    if default is None:
        return
    if default.kms_master_key_id is not None and len(default.kms_master_key_id) > KEY_ID_SIZE_MAX:
        raise MalformedXML(reason=f"the id of a key has at most {KEY_ID_SIZE_MAX} characters")
    if default.sse_algorithm == "aws:kms:dsse":
        raise NotImplementedYet(Header="SSEAlgorithm", additionalMessage="aws:kms:dsse is not supported here")
    if default.sse_algorithm == "AES256" and default.kms_master_key_id is not None:
        raise InvalidArgument(
            "a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms or aws:kms:dsse",
            ArgumentName="ApplyServerSideEncryptionByDefault",
        )

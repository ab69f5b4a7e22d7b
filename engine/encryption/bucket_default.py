"""The default encryption of a bucket as S3 takes it: read, refused where it is wrong, and what it means for a request.

Source: API pages PutBucketEncryption, ServerSideEncryptionByDefault, BlockedEncryptionTypes; AWS's own answers to wrong rules.
"""

from typing import Any

import msgspec

from engine.encryption.requested import RequestedEncryption
from engine.errors import InvalidArgument, MalformedXML, NotImplementedYet
from engine.record import replace
from engine.shapes.encryption import ServerSideEncryptionConfiguration, ServerSideEncryptionRule

KEY_ID_SIZE_MAX = 2048
"""Source: AWS KMS API, GenerateDataKey, KeyId. Every request to a bucket reads its rule, which must stay small."""
_encode = msgspec.msgpack.Encoder().encode


def read_configuration(said: Any) -> ServerSideEncryptionRule:
    """The rule of a configuration: a ServerSideEncryptionConfiguration, or dicts with S3's members in snake_case.

    Raises:
        MalformedXML: it is of another shape, or has not just one rule that says something.
        InvalidArgument: it names a key that its algorithm has no use for.
        NotImplementedYet: it asks for two layers of encryption.
    """
    try:
        rules = msgspec.convert(said, ServerSideEncryptionConfiguration, from_attributes=True).rules
        _encode(rules)
    except (msgspec.ValidationError, UnicodeEncodeError) as error:
        raise MalformedXML(reason=str(error)) from None
    if len(rules) != 1:
        raise MalformedXML(reason=f"{len(rules)} rules, and not one")
    _check(rules[0])
    return rules[0]


def blocking(types: tuple[str, ...]) -> ServerSideEncryptionRule | None:
    """The rule of a new bucket that blocks some types, and says nothing else.

    Raises:
        MalformedXML: there is no such type.
    """
    if not types:
        return None
    return read_configuration({"rules": ({"blocked_encryption_types": {"encryption_type": types}},)})


def following(
    current: ServerSideEncryptionRule | None, said: ServerSideEncryptionRule | None
) -> ServerSideEncryptionRule | None:
    """The rule of a bucket once another one is set, or none; what nothing is said of, blocked types, stays."""
    blocked = current.blocked_encryption_types if current is not None else None
    if said is not None:
        stays = said.blocked_encryption_types is None
        return replace(said, blocked_encryption_types=blocked) if stays else said
    return ServerSideEncryptionRule(blocked_encryption_types=blocked) if blocked is not None else None


def by_default(asked: RequestedEncryption, rule: ServerSideEncryptionRule | None) -> RequestedEncryption:
    """What a request gets: what it asks for, or what its bucket has for all that ask for nothing; likewise of a bucket key."""
    if rule is None:
        return asked
    if asked.bucket_key is None and rule.bucket_key_enabled is not None:
        asked = replace(asked, bucket_key=rule.bucket_key_enabled)
    default = rule.apply_server_side_encryption_by_default
    if asked.is_something or asked.kms_key_id is not None or asked.kms_context is not None or default is None:
        return asked
    return replace(asked, server_side_encryption=default.sse_algorithm, kms_key_id=default.kms_master_key_id)


def _check(rule: ServerSideEncryptionRule) -> None:
    default, blocked = rule.apply_server_side_encryption_by_default, rule.blocked_encryption_types
    if default is None and blocked is None:
        raise MalformedXML(reason="the rule says nothing")
    if blocked is not None and len(blocked.encryption_type) != 1:
        raise MalformedXML(reason="one encryption type is blocked, or NONE")
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

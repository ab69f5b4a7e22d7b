"""The default encryption of a bucket: documents that are accepted or refused, and the effect of one on a request."""

from typing import Any

import pytest
from botocore import xform_name
from botocore.session import get_session

from engine.encryption.bucket_default import by_default, read_configuration
from engine.encryption.customer_keys import customer_key_of_bytes
from engine.encryption.requested import RequestedEncryption
from engine.errors import InvalidArgument, MalformedXML, NotImplementedYet
from engine.meta.records import BucketRecord, pack_record, unpacker
from engine.shapes import encryption
from engine.shapes.encryption import ServerSideEncryptionConfiguration, ServerSideEncryptionRule

KMS = {"sse_algorithm": "aws:kms", "kms_master_key_id": "a key"}


def rule(**members: Any) -> ServerSideEncryptionRule:
    return read_configuration({"rules": [members]})


def applied(**members: Any) -> ServerSideEncryptionRule:
    return rule(apply_server_side_encryption_by_default=members)


@pytest.mark.parametrize(
    "members",
    [{"apply_server_side_encryption_by_default": {"sse_algorithm": "AES256"}},
     {"apply_server_side_encryption_by_default": {"sse_algorithm": "aws:kms"}, "bucket_key_enabled": True},
     {"apply_server_side_encryption_by_default": KMS, "blocked_encryption_types": {"encryption_type": ["SSE-C"]}},
     {"blocked_encryption_types": {"encryption_type": ["NONE"]}}],
)  # fmt: skip
def test_a_right_document_is_kept_as_it_is(members: dict[str, Any]) -> None:
    read = rule(**members)
    assert read_configuration(ServerSideEncryptionConfiguration((read,))) == read
    row = pack_record(BucketRecord(1, "0" * 12, encryption=read))
    assert unpacker(BucketRecord)(row).encryption == read


@pytest.mark.parametrize(
    "document",
    [None, {}, [], {"rules": []}, {"rules": [{}]}, {"rules": [{"bucket_key_enabled": True}]}, {"rules": "x"},
     {"rules": [{"apply_server_side_encryption_by_default": {}}]},
     {"rules": [{"apply_server_side_encryption_by_default": {"sse_algorithm": "aes256"}}]},
     {"rules": [{"apply_server_side_encryption_by_default": {"sse_algorithm": "AES256", "more": 1}}]},
     {"rules": [{"apply_server_side_encryption_by_default": {"sse_algorithm": "AES256"}}] * 2},
     {"rules": [{"apply_server_side_encryption_by_default": KMS | {"kms_master_key_id": "\ud800"}}]},
     {"rules": [{"blocked_encryption_types": {"encryption_type": []}}]},
     {"rules": [{"blocked_encryption_types": {"encryption_type": ["SSE-S3"]}}]},
     {"rules": [{"blocked_encryption_types": {"encryption_type": ["SSE-C", "SSE-C"]}}]},
     {"rules": [{"apply_server_side_encryption_by_default": KMS | {"kms_master_key_id": "k" * 2049}}]}],
    ids=str,
)  # fmt: skip
def test_a_document_of_another_shape_is_refused(document: object) -> None:
    with pytest.raises(MalformedXML):
        read_configuration(document)


def test_a_key_that_the_algorithm_has_no_use_for_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="a KMSMasterKeyID is not applicable") as caught:
        applied(sse_algorithm="AES256", kms_master_key_id="a key")
    assert caught.value.extras == {"ArgumentName": "ApplyServerSideEncryptionByDefault"}


def test_two_layers_are_not_there_and_said_so() -> None:
    with pytest.raises(NotImplementedYet):
        applied(sse_algorithm="aws:kms:dsse")


def test_the_elements_have_the_members_of_s3s_model() -> None:
    model = get_session().get_service_model("s3")
    for kind in ("Configuration", "Rule", "ByDefault"):
        shape = model.shape_for(f"ServerSideEncryption{kind}")
        ours = getattr(encryption, f"ServerSideEncryption{kind}").__struct_fields__
        assert {xform_name(name) for name in shape.members} == set(ours)


def test_a_request_that_asks_for_nothing_gets_the_default() -> None:
    assert by_default(RequestedEncryption(), applied(sse_algorithm="AES256")) == RequestedEncryption("AES256")
    assert by_default(RequestedEncryption(), applied(**KMS)) == RequestedEncryption("aws:kms", "a key")
    assert by_default(RequestedEncryption(), None) == RequestedEncryption()
    assert (
        by_default(RequestedEncryption(), rule(blocked_encryption_types={"encryption_type": ["NONE"]}))
        == RequestedEncryption()
    )


def test_a_request_that_asks_for_something_gets_that() -> None:
    customer = RequestedEncryption(customer=customer_key_of_bytes("AES256", bytes(32)))
    for requested in (
        RequestedEncryption("AES256"),
        RequestedEncryption("aws:kms", "another"),
        customer,
        RequestedEncryption(kms_key_id="x"),
    ):
        assert by_default(requested, applied(**KMS)) is requested


@pytest.mark.parametrize(("types", "blocks"), [(None, False), (["NONE"], False), (["SSE-C"], True)])
def test_only_sse_c_can_be_blocked(types: list[str] | None, blocks: bool) -> None:
    default = {"apply_server_side_encryption_by_default": {"sse_algorithm": "AES256"}}
    blocked = {} if types is None else {"blocked_encryption_types": {"encryption_type": types}}
    assert rule(**default, **blocked).blocks_customer_keys is blocks

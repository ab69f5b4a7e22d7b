"""Our tables are compared with botocore's own reading of its model."""

import pytest
from botocore import xform_name
from botocore.model import ListShape, Shape, StructureShape

from engine.s3 import model
from engine.s3.member_names import snake
from engine.s3.model import OPERATIONS
from tests.support.wire import S3, SERVED, operation_model

STATUSES = {"PutBucketPolicy": 204, "PutBucketTagging": 204}
"""Where AWS answers with another status than that of the model."""


def test_every_operation_of_the_model_is_there() -> None:
    assert set(OPERATIONS) == set(S3.operation_names)
    assert set(SERVED) <= set(OPERATIONS)


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_an_operation_says_what_botocores_model_says(name: str) -> None:
    ours, theirs = OPERATIONS[name], operation_model(name)
    assert ours.method == theirs.http["method"]
    assert ours.status == STATUSES.get(name, theirs.http.get("responseCode", 200))
    assert ours.checksum_required == (theirs.http_checksum or {}).get("requestChecksumRequired", False)
    inputs = tuple(member for member in ours.inputs if member.name != "IfRange")  # HTTP's own
    assert (inputs != ours.inputs) is (name in ("GetObject", "HeadObject"))
    for members, payload, shape in (
        (inputs, ours.payload, theirs.input_shape),
        (ours.outputs, ours.output_payload, theirs.output_shape),
    ):
        expected = shape.members if shape else {}
        assert [member.name for member in members] == list(expected)
        assert (payload and payload.name) == (shape.serialization.get("payload") if shape else None)
        for member in members:
            serialization = expected[member.name].serialization
            assert member.location == serialization.get("location", "body")
            assert member.tag == serialization.get("name", member.name)
            assert member.required == (member.name in shape.required_members)


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_a_list_is_flat_where_botocores_model_says_so(name: str) -> None:
    ours, theirs = OPERATIONS[name], operation_model(name)
    for members, shape in ((ours.inputs, theirs.input_shape), (ours.outputs, theirs.output_shape)):
        for member in members:
            if member.name == "IfRange":
                continue
            _check_lists(member.shape, shape.members[member.name], frozenset())


def _check_lists(ours: model.Shape, theirs: Shape, above: frozenset[str]) -> None:
    if theirs.name in above:  # filters of inventories hold filters
        return
    if isinstance(theirs, StructureShape):
        for member in ours.members:
            _check_lists(member.shape, theirs.members[member.name], above | {theirs.name})
    elif isinstance(theirs, ListShape):
        assert ours.item is not None
        assert (ours.item_tag is None) is bool(theirs.serialization.get("flattened"))
        _check_lists(ours.item, theirs.member, above)


@pytest.mark.parametrize("name", SERVED)
def test_no_document_of_an_operation_we_serve_needs_what_the_tables_leave_out(name: str) -> None:
    """The tables have no maps in documents, event streams, members in the status, or lists in headers."""
    model = operation_model(name)
    for shape in (model.input_shape, model.output_shape):
        if shape is not None:
            _check_known(shape, shape is model.output_shape)


def _check_known(shape: Shape, is_output: bool) -> None:
    assert "eventstream" not in shape.serialization
    assert shape.type_name == "string" or "xmlAttribute" not in shape.serialization
    assert shape.serialization.get("location") != "statusCode"
    assert not (shape.type_name == "list" and shape.serialization.get("location") == "header" and is_output)
    if isinstance(shape, StructureShape):
        for member in shape.members.values():
            _check_known(member, is_output)
    elif isinstance(shape, ListShape):
        names = {each.serialization.get("name") for each in (shape, shape.member)} - {None}
        assert not (shape.serialization.get("flattened") and len(names) > 1)
        _check_known(shape.member, is_output)
    elif shape.type_name == "map":
        assert shape.serialization["location"] == "headers"
    else:
        assert shape.type_name in {"blob", "boolean", "integer", "long", "string", "timestamp"}


def test_members_are_named_as_botocore_names_them_but_for_the_etag() -> None:
    assert snake("ETag") == "etag"
    for member in ("UploadId", "SSECustomerKeyMD5", "ChecksumCRC32C", "ID", "IfMatch", "IsTruncated"):
        assert snake(member) == xform_name(member)
    assert (snake("SSECustomerKeyMD5"), snake("ID"), snake("And")) == ("sse_customer_key_md5", "id", "and_")


def test_the_model_is_read_without_botocores_loader() -> None:
    assert not hasattr(model, "Loader")

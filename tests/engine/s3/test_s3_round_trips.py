"""botocore is the oracle in both directions: we read what its serialiser writes, and its parser reads what we write."""

from typing import Any

import pytest
from botocore.awsrequest import HeadersDict
from botocore.parsers import create_parser
from hypothesis import given, settings

from engine.s3.model import OPERATIONS
from engine.s3.parsing import body_kind
from engine.s3.routing import locate, route
from engine.s3.serialising import serialise_output
from tests.support.parsing import parse_input
from tests.support.wire import SERVED, operation_model, serialised
from tests.support.wire_values import as_result, in_the_engines_names, inputs, outputs

EXAMPLES = 40


@pytest.mark.parametrize("name", SERVED)
def test_what_botocore_serialises_is_routed_and_read_back_to_the_same_inputs(name: str) -> None:
    shape = operation_model(name).input_shape

    @settings(max_examples=EXAMPLES)
    @given(inputs(shape))
    def check(parameters: dict[str, Any]) -> None:
        request, body = serialised(name, parameters)
        address = locate(request)
        operation = route(request, address)
        assert operation.name == name
        document = body if body_kind(operation) == "document" else None
        found = parse_input(operation, request, address, document)
        assert found.pop("content_length", len(body)) == len(body)
        assert found == in_the_engines_names(_without_empty_metadata(parameters))

    check()


def _without_empty_metadata(parameters: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in parameters.items() if name != "Metadata" or value}


ANSWERED = [name for name in SERVED if operation_model(name).output_shape and name != "GetBucketLocation"]


@pytest.mark.parametrize("name", ANSWERED)
def test_what_we_serialise_is_read_back_by_botocore_to_the_same_outputs(name: str) -> None:
    shape = operation_model(name).output_shape
    parser = create_parser("rest-xml")

    @settings(max_examples=EXAMPLES)
    @given(outputs(shape))
    def check(answer: dict[str, Any]) -> None:
        result = as_result(answer)
        if name == "ListObjectVersions":
            lists = {"versions": "Versions", "delete_markers": "DeleteMarkers"}
            result.interleaving = tuple(ours for ours, theirs in lists.items() for _ in answer.get(theirs, ()))
        status, headers, body = serialise_output(OPERATIONS[name], result)
        assert status == (206 if "ContentRange" in answer else operation_model(name).http.get("responseCode", 200))
        response = {"status_code": status, "headers": HeadersDict(headers), "body": body}
        parsed = parser.parse(response, shape)
        del parsed["ResponseMetadata"]
        parsed.pop("Body", None)
        if "Metadata" in shape.members:
            answer.setdefault("Metadata", {})
        assert parsed == answer

    check()

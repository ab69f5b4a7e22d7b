"""Options, required options, skeletons and checks of every operation are those of botocore's S3 model, as `aws s3api` has them."""

import argparse
import json
from typing import Any

import pytest
from botocore import xform_name
from botocore.model import Shape
from botocore.session import get_session

from engine.cli import main
from engine.cli.catalogue import OPERATIONS
from engine.cli.model import operation_model
from engine.cli.options import build, read

SERVICE = get_session().get_service_model("s3")
PAGINATORS = get_session().get_paginator_model("s3")
OURS = {"--help", "-h", "--store", "--alias", "--query", "--no-paginate"}
WITH_SKELETON = sorted(set(OPERATIONS) - {"get-object"})


def flags(command: str) -> set[str]:
    parser = build(command, operation_model(command))
    return {flag for action in parser._actions for flag in action.option_strings}


def is_paged(name: str) -> bool:
    try:
        return bool(PAGINATORS.get_paginator(name))
    except ValueError:
        return False


def test_the_catalogue_names_operations_as_aws_does() -> None:
    assert {xform_name(name, "-"): name for name in OPERATIONS.values()} == OPERATIONS


@pytest.mark.parametrize("command", OPERATIONS)
def test_every_member_is_an_option_and_every_option_a_member(command: str) -> None:
    operation = SERVICE.operation_model(OPERATIONS[command])
    expected = set()
    for member, shape in operation.input_shape.members.items():
        expected.add("--" + xform_name(member, "-"))
        if shape.type_name == "boolean":
            expected.add("--no-" + xform_name(member, "-"))
    if command != "get-object":  # as with aws: its JSON and its body would both go to standard output
        expected |= {"--cli-input-json", "--generate-cli-skeleton"}
    if is_paged(OPERATIONS[command]):
        expected |= {"--starting-token", "--page-size", "--max-items"}
    assert flags(command) - OURS == expected


@pytest.mark.parametrize("command", OPERATIONS)
def test_the_required_options_are_the_required_members(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    required = [
        "--" + xform_name(name, "-")
        for name in SERVICE.operation_model(OPERATIONS[command]).input_shape.required_members
    ]
    parser = build(command, operation_model(command))
    assert {action.option_strings[0] for action in parser._actions if action.required and action.option_strings} == set(
        required
    )
    if required:
        with pytest.raises(SystemExit) as caught:
            main([command])
        assert caught.value.code == 252
        names = ", ".join([*required, *(["outfile"] if command == "get-object" else [])])
        assert f"partwright: error: the following arguments are required: {names}\n" in capsys.readouterr().err


def test_upload_part_has_the_options_of_the_aws_manual() -> None:
    """Source: `aws s3api upload-part help`."""
    listed = """--body --bucket --content-length --content-md5 --checksum-algorithm --checksum-crc32 --checksum-crc32-c
        --checksum-crc64-nvme --checksum-sha1 --checksum-sha256 --checksum-sha512 --checksum-md5 --checksum-xxhash64 --checksum-xxhash3
        --checksum-xxhash128 --key --part-number --upload-id --sse-customer-algorithm --sse-customer-key --sse-customer-key-md5
        --request-payer --expected-bucket-owner --cli-input-json --generate-cli-skeleton"""
    assert flags("upload-part") - OURS == set(listed.split())


def fits(sample: Any, shape: Shape) -> bool:
    """Whether a skeleton has every member of the shape, in the model's order, and a value of the member's type."""
    if shape.type_name == "structure":
        return list(sample) == list(shape.members) and all(fits(sample[name], shape.members[name]) for name in sample)
    if shape.type_name == "list":
        return len(sample) == 1 and fits(sample[0], shape.member)
    if shape.type_name == "map":
        return list(sample) == ["KeyName"] and fits(sample["KeyName"], shape.value)
    kinds: dict[str, Any] = {"integer": int, "long": int, "boolean": bool, "blob": type(None)}
    return isinstance(sample, kinds.get(shape.type_name, str))


@pytest.mark.parametrize("command", WITH_SKELETON)
@pytest.mark.parametrize("arguments", [[], ["input"], ["--no-paginate"]])
def test_the_input_skeleton_is_the_input_shape(
    command: str, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([command, "--generate-cli-skeleton", *arguments]) == 0
    assert fits(json.loads(capsys.readouterr().out), SERVICE.operation_model(OPERATIONS[command]).input_shape)


UPLOAD_PART = ["--bucket", "b", "--key", "k", "--upload-id", "u", "--part-number", "1"]
REQUIRED = {
    "Bucket": "b",
    "Key": "k",
    "UploadId": "u",
    "PartNumber": "1",
    "CORSConfiguration": "CORSRules=[{AllowedMethods=[GET],AllowedOrigins=[*]}]",
    "CopySource": "b/k",
    "Delete": "Objects=[{Key=k}]",
    "BucketLoggingStatus": "LoggingEnabled={TargetBucket=b,TargetPrefix=p}",
    "NotificationConfiguration": "EventBridgeConfiguration={}",
    "OwnershipControls": "Rules=[{ObjectOwnership=BucketOwnerEnforced}]",
    "Policy": "{}",
    "PublicAccessBlockConfiguration": "BlockPublicAcls=true",
    "RequestPaymentConfiguration": "Payer=Requester",
    "ServerSideEncryptionConfiguration": "Rules=[{ApplyServerSideEncryptionByDefault={SSEAlgorithm=AES256}}]",
    "VersioningConfiguration": "Status=Enabled",
    "ObjectAttributes": "ETag",
    "Tagging": "TagSet=[{Key=a,Value=1}]",
}


@pytest.mark.parametrize("command", WITH_SKELETON)
def test_the_output_skeleton_is_the_output_shape(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    operation = SERVICE.operation_model(OPERATIONS[command])
    required = [
        x for name in operation.input_shape.required_members for x in ("--" + xform_name(name, "-"), REQUIRED[name])
    ]
    assert main([command, *required, "--generate-cli-skeleton", "output"]) == 0
    out = capsys.readouterr().out
    if operation.output_shape is None or not operation.output_shape.members:
        assert out == ""
    else:
        assert fits(json.loads(out), operation.output_shape)


def test_the_output_skeleton_asks_for_the_required_options(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["upload-part", "--generate-cli-skeleton", "output"])
    assert caught.value.code == 252
    assert "required: --bucket, --key, --part-number, --upload-id" in capsys.readouterr().err


def test_the_skeletons_of_upload_part_have_the_bytes_of_aws(capsys: pytest.CaptureFixture[str]) -> None:
    main(["upload-part", "--generate-cli-skeleton"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[:5] == [
        "{",
        '    "Body": null,',
        '    "Bucket": "",',
        '    "ContentLength": 0,',
        '    "ContentMD5": "",',
    ]
    main(["upload-part", *UPLOAD_PART, "--generate-cli-skeleton", "output"])
    assert capsys.readouterr().out.splitlines()[:3] == [
        "{",
        '    "ServerSideEncryption": "ServerSideEncryption",',
        '    "ETag": "ETag",',
    ]


def request(command: str, *arguments: str) -> dict[str, Any]:
    operation = operation_model(command)
    parser = build(command, operation, relaxed=True)
    return read(parser, operation, parser.parse_args(list(arguments))).parameters


def test_options_win_over_json_input() -> None:
    parameters = request(
        "head-object", "--key", "k2", "--cli-input-json", '{"Bucket": "b", "Key": "k1", "Range": null}'
    )
    assert parameters == {"Bucket": "b", "Key": "k2"}


def test_booleans_have_two_options() -> None:
    assert request("list-objects-v2", "--bucket", "b", "--fetch-owner")["FetchOwner"] is True
    assert request("list-objects-v2", "--bucket", "b", "--no-fetch-owner")["FetchOwner"] is False
    assert "FetchOwner" not in request("list-objects-v2", "--bucket", "b")


def test_a_list_takes_several_values() -> None:
    parameters = request("list-objects-v2", "--bucket", "b", "--optional-object-attributes", "RestoreStatus", "x")
    assert parameters["OptionalObjectAttributes"] == ["RestoreStatus", "x"]


@pytest.mark.parametrize(
    ("command", "text", "message"),
    [
        ("head-object", '{"Bucket": "b"}', 'Missing required parameter in input: "Key"'),
        ("head-object", '{"Bucket": "b", "Key": "k", "Kye": 1}', 'Unknown parameter in input: "Kye"'),
        ("head-object", '{"Bucket": "b", "Key": 7}', "Invalid type for parameter Key, value: 7"),
        ("upload-part", '{"Bucket": "b", "Key": "k", "UploadId": "u", "PartNumber": "x"}', "Invalid type for parameter PartNumber"),
        ("head-object", "[]", "not a JSON object"),
        ("head-object", "{", "Invalid JSON"),
        ("head-object", "file:///no/such", "unable to load file:///no/such"),
    ],
)  # fmt: skip
def test_json_input_is_checked_against_the_model(
    command: str, text: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main([command, "--cli-input-json", text])
    assert caught.value.code == 252
    error = capsys.readouterr().err
    assert error.startswith(f"usage: partwright {command} ")
    assert message in error


@pytest.mark.parametrize(
    ("arguments", "paged"),
    [
        ([], True),
        (["--page-size", "7"], True),
        (["--max-parts", "7"], False),
        (["--part-number-marker", "0"], False),
        (["--cli-input-json", '{"MaxParts": 5}'], False),
        (["--no-paginate"], False),
    ],
)
def test_pages_are_turned_unless_the_caller_turns_them(arguments: list[str], paged: bool) -> None:
    operation = operation_model("list-parts")
    parser = build("list-parts", operation, relaxed=True)
    options = parser.parse_args(["--bucket", "b", "--key", "k", "--upload-id", "u", *arguments])
    assert (read(parser, operation, options).pages is not None) == paged


def test_the_two_ways_of_paging_exclude_each_other(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["list-buckets", "--no-paginate", "--max-items", "3"])
    assert "Cannot specify --no-paginate along with pagination arguments: --max-items" in capsys.readouterr().err


@pytest.mark.parametrize("command", OPERATIONS)
def test_help_names_every_option_that_is_not_hidden(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main([command, "--help"])
    assert caught.value.code == 0
    text = capsys.readouterr().out
    for action in build(command, operation_model(command))._actions:
        for flag in action.option_strings if action.help != argparse.SUPPRESS else ():
            assert flag in text

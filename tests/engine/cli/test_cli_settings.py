"""Settings of buckets from the command line: given as JSON, as shorthand or by file, printed as `aws` does, executed by `reap`."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.command_line import CommandLine

BUCKET = ("--bucket", "photos")
RULES: list[dict[str, Any]] = [
    {
        "Expiration": {"Date": "2020-01-01T00:00:00+00:00"},
        "ID": "old",
        "Filter": {
            "And": {"Prefix": "old/", "Tags": [{"Key": "a", "Value": "b"}], "ObjectSizeGreaterThan": 3}
        },
        "Status": "Enabled",
    },
    {
        "ID": "tidy",
        "Filter": {"Prefix": ""},
        "Status": "Enabled",
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
    },
]  # fmt: skip


def put_rules(partwright: CommandLine, *rules: dict[str, Any]) -> Any:
    text = json.dumps({"Rules": list(rules)})
    return partwright.json("put-bucket-lifecycle-configuration", *BUCKET, "--lifecycle-configuration", text)


def test_rules_are_printed_as_they_were_given(partwright: CommandLine, tmp_path: Path) -> None:
    default = {"TransitionDefaultMinimumObjectSize": "all_storage_classes_128K"}
    assert put_rules(partwright, *RULES) == default
    printed = partwright.json("get-bucket-lifecycle-configuration", *BUCKET)
    assert printed == default | {"Rules": RULES}
    file = tmp_path / "rules.json"
    file.write_text(json.dumps({"Rules": printed["Rules"][1:]}))
    partwright.json(
        "put-bucket-lifecycle-configuration", *BUCKET, "--lifecycle-configuration", f"file://{file}"
    )  # fmt: skip
    assert partwright.json("get-bucket-lifecycle-configuration", *BUCKET)["Rules"] == RULES[1:]
    assert partwright.output("delete-bucket-lifecycle", *BUCKET) == ""
    assert partwright("get-bucket-lifecycle-configuration", *BUCKET).err == (
        "\nAn error occurred (NoSuchLifecycleConfiguration) when calling the GetBucketLifecycleConfiguration operation: "
        "The lifecycle configuration does not exist\n"
    )


def test_a_date_may_be_written_as_seconds(partwright: CommandLine) -> None:
    put_rules(partwright, RULES[0] | {"Expiration": {"Date": 1577836800}})
    assert partwright.json("get-bucket-lifecycle-configuration", *BUCKET)["Rules"] == RULES[:1]


def test_the_payer_is_said_in_shorthand(partwright: CommandLine) -> None:
    assert partwright.json("get-bucket-request-payment", *BUCKET) == {"Payer": "BucketOwner"}
    said = ("--request-payment-configuration", "Payer=Requester")
    assert partwright.output("put-bucket-request-payment", *BUCKET, *said) == ""
    assert partwright.json("get-bucket-request-payment", *BUCKET) == {"Payer": "Requester"}


@pytest.mark.parametrize("expected", [(), ("--expected-bucket-owner", "000000000000")])
def test_reap_executes_the_rules_without_being_told_an_age(partwright: CommandLine, expected: tuple[str, ...]) -> None:
    for key in ("old/a", "new/a"):
        partwright.json("put-object", *BUCKET, "--key", key, *expected)
    partwright.new_upload("photos", "open")
    put_rules(partwright, RULES[0] | {"Filter": {"Prefix": "old/"}}, RULES[1])
    assert partwright.json("reap") == {
        "aborted_uploads": 0,
        "aborted_bytes": 0,
        "collected_files": 0,
        "collected_bytes": 0,
        "expired_objects": 1,
        "removed_versions": 0,
    }
    assert partwright.json("list-objects-v2", *BUCKET, "--query", "Contents[].Key") == ["new/a"]
    assert partwright.json("stat")["open_uploads"] == 1


def test_cross_origin_rules_are_said_in_shorthand_and_printed_as_aws_does(partwright: CommandLine) -> None:
    said = "CORSRules=[{AllowedMethods=[GET,PUT],AllowedOrigins=[https://a.example],ExposeHeaders=[ETag],MaxAgeSeconds=60}]"
    assert partwright.output("put-bucket-cors", *BUCKET, "--cors-configuration", said) == ""
    rule = {
        "AllowedMethods": ["GET", "PUT"],
        "AllowedOrigins": ["https://a.example"],
        "ExposeHeaders": ["ETag"],
        "MaxAgeSeconds": 60,
    }
    assert partwright.json("get-bucket-cors", *BUCKET) == {"CORSRules": [rule]}
    wrong = json.dumps({"CORSRules": [rule | {"AllowedMethods": ["PATCH"]}]})
    assert partwright("put-bucket-cors", *BUCKET, "--cors-configuration", wrong).err == (
        "\nAn error occurred (InvalidRequest) when calling the PutBucketCors operation: "
        "Found unsupported HTTP method in CORS config. Unsupported method is PATCH\n"
    )
    assert partwright.output("delete-bucket-cors", *BUCKET) == ""
    assert "(NoSuchCORSConfiguration)" in partwright("get-bucket-cors", *BUCKET).err

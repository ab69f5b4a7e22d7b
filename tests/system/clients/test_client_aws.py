"""The AWS command line: every s3api operation that is served, and the s3 commands."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import urllib3

from tests.support.uploads import etag_of, part_etag_of
from tests.system.clients.commands import Command, aws
from tests.system.clients.conftest import bucket_name, new_bucket
from tests.system.clients.hosts import Host

pytestmark = pytest.mark.slow

MIB = 1024 * 1024
PART = bytes(range(256)) * (5 * 4096)
"""5 MiB."""


@pytest.fixture
def command(served: Host, tmp_path: Path) -> Command:
    return aws(served, tmp_path)


def test_copy_up_and_down(every_server: Host, clients: Callable[..., Any], tmp_path: Path) -> None:
    command, bucket = aws(every_server, tmp_path), new_bucket(clients(every_server))
    (tmp_path / "source").write_bytes(PART * 4)
    command("s3", "cp", "--only-show-errors", "source", f"s3://{bucket}/dir/key")
    command("s3", "cp", "--only-show-errors", f"s3://{bucket}/dir/key", "target")
    assert (tmp_path / "target").read_bytes() == PART * 4


def test_copy_100_mib_up_and_down(served: Host, clients: Callable[..., Any], command: Command, tmp_path: Path) -> None:
    s3 = clients(served)
    bucket, body = new_bucket(s3), hashlib.shake_256(b"100 MiB").digest(MIB) * 100
    (tmp_path / "source").write_bytes(body)
    command("s3", "cp", "--only-show-errors", "source", f"s3://{bucket}/key")
    command("s3", "cp", "--only-show-errors", f"s3://{bucket}/key", "target")
    assert hashlib.md5((tmp_path / "target").read_bytes()).digest() == hashlib.md5(body).digest()
    head = s3.head_object(Bucket=bucket, Key="key")
    assert (head["ContentLength"], head["ETag"][-4:]) == (100 * MIB, '-13"')
    s3.delete_object(Bucket=bucket, Key="key")


def test_copies_within_the_server(command: Command, tmp_path: Path) -> None:
    """Above its threshold the command line copies in parts of 8 MiB."""
    bucket = bucket_name()
    (tmp_path / "source").write_bytes(PART * 4)
    command("s3", "mb", f"s3://{bucket}")
    command("s3", "cp", "--only-show-errors", "source", f"s3://{bucket}/source")
    command("s3", "cp", "--only-show-errors", f"s3://{bucket}/source", f"s3://{bucket}/dir/copy")
    command("s3", "mv", "--only-show-errors", f"s3://{bucket}/dir/copy", f"s3://{bucket}/dir/moved")
    command("s3", "cp", "--only-show-errors", f"s3://{bucket}/dir/moved", "target")
    assert (tmp_path / "target").read_bytes() == PART * 4
    named = ("--bucket", bucket, "--key", "assembled")
    upload_id = command.json("s3api", "create-multipart-upload", *named)["UploadId"]
    copied = command.json(
        "s3api", "upload-part-copy", *named, "--upload-id", upload_id, "--part-number", 7,
        "--copy-source", f"{bucket}/source", "--copy-source-range", f"bytes=0-{len(PART) - 1}",
    )  # fmt: skip
    assert copied["CopyPartResult"]["ETag"] == part_etag_of(PART)
    gone = command.ended(
        "s3api", "upload-part-copy", *named, "--upload-id", upload_id, "--part-number", 8,
        "--copy-source", f"{bucket}/source", "--copy-source-range", "bytes=1-0",
    )  # fmt: skip
    assert (gone.code, "(InvalidArgument)" in gone.err) == (255, True)


def test_s3api_multipart_family(command: Command, tmp_path: Path) -> None:
    bucket = bucket_name()
    named = ("--bucket", bucket, "--key", "dir/key")
    (tmp_path / "part").write_bytes(PART)
    (tmp_path / "last").write_bytes(b"last")
    assert command.json("s3api", "create-bucket", "--bucket", bucket) == {
        "Location": f"/{bucket}",
        "BucketArn": f"arn:aws:s3:::{bucket}",
    }
    created = command.json("s3api", "create-multipart-upload", *named, "--metadata", "colour=red")
    upload_id = created["UploadId"]
    assert created == {"Bucket": bucket, "Key": "dir/key", "UploadId": upload_id}
    upload = (*named, "--upload-id", upload_id)
    part = command.json("s3api", "upload-part", *upload, "--part-number", 1, "--body", "part")
    assert part["ETag"] == part_etag_of(PART)
    assert part.keys() <= {"ETag", "ChecksumCRC32", "ChecksumCRC64NVME"}
    last = command.json("s3api", "upload-part", *upload, "--part-number", 2, "--body", "last")
    listed = command.json("s3api", "list-parts", *upload)
    assert [(item["PartNumber"], item["Size"], item["ETag"]) for item in listed["Parts"]] == [
        (1, len(PART), part["ETag"]),
        (2, 4, last["ETag"]),
    ]
    uploads = command.json("s3api", "list-multipart-uploads", "--bucket", bucket)
    assert [(item["Key"], item["UploadId"]) for item in uploads["Uploads"]] == [("dir/key", upload_id)]
    chosen = {"Parts": [{"ETag": answer["ETag"], "PartNumber": number} for number, answer in ((1, part), (2, last))]}
    (tmp_path / "parts.json").write_text(json.dumps(chosen))
    done = command.json("s3api", "complete-multipart-upload", *upload, "--multipart-upload", "file://parts.json")
    assert (done["Bucket"], done["Key"], done["ETag"]) == (bucket, "dir/key", etag_of(PART, b"last"))
    second = command.json("s3api", "get-object", *named, "--part-number", 2, "got")
    assert ((tmp_path / "got").read_bytes(), second["PartsCount"]) == (b"last", 2)
    assert (second["ContentLength"], second["Metadata"]) == (4, {"colour": "red"})
    gone = command.ended("s3api", "upload-part", *upload, "--part-number", 1, "--body", "last")
    assert (gone.code, gone.out) == (255, "")
    assert gone.err.strip() == (
        "An error occurred (NoSuchUpload) when calling the UploadPart operation: The specified upload does not exist. "
        "The upload ID may be invalid, or the upload may have been aborted or completed."
    )
    other = command.json("s3api", "create-multipart-upload", *named)
    assert command("s3api", "abort-multipart-upload", *named, "--upload-id", other["UploadId"]) == ""


def test_s3api_objects_and_buckets(command: Command, tmp_path: Path) -> None:
    bucket, etag = bucket_name(), part_etag_of(b"body")
    named = ("--bucket", bucket, "--key", "key")
    (tmp_path / "body").write_bytes(b"body")
    command("s3api", "create-bucket", "--bucket", bucket)
    assert command.json("s3api", "put-object", *named, "--body", "body", "--content-type", "text/plain")["ETag"] == etag
    assert command.json("s3api", "head-object", *named)["ContentType"] == "text/plain"
    assert command.json("s3api", "get-object", *named, "--range", "bytes=1-2", "got")["ContentRange"] == "bytes 1-2/4"
    assert (tmp_path / "got").read_bytes() == b"od"
    copied = command.json("s3api", "copy-object", "--bucket", bucket, "--key", "copy", "--copy-source", f"{bucket}/key")
    assert copied["CopyObjectResult"]["ETag"] == etag
    for version in ("list-objects", "list-objects-v2"):
        listed = command.json("s3api", version, "--bucket", bucket)
        assert [(item["Key"], item["Size"], item["ETag"]) for item in listed["Contents"]] == [
            ("copy", 4, etag),
            ("key", 4, etag),
        ]
    deleted = command.json(
        "s3api", "delete-objects", "--bucket", bucket, "--delete", "Objects=[{Key=copy},{Key=never}]"
    )
    assert [item["Key"] for item in deleted["Deleted"]] == ["copy", "never"]
    assert command("s3api", "delete-object", *named) == ""
    assert command.json("s3api", "get-bucket-location", "--bucket", bucket) == {"LocationConstraint": None}
    assert command.json("s3api", "head-bucket", "--bucket", bucket)["BucketRegion"] == "us-east-1"
    assert bucket in [item["Name"] for item in command.json("s3api", "list-buckets")["Buckets"]]
    command("s3api", "delete-bucket", "--bucket", bucket)
    missing = command.ended("s3api", "head-object", *named)
    assert (missing.code, "(404)" in missing.err) == (255, True)


def test_s3_ls_sync_mv_rm_presign(command: Command, tmp_path: Path) -> None:
    bucket, tree = bucket_name(), tmp_path / "tree"
    (tree / "sub").mkdir(parents=True)
    for name in ("a", "b c", "sub/ü"):
        (tree / name).write_text(name)
    command("s3", "mb", f"s3://{bucket}")
    command("s3", "sync", "tree", f"s3://{bucket}/tree")
    assert command("s3", "sync", "tree", f"s3://{bucket}/tree") == ""
    command("s3", "sync", f"s3://{bucket}/tree", "back")
    assert contents(tmp_path / "back") == contents(tree)
    command("s3", "mv", f"s3://{bucket}/tree/a", f"s3://{bucket}/tree/moved")
    listed = command("s3", "ls", "--recursive", f"s3://{bucket}")
    assert [line.split(maxsplit=3)[2:] for line in listed.splitlines()] == [
        ["3", "tree/b c"],
        ["1", "tree/moved"],
        ["6", "tree/sub/ü"],
    ]
    url = command("s3", "presign", f"s3://{bucket}/tree/moved").strip()
    with urllib3.PoolManager() as pool:
        assert pool.request("GET", url).data == b"a"
    command("s3", "cp", "-", f"s3://{bucket}/piped", stdin=b"from a pipe")
    assert command("s3", "cp", f"s3://{bucket}/piped", "-") == "from a pipe"
    command("s3", "rm", "--recursive", f"s3://{bucket}")
    command("s3", "rb", f"s3://{bucket}")


def contents(place: Path) -> dict[str, bytes]:
    return {str(path.relative_to(place)): path.read_bytes() for path in place.rglob("*") if path.is_file()}


@pytest.mark.parametrize("every_server", ["serve-tls"], indirect=True)
def test_encrypted_copies(every_server: Host, clients: Callable[..., Any], tmp_path: Path) -> None:
    command, s3 = aws(every_server, tmp_path), clients(every_server)
    bucket = new_bucket(s3)
    key_id = s3.put_object(Bucket=bucket, Key="any", Body=b"", ServerSideEncryption="aws:kms")["SSEKMSKeyId"]
    (tmp_path / "source").write_bytes(PART * 4)
    (tmp_path / "customer").write_bytes(bytes(range(200, 232)))
    customer = ("--sse-c", "AES256", "--sse-c-key", "fileb://customer")
    kinds: dict[str, tuple[str, ...]] = {
        "AES256": ("--sse", "AES256"),
        "aws:kms": ("--sse", "aws:kms", "--sse-kms-key-id", key_id),
        "customer": customer,
    }
    for kind, options in kinds.items():
        command("s3", "cp", "--only-show-errors", *options, "source", f"s3://{bucket}/{kind}")
        reading = customer if kind == "customer" else ()
        command("s3", "cp", "--only-show-errors", *reading, f"s3://{bucket}/{kind}", "target")
        assert (tmp_path / "target").read_bytes() == PART * 4
    for kind in ("AES256", "aws:kms"):
        head = command.json("s3api", "head-object", "--bucket", bucket, "--key", kind)
        assert (head["ServerSideEncryption"], head.get("SSEKMSKeyId")) == (kind, key_id if kind == "aws:kms" else None)
    source = ("--sse-c-copy-source", "AES256", "--sse-c-copy-source-key", "fileb://customer")
    opened = (*source, "--sse", "AES256", f"s3://{bucket}/customer", f"s3://{bucket}/opened")
    command("s3", "cp", "--only-show-errors", *opened)
    command("s3", "cp", "--only-show-errors", f"s3://{bucket}/opened", "target")
    assert (tmp_path / "target").read_bytes() == PART * 4


@pytest.mark.parametrize("every_server", ["serve-tls"], indirect=True)
def test_s3api_with_a_customers_key(every_server: Host, tmp_path: Path) -> None:
    command, bucket = aws(every_server, tmp_path), bucket_name()
    command("s3api", "create-bucket", "--bucket", bucket)
    named, algorithm = ("--bucket", bucket, "--key", "key"), ("--sse-customer-algorithm", "AES256")
    right, wrong = ((*algorithm, "--sse-customer-key", letter * 32) for letter in "rw")
    (tmp_path / "part").write_bytes(PART)
    created = command.json("s3api", "create-multipart-upload", *named, *right)
    echo = {"SSECustomerAlgorithm": "AES256", "SSECustomerKeyMD5": created["SSECustomerKeyMD5"]}
    upload = (*named, "--upload-id", created["UploadId"])
    sending = ("s3api", "upload-part", *upload, "--part-number", 1, "--body", "part")
    part = command.json(*sending, *right)
    assert part == echo | {"ETag": part["ETag"], "ChecksumCRC32": part["ChecksumCRC32"]}
    assert part["ETag"] != part_etag_of(PART)
    code, prefix = 255, "An error occurred (InvalidRequest) when calling the UploadPart operation: "
    for options, words in (
        (wrong, "The provided encryption parameters did not match the ones used originally."),
        ((), "The multipart upload initiate requested encryption. Subsequent part requests must include the appropriate "
         "encryption parameters."),
    ):  # fmt: skip
        ended = command.ended(*sending, *options)
        assert (ended.code, ended.err.strip().removeprefix("aws: [ERROR]: ")) == (code, prefix + words)
    parts = json.dumps({"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]})
    command("s3api", "complete-multipart-upload", *upload, "--multipart-upload", parts)
    command("s3api", "get-object", *named, *right, "target")
    assert (tmp_path / "target").read_bytes() == PART
    ended = command.ended("s3api", "get-object", *named, *wrong, "target")
    assert "(AccessDenied) when calling the GetObject operation: Requests specifying Server Side" in ended.err


def test_s3api_bucket_encryption(command: Command) -> None:
    bucket = bucket_name()
    command("s3api", "create-bucket", "--bucket", bucket)
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}, "BucketKeyEnabled": False}
    given = json.dumps({"Rules": [rule]})
    named = ("--bucket", bucket)
    command("s3api", "put-bucket-encryption", *named, "--server-side-encryption-configuration", given)
    blocked = {"BlockedEncryptionTypes": {"EncryptionType": ["SSE-C"]}}
    told = command.json("s3api", "get-bucket-encryption", *named)
    assert told == {"ServerSideEncryptionConfiguration": {"Rules": [rule | blocked]}}
    command("s3api", "delete-bucket-encryption", *named)

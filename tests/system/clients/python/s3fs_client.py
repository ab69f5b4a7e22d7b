"""s3fs, and the aiobotocore below it."""

import datetime
from collections.abc import Callable
from typing import Any

import s3fs
from asked import (
    ACCESS_KEY,
    BODY,
    CONTROL_KEYS,
    ENDPOINT,
    ODD_KEYS,
    PART,
    REGION,
    SECRET_KEY,
    answer,
    bucket_name,
    refused,
    same,
    send,
)

KEY = bytes([7]) * 32
SETTINGS: dict[str, Any] = {
    "key": ACCESS_KEY,
    "secret": SECRET_KEY,
    "endpoint_url": ENDPOINT,
    "client_kwargs": {"region_name": REGION},
    "config_kwargs": {"retries": {"total_max_attempts": 1}, "s3": {"addressing_style": "path"}},
    "use_listings_cache": False,
    "skip_instance_cache": True,
    "default_block_size": PART,
}
fs = s3fs.S3FileSystem(**SETTINGS)
fs.retries = 1


def new_bucket(**options: Any) -> str:
    name = bucket_name("s3fs")
    fs.call_s3("create_bucket", Bucket=name, **options)
    return name


def up(**options: Any) -> str:
    path = f"{new_bucket()}/large"
    fs.pipe_file(path, BODY, chunksize=PART, **options)
    return path


def in_parts() -> None:
    path = up()
    assert fs.info(path)["ETag"].endswith('-3"'), fs.info(path)
    same(fs.cat_file(path), BODY)


def streamed() -> None:
    path = f"{new_bucket()}/large"
    with fs.open(path, "wb") as file:
        for start in range(0, len(BODY), 1024 * 1024 - 1):
            file.write(BODY[start : start + 1024 * 1024 - 1])
    with fs.open(path, "rb") as file:
        same(file.read(), BODY)


def ranges() -> None:
    path = up()
    same(fs.cat_file(path, start=PART - 3, end=PART + 5), BODY[PART - 3 : PART + 5])
    same(fs.cat_file(path, start=-7), BODY[-7:])
    bucket = path.partition("/")[0]
    refused(
        "not satisfiable", lambda: fs.call_s3("get_object", Bucket=bucket, Key="large", Range=f"bytes={len(BODY)}-")
    )


def abort() -> None:
    bucket = new_bucket()
    file = fs.open(f"{bucket}/key", "wb")
    file.write(BODY)
    file.flush()
    (upload,) = fs.list_multipart_uploads(bucket)
    listed = fs.call_s3("list_parts", Bucket=bucket, Key="key", UploadId=upload["UploadId"])
    assert listed["Parts"], listed
    file.discard()
    assert not fs.list_multipart_uploads(bucket)
    named = {"Bucket": bucket, "Key": "key", "UploadId": upload["UploadId"]}
    refused("does not exist", lambda: fs.call_s3("list_parts", **named))


def copy() -> None:
    bucket = new_bucket()
    source = f"{bucket}/ü & +"
    fs.pipe_file(source, b"body", ContentType="text/x-a", Metadata={"colour": "red"})
    fs.copy(source, f"{bucket}/same")
    assert (fs.metadata(f"{bucket}/same"), fs.info(f"{bucket}/same")["ContentType"]) == ({"colour": "red"}, "text/x-a")
    fs.copy(source, f"{bucket}/new", MetadataDirective="REPLACE", Metadata={"colour": "blue"})
    assert fs.metadata(f"{bucket}/new") == {"colour": "blue"}
    same(fs.cat_file(f"{bucket}/new"), b"body")


def copy_of_parts() -> None:
    path = up()
    fs.managed_copy = True
    bucket = path.partition("/")[0]
    fs.merge(f"{bucket}/made", [path, path])
    same(fs.cat_file(f"{bucket}/made"), BODY * 2)


def checksums() -> None:
    """Of whole objects: it does not name the checksums of parts when it completes an upload."""
    for algorithm in ("CRC32", "SHA1", "SHA256"):
        bucket, key = new_bucket(), "key"
        fs.pipe_file(f"{bucket}/{key}", BODY[:PART], ChecksumAlgorithm=algorithm)
        told = fs.call_s3("head_object", Bucket=bucket, Key=key, ChecksumMode="ENABLED")
        assert told[f"Checksum{algorithm}"], told


def customers_key() -> None:
    options = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": KEY}
    sealed = s3fs.S3FileSystem(**SETTINGS, s3_additional_kwargs=options)
    path = f"{new_bucket()}/large"
    with sealed.open(path, "wb") as file:
        file.write(BODY)
    same(sealed.cat_file(path), BODY)
    same(sealed.cat_file(path, start=PART - 3, end=PART + 5), BODY[PART - 3 : PART + 5])
    refused("Bad Request", lambda: fs.cat_file(path))
    assert sealed.info(path)["size"] == len(BODY)


def presigned_get() -> None:
    path = f"{new_bucket()}/ü +"
    fs.pipe_file(path, b"presigned")
    got, headers = send("GET", fs.sign(path, ResponseContentType="text/x-b"))
    assert (got, headers["Content-Type"]) == (b"presigned", "text/x-b")


def presigned_put() -> None:
    path = f"{new_bucket()}/key"
    send("PUT", fs.sign(path, client_method="put_object"), b"presigned")
    same(fs.cat_file(path), b"presigned")


def presigned_part() -> None:
    bucket = new_bucket()
    named = {"Bucket": bucket, "Key": "key"}
    named["UploadId"] = fs.call_s3("create_multipart_upload", **named)["UploadId"]
    url = fs.sign(f"{bucket}/key", client_method="upload_part", UploadId=named["UploadId"], PartNumber=1)
    etag = send("PUT", url, b"a part")[1]["ETag"]
    fs.call_s3("complete_multipart_upload", **named, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]})
    same(fs.cat_file(f"{bucket}/key"), b"a part")


def create_only() -> None:
    path = f"{new_bucket()}/key"
    fs.pipe_file(path, b"first", mode="create")
    refused("FileExistsError", lambda: fs.pipe_file(path, b"second", mode="create"))
    refused("FileExistsError", lambda: fs.pipe_file(path, BODY, mode="create", chunksize=PART))
    same(fs.cat_file(path), b"first")


def replace_only() -> None:
    path = f"{new_bucket()}/key"
    fs.pipe_file(path, b"first")
    etag = fs.info(path)["ETag"]
    fs.pipe_file(path, b"second", IfMatch=etag)
    refused("pre-conditions", lambda: fs.pipe_file(path, b"third", IfMatch=etag))
    same(fs.cat_file(path), b"second")


def versions() -> None:
    bucket, aware = new_bucket(), s3fs.S3FileSystem(**SETTINGS, version_aware=True)
    aware.make_bucket_versioned(bucket)
    assert aware.is_bucket_versioned(bucket)
    for data in (b"older", b"newer"):
        aware.pipe_file(f"{bucket}/key", data)
    newer, older = aware.object_version_info(f"{bucket}/key")
    same(aware.cat_file(f"{bucket}/key", version_id=older["VersionId"]), b"older")
    aware.rm(f"{bucket}/key")
    listed = aware.call_s3("list_object_versions", Bucket=bucket)
    assert [each["VersionId"] for each in listed["Versions"]] == [newer["VersionId"], older["VersionId"]]
    assert [each["Key"] for each in listed["DeleteMarkers"]] == ["key"]


def round_trip(keys: list[str]) -> None:
    bucket = new_bucket()
    for key in keys:
        fs.pipe_file(f"{bucket}/{key}", key.encode())
    assert sorted(fs.find(bucket)) == sorted(f"{bucket}/{key}" for key in keys)
    for key in keys:
        same(fs.cat_file(f"{bucket}/{key}"), key.encode())
        fs.rm_file(f"{bucket}/{key}")
    assert fs.find(bucket) == []


def listing() -> None:
    bucket, keys = new_bucket(), ["a/1", "a/2", "a/3", "b/1", "c", "d", "e"]
    for key in keys:
        fs.pipe_file(f"{bucket}/{key}", b"")
    assert fs.find(bucket) == [f"{bucket}/{key}" for key in keys]
    assert sorted(fs.ls(bucket, detail=False)) == [f"{bucket}/{name}" for name in "abcde"]
    assert fs.glob(f"{bucket}/a/*") == [f"{bucket}/{key}" for key in keys[:3]]
    page = fs.call_s3("list_objects_v2", Bucket=bucket, MaxKeys=2)
    assert (page["KeyCount"], page["IsTruncated"]) == (2, True)


def metadata() -> None:
    path = f"{new_bucket()}/key"
    entries = {f"name{number}": f"value {number}" for number in range(70)}
    fs.pipe_file(path, b"", Metadata=entries)
    assert fs.metadata(path) == entries


def refused_upload() -> None:
    named = {"Bucket": new_bucket(), "Key": "key", "UploadId": "unknown", "PartNumber": 1}
    for _ in range(3):
        refused("does not exist", lambda: fs.call_s3("upload_part", **named, Body=bytes(40 << 20)))


def delete_many() -> None:
    bucket = new_bucket()
    for number in range(30):
        fs.pipe_file(f"{bucket}/<key> & {number}", b"")
    fs.rm(fs.find(bucket))
    assert fs.find(bucket) == []
    fs.rmdir(bucket)
    assert not fs.exists(bucket)


def tags() -> None:
    path = f"{new_bucket()}/key"
    fs.pipe_file(path, b"", Tagging="colour=red&empty=")
    assert fs.get_tags(path) == {"colour": "red", "empty": ""}
    fs.put_tags(path, {"ü": "a + b"})
    assert fs.get_tags(path) == {"ü": "a + b"}


def retention() -> None:
    named: dict[str, Any] = {"Bucket": new_bucket(ObjectLockEnabledForBucket=True), "Key": "key"}
    version = fs.call_s3("put_object", **named, Body=b"kept")["VersionId"]
    until = datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=1)
    fs.call_s3("put_object_retention", **named, Retention={"Mode": "GOVERNANCE", "RetainUntilDate": until})
    assert fs.call_s3("get_object_retention", **named)["Retention"]["Mode"] == "GOVERNANCE"
    refused("PermissionError", lambda: fs.call_s3("delete_object", **named, VersionId=version))
    fs.call_s3("delete_object", **named, VersionId=version, BypassGovernanceRetention=True)


def errors() -> None:
    bucket = new_bucket()
    refused("FileNotFoundError", lambda: fs.cat_file(f"{bucket}/absent"))
    refused("FileNotFoundError", lambda: fs.ls("no-such-bucket-here"))


OPERATIONS: dict[str, Callable[[], object]] = {
    "multipart up": in_parts,
    "stream up": streamed,
    "ranged down": ranges,
    "abort": abort,
    "copy": copy,
    "copy of parts": copy_of_parts,
    "checksums": checksums,
    "customer key": customers_key,
    "presigned get": presigned_get,
    "presigned put": presigned_put,
    "presigned part": presigned_part,
    "create only": create_only,
    "replace only": replace_only,
    "versions": versions,
    "odd keys": lambda: round_trip(ODD_KEYS),
    "control characters": lambda: round_trip(CONTROL_KEYS),
    "listing": listing,
    "metadata": metadata,
    "refused upload": refused_upload,
    "delete many": delete_many,
    "tags": tags,
    "retention": retention,
    "errors": errors,
}

if __name__ == "__main__":
    answer(OPERATIONS)

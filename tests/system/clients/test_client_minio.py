"""minio-py."""

import io
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import urllib3
from minio import Minio
from minio.commonconfig import ComposeSource, CopySource
from minio.datatypes import PostPolicy
from minio.deleteobjects import DeleteObject
from minio.error import S3Error
from minio.sse import Sse, SseCustomerKey, SseKMS, SseS3
from minio.sseconfig import Rule, SSEConfig

from tests.system.clients.conftest import bucket_name
from tests.system.clients.hosts import Host
from tests.system.clients.servers import ADDRESS

BODY = bytes(range(256)) * (11 * 4096)
"""11 MiB: three parts of 5 MiB."""
PART_SIZE = 5 * 1024 * 1024


@pytest.fixture
def minio(every_server: Host) -> Iterator[Minio]:
    server, pair = every_server.server, every_server.pair
    assert server is not None
    secure = server.certificate is not None
    with urllib3.PoolManager(ca_certs=str(server.certificate) if secure else None) as pool:
        address = f"{ADDRESS}:{server.port}"
        yield Minio(address, pair.access_key, pair.secret_key, secure=secure, http_client=pool)


@pytest.fixture
def own_bucket(minio: Minio) -> str:
    name = bucket_name()
    minio.make_bucket(name)
    return name


def read(minio: Minio, bucket: str, key: str, offset: int = 0, length: int = 0) -> bytes:
    with minio.get_object(bucket, key, offset=offset, length=length) as response:
        return response.read()


@pytest.mark.parametrize("length", [len(BODY), -1])
def test_put_object_in_parts(minio: Minio, own_bucket: str, length: int) -> None:
    put = minio.put_object(own_bucket, "dir/ü", io.BytesIO(BODY), length, part_size=PART_SIZE, metadata={"a": "1"})
    assert (put.etag or "").endswith("-3")
    stat = minio.stat_object(own_bucket, "dir/ü")
    assert (stat.size, (stat.metadata or {})["x-amz-meta-a"]) == (len(BODY), "1")
    assert read(minio, own_bucket, "dir/ü") == BODY
    assert read(minio, own_bucket, "dir/ü", offset=PART_SIZE - 2, length=4) == BODY[PART_SIZE - 2 : PART_SIZE + 2]


def test_presigned_post_policy(minio: Minio, own_bucket: str, every_server: Host) -> None:
    policy = PostPolicy(own_bucket, datetime.now() + timedelta(days=1))  # it wants a time without a zone
    policy.add_starts_with_condition("key", "dir/")
    policy.add_content_length_range_condition(1, 10)
    fields = minio.presigned_post_policy(policy) | {"key": "dir/${filename}"}
    server = every_server.server
    assert server is not None
    ca_certs = str(server.certificate) if server.certificate else None
    with urllib3.PoolManager(ca_certs=ca_certs) as pool:
        for data, status in ((b"12345", 204), (b"", 400), (b"12345678901", 400)):
            sent = pool.request("POST", f"{server.endpoint}/{own_bucket}", fields={**fields, "file": ("ü", data)})
            assert sent.status == status
    assert read(minio, own_bucket, "dir/ü") == b"12345"


def test_fput_and_fget(minio: Minio, own_bucket: str, tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(BODY)
    minio.fput_object(own_bucket, "key", str(tmp_path / "source"), part_size=PART_SIZE)
    minio.fget_object(own_bucket, "key", str(tmp_path / "target"))
    assert (tmp_path / "target").read_bytes() == BODY


def test_list_copy_remove(minio: Minio, own_bucket: str) -> None:
    for key in ("a/1", "a/2", "b"):
        minio.put_object(own_bucket, key, io.BytesIO(key.encode()), len(key))
    minio.copy_object(own_bucket, "copy", CopySource(own_bucket, "b"))
    for first_version in (False, True):
        flat = minio.list_objects(own_bucket, recursive=True, use_api_v1=first_version)
        assert [item.object_name for item in flat] == ["a/1", "a/2", "b", "copy"]
        grouped = minio.list_objects(own_bucket, use_api_v1=first_version)
        assert [(item.object_name, item.is_dir) for item in grouped] == [("b", False), ("copy", False), ("a/", True)]
    minio.remove_object(own_bucket, "copy")
    assert list(minio.remove_objects(own_bucket, [DeleteObject(key) for key in ("a/1", "a/2", "b")])) == []
    minio.remove_bucket(own_bucket)
    assert not minio.bucket_exists(own_bucket)


@pytest.mark.parametrize("every_server", ["serve-tls"], indirect=True)
@pytest.mark.parametrize("kind", ["SSE-S3", "SSE-KMS", "SSE-C"])
def test_encryption(minio: Minio, own_bucket: str, kind: str) -> None:
    minio.set_bucket_encryption(own_bucket, SSEConfig(Rule.new_sse_kms_rule()))
    assert minio.get_bucket_encryption(own_bucket).rule.sse_algorithm == "aws:kms"
    minio.put_object(own_bucket, "any", io.BytesIO(b""), 0)
    minio.delete_bucket_encryption(own_bucket)
    key_id = (minio.stat_object(own_bucket, "any").metadata or {})["x-amz-server-side-encryption-aws-kms-key-id"]
    kinds: dict[str, Sse] = {
        "SSE-S3": SseS3(),
        "SSE-KMS": SseKMS(key_id, {"team": "ü"}),
        "SSE-C": SseCustomerKey(bytes(range(32))),
    }
    sse = kinds[kind]
    key = sse if isinstance(sse, SseCustomerKey) else None
    minio.put_object(own_bucket, "key", io.BytesIO(BODY), len(BODY), part_size=PART_SIZE, sse=sse)
    metadata = minio.stat_object(own_bucket, "key", ssec=key).metadata or {}
    algorithm = {"SSE-S3": "AES256", "SSE-KMS": "aws:kms"}.get(kind)
    assert metadata.get("x-amz-server-side-encryption") == algorithm
    with minio.get_object(own_bucket, "key", offset=PART_SIZE - 2, length=4, ssec=key) as response:
        assert response.read() == BODY[PART_SIZE - 2 : PART_SIZE + 2]
    minio.copy_object(own_bucket, "copy", CopySource(own_bucket, "key", ssec=key), sse=sse)
    minio.compose_object(own_bucket, "twice", [ComposeSource(own_bucket, "key", ssec=key)] * 2, sse=sse)
    for name, body in (("copy", BODY), ("twice", BODY * 2)):
        with minio.get_object(own_bucket, name, ssec=key) as response:
            assert response.read() == body


def test_presigned_urls(minio: Minio, own_bucket: str, every_server: Host) -> None:
    assert every_server.server is not None
    certificate = every_server.server.certificate
    with urllib3.PoolManager(ca_certs=str(certificate) if certificate else None) as pool:
        assert pool.request("PUT", minio.presigned_put_object(own_bucket, "key"), body=b"presigned").status == 200
        assert pool.request("GET", minio.presigned_get_object(own_bucket, "key")).data == b"presigned"


def test_errors(minio: Minio, own_bucket: str) -> None:
    with pytest.raises(S3Error) as caught:
        minio.stat_object(own_bucket, "absent")
    assert caught.value.code == "NoSuchKey"
    with pytest.raises(S3Error) as caught:
        minio.put_object("no-such-bucket-here", "key", io.BytesIO(BODY), len(BODY), part_size=5 * PART_SIZE)
    assert caught.value.code == "NoSuchBucket"

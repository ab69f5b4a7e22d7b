"""boto3's transfers with each encryption: uploads in parts, downloads, ranges, and copies from any to any."""

import base64
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import urllib3
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError

import engine
from tests.system.clients.conftest import new_bucket
from tests.system.clients.hosts import Host

MIB = 1024 * 1024
BODY = bytes(range(256)) * (11 * 4096)
"""11 MiB: three parts of 5 MiB."""
CONFIG = TransferConfig(multipart_threshold=5 * MIB, multipart_chunksize=5 * MIB, max_concurrency=4)
CUSTOMER: dict[str, Any] = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": bytes(range(1, 33))}
SOURCE = {f"CopySource{name}": value for name, value in CUSTOMER.items()}
KINDS: dict[str, dict[str, Any]] = {
    "clear": {},
    "SSE-S3": {"ServerSideEncryption": "AES256"},
    "SSE-KMS": {"ServerSideEncryption": "aws:kms"},
    "SSE-C": CUSTOMER,
}
over_tls = pytest.mark.parametrize("host", ["serve-tls"], indirect=True)


def opening(kind: str) -> Mapping[str, Any]:
    """What a read of an object says."""
    return CUSTOMER if kind == "SSE-C" else {}


def told(answer: dict[str, Any]) -> tuple[str | None, str | None]:
    return answer.get("ServerSideEncryption"), answer.get("SSECustomerAlgorithm")


@over_tls
@pytest.mark.parametrize("kind", KINDS)
def test_encrypted_transfers(s3: Any, bucket: str, kind: str, tmp_path: Path) -> None:
    named, (source, target) = {"Bucket": bucket, "Key": "key"}, (tmp_path / "source", tmp_path / "target")
    source.write_bytes(BODY)
    s3.upload_file(str(source), bucket, "key", ExtraArgs=KINDS[kind], Config=CONFIG)
    s3.download_file(bucket, "key", str(target), ExtraArgs=opening(kind), Config=CONFIG)
    assert target.read_bytes() == BODY
    head = s3.head_object(**named, **opening(kind))
    assert told(head) == (KINDS[kind].get("ServerSideEncryption"), opening(kind).get("SSECustomerAlgorithm"))
    assert head["ETag"].endswith('-3"')
    for first, last in ((0, 0), (5 * MIB - 1, 5 * MIB), (65_535, 65_536), (10 * MIB - 70_000, len(BODY) - 1)):
        got = s3.get_object(**named, **opening(kind), Range=f"bytes={first}-{last}")
        assert got["Body"].read() == BODY[first : last + 1]


@over_tls
@pytest.mark.parametrize("target", KINDS)
@pytest.mark.parametrize("source", KINDS)
def test_encrypted_copies(host: Host, s3: Any, bucket: str, source: str, target: str) -> None:
    """In parts, as a transfer does it, and whole."""
    body = BODY[: 6 * MIB]
    s3.put_object(Bucket=bucket, Key="source", Body=body, **KINDS[source])
    extra = {**KINDS[target], **(SOURCE if source == "SSE-C" else {})}
    origin = {"Bucket": bucket, "Key": "source"}
    s3.copy(origin, bucket, "parts", ExtraArgs=extra, Config=CONFIG)
    s3.copy_object(Bucket=bucket, Key="whole", CopySource=origin, **extra)
    for key, ending in (("parts", '-2"'), ("whole", '"')):
        got = s3.get_object(Bucket=bucket, Key=key, **opening(target))
        assert got["ETag"].endswith(ending)
        assert told(got) == (KINDS[target].get("ServerSideEncryption"), opening(target).get("SSECustomerAlgorithm"))
        assert got["Body"].read() == body


@over_tls
def test_presigned_with_a_customers_key(host: Host, bucket: str, clients: Callable[..., Any]) -> None:
    """The algorithm is in the URL's signature; the key goes along in headers."""
    s3 = clients(host, signature_version="s3v4")
    named = {"Bucket": bucket, "Key": "key"}
    headers: dict[str, str] = {}

    def remember(params: dict[str, Any], **_: Any) -> None:
        headers.update(
            {name: value for name, value in params["headers"].items() if name.startswith("x-amz-server-side")}
        )

    s3.meta.events.register("before-call.s3", remember)
    s3.put_object(**named, Body=b"body", **CUSTOMER)
    assert len(headers) == 3
    url = s3.generate_presigned_url("get_object", Params=named | CUSTOMER)
    assert host.server is not None
    with urllib3.PoolManager(ca_certs=str(host.server.certificate)) as pool:
        assert pool.request("GET", url, headers=headers).data == b"body"
        assert pool.request("GET", url).status == 403


def test_a_key_in_clear(served: Host, clients: Callable[..., Any]) -> None:
    """boto3 sends it; the server does not take it."""
    s3 = clients(served)
    bucket = new_bucket(s3)
    with pytest.raises(s3.exceptions.ClientError, match="must be made over a secure connection"):
        s3.put_object(Bucket=bucket, Key="key", Body=b"body", **CUSTOMER)


@pytest.mark.parametrize("host", ["serve", "serve-tls"], indirect=True)
def test_an_upload_names_its_key_by_an_alias_and_an_arn(s3: Any, bucket: str, host: Host) -> None:
    """Keys of SSE-KMS without a service: made in the store's key ring while the server runs."""
    assert host.server is not None
    name = f"team-{bucket}"
    with engine.open(host.server.store) as store:
        store.named_keys().create(name, [f"photos-{bucket}"])
    context = base64.b64encode(b'{"team": "photos"}').decode()
    sealed = {"ServerSideEncryption": "aws:kms", "SSEKMSEncryptionContext": context}
    upload = {"Bucket": bucket, "Key": "key"}
    begun = s3.create_multipart_upload(**upload, **sealed, SSEKMSKeyId=f"alias/photos-{bucket}")
    assert begun["SSEKMSKeyId"] == name
    part = s3.upload_part(**upload, UploadId=begun["UploadId"], PartNumber=1, Body=BODY[: 5 * MIB])
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    s3.complete_multipart_upload(**upload, UploadId=begun["UploadId"], MultipartUpload=parts)
    assert s3.get_object(**upload)["Body"].read() == BODY[: 5 * MIB]
    arn = f"arn:aws:kms:us-east-1:000000000000:key/{name}"
    assert s3.put_object(Bucket=bucket, Key="put", Body=b"", **sealed, SSEKMSKeyId=arn)["SSEKMSKeyId"] == name
    with engine.open(host.server.store) as store:
        store.named_keys().disable(name)
    for call in (
        lambda: s3.get_object(**upload),
        lambda: s3.create_multipart_upload(**upload, **sealed, SSEKMSKeyId=name),
    ):
        with pytest.raises(ClientError, match=f"{name} is disabled") as refused:
            call()
        assert refused.value.response["Error"]["Code"] == "KMS.DisabledException"
    with pytest.raises(ClientError) as unknown:
        s3.put_object(Bucket=bucket, Key="put", Body=b"", **sealed, SSEKMSKeyId="alias/nobody")
    assert unknown.value.response["Error"]["Code"] == "KMS.NotFoundException"

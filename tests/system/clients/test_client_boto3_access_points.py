"""boto3 with the ARNs of access points and Outposts, over `partwright serve` whose configuration file names the bucket."""

import ssl
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.system.clients.certificates import write_certificate
from tests.system.clients.hosts import Host, Hosts
from tests.system.clients.names import resolving_to_loopback
from tests.system.clients.servers import ADDRESS, PARTWRIGHT, free_port, running, start, write_credentials

DOMAIN = "s3.access.test"
POINT = "arn:aws:s3:us-east-1:123456789012:accesspoint/ap"
OUTPOST = "arn:aws:s3-outposts:us-east-1:123456789012:outpost/op-01234567890123456/accesspoint/ap"
CONFIGURATION = """
listen = "{address}:{port}"
store = "store"
credentials = "credentials.toml"
tls-cert = "certificate.pem"
tls-key = "key.pem"
domain = ["{domain}"]

[alias]
"ap-123456789012.{domain}" = "behind"
"ap-123456789012.op-01234567890123456" = "behind"
"photos.example.test" = "behind"
"""


@pytest.fixture(scope="module")
def aliased(hosts: Hosts, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """A server that has all its options from a file, whose paths are relative to it. To Outposts, botocore speaks TLS only."""
    folder, port = tmp_path_factory.mktemp("aliased"), free_port()
    names = (DOMAIN, f"*.{DOMAIN}", f"*.{OUTPOST.split('/')[1]}.{DOMAIN}", "*.example.test")
    certificate, _ = write_certificate(folder, ADDRESS, *names)
    write_credentials(folder / "credentials.toml", hosts.pair)
    file = folder / "partwright.toml"
    file.write_text(CONFIGURATION.format(address=ADDRESS, port=port, domain=DOMAIN))
    command = [PARTWRIGHT, "serve", "--config", str(file)]
    with running(start("serve", command, port, folder / "store", hosts.pair)) as server:
        server.scheme, server.certificate = "https", certificate
        host = Host("serve", hosts.pair, hosts.session, server)
        s3 = host.client()
        s3.create_bucket(Bucket="behind")
        s3.close()
        yield host


@pytest.fixture
def s3(aliased: Host, clients: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> Any:
    assert aliased.server is not None
    resolving_to_loopback(monkeypatch, DOMAIN)
    endpoint = f"https://{DOMAIN}:{aliased.server.port}"
    return clients(aliased, endpoint_url=endpoint, signature_version="s3v4")


@pytest.mark.parametrize("arn", [POINT, OUTPOST])
def test_what_is_done_by_arn_is_done_to_the_bucket_behind(aliased: Host, s3: Any, arn: str) -> None:
    assert aliased.server is not None
    key = {"Bucket": arn, "Key": "a/b"}
    upload = s3.create_multipart_upload(**key)["UploadId"]
    part = s3.upload_part(**key, UploadId=upload, PartNumber=1, Body=b"by arn")
    parts = [{"PartNumber": 1, "ETag": part["ETag"]}]
    s3.complete_multipart_upload(**key, UploadId=upload, MultipartUpload={"Parts": parts})
    assert s3.get_object(Bucket="behind", Key="a/b")["Body"].read() == b"by arn"
    assert [item["Key"] for item in s3.list_objects_v2(Bucket=arn)["Contents"]] == ["a/b"]
    trusted = ssl.create_default_context(cafile=aliased.server.certificate)
    url = s3.generate_presigned_url("get_object", key)
    with urllib.request.urlopen(url, timeout=60, context=trusted) as answer:
        assert answer.read() == b"by arn"
    s3.delete_object(**key)


def test_an_access_point_without_an_alias_leads_nowhere(s3: Any) -> None:
    with pytest.raises(ClientError) as caught:
        s3.put_object(Bucket=POINT.replace("accesspoint/ap", "accesspoint/other"), Key="key", Body=b"")
    assert caught.value.response["Error"]["Code"] == "NoSuchBucket"


def test_a_host_name_of_its_own_leads_to_the_bucket(
    s3: Any, aliased: Host, clients: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert aliased.server is not None
    s3.put_object(Bucket="behind", Key="a", Body=b"x")
    resolving_to_loopback(monkeypatch, "example.test")
    style = {"addressing_style": "virtual"}
    own = clients(aliased, endpoint_url=f"https://example.test:{aliased.server.port}", s3=style)
    assert own.get_object(Bucket="photos", Key="a")["Body"].read() == b"x"
    s3.delete_object(Bucket="behind", Key="a")


def test_the_paths_of_the_configuration_are_beside_it(aliased: Host) -> None:
    assert aliased.server is not None
    assert Path(aliased.server.store, "FORMAT").is_file()

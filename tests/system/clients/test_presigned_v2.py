"""URLs as boto3 presigns them with nothing configured, in us-east-1: Signature Version 2, sent by a client that has the URL alone."""

import http.client
import urllib.parse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.system.clients.conftest import new_bucket
from tests.system.clients.hosted import DOMAIN
from tests.system.clients.hosts import Host
from tests.system.clients.raw import TIMEOUT_S, Answer
from tests.system.clients.servers import ADDRESS, running, serve


def fetch(host: Host, method: str, url: str, body: bytes = b"") -> Answer:
    """Ask this server for a URL, by whatever host name the URL has."""
    assert host.server is not None
    parts = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(ADDRESS, host.server.port, timeout=TIMEOUT_S)
    try:
        connection.putrequest(method, f"{parts.path}?{parts.query}", skip_host=True, skip_accept_encoding=True)
        connection.putheader("host", parts.netloc)
        connection.putheader("content-length", str(len(body)))
        connection.endheaders(body)
        response = connection.getresponse()
        return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, response.read())
    finally:
        connection.close()


def test_urls_that_boto3_presigns_by_default_are_served(any_server: Host, clients: Callable[..., Any]) -> None:
    s3 = clients(any_server)
    named = {"Bucket": new_bucket(s3), "Key": "a key/ü+&=?"}
    assert any_server.server is not None
    by_path = clients(any_server, s3={"addressing_style": "path"})
    by_host = clients(
        any_server,
        endpoint_url=f"http://{DOMAIN}:{any_server.server.port}",
        s3={"addressing_style": "virtual"},
    )
    for presigner in (by_path, by_host):

        def url(operation: str, presigner: Any = presigner, expires: int = 600, **more: Any) -> str:
            made: str = presigner.generate_presigned_url(operation, Params=named | more, ExpiresIn=expires)
            assert "&Signature=" in made
            return made

        assert fetch(any_server, "PUT", url("put_object", Metadata={"a": "b"}), b"body").status == 200
        assert s3.head_object(**named)["Metadata"] == {"a": "b"}
        got = fetch(
            any_server, "GET", url("get_object", ResponseContentType="text/x", ResponseContentDisposition="a=b; c")
        )
        assert (got.status, got.body) == (200, b"body")
        assert (got.headers["content-type"], got.headers["content-disposition"]) == ("text/x", "a=b; c")
        upload_id = s3.create_multipart_upload(**named)["UploadId"]
        part = fetch(any_server, "PUT", url("upload_part", UploadId=upload_id, PartNumber=1), b"part")
        assert part.status == 200
        assert fetch(any_server, "DELETE", url("abort_multipart_upload", UploadId=upload_id)).status == 204
        listed = fetch(
            any_server, "GET", presigner.generate_presigned_url("list_objects_v2", {"Bucket": named["Bucket"]})
        )
        assert listed.status == 200
        late = fetch(any_server, "GET", url("get_object", expires=-60))
        assert (late.status, late.error.keys()) == (403, {"Code", "Message", "Expires", "ServerTime"})
        other = fetch(any_server, "GET", url("get_object").replace("a%20key", "another"))
        assert (other.status, other.error["Code"]) == (403, "SignatureDoesNotMatch")
        assert list(other.error) == [
            "Code", "Message", "AWSAccessKeyId", "StringToSign", "SignatureProvided", "StringToSignBytes",
        ]  # fmt: skip


def test_serve_refuses_them_where_it_is_told_to(hosts: Any, tmp_path: Path) -> None:
    with running(serve(tmp_path, hosts.pair, "--presigned-sigv2", "refuse")) as server:
        host = Host("serve", hosts.pair, hosts.session, server)
        s3 = host.client()
        named = {"Bucket": new_bucket(s3), "Key": "key"}
        s3.put_object(**named, Body=b"body")
        answer = fetch(host, "GET", s3.generate_presigned_url("get_object", named))
        assert answer.error == {
            "Code": "InvalidRequest",
            "Message": "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.",
        }
        with_v4 = host.client(signature_version="s3v4")
        assert fetch(host, "GET", with_v4.generate_presigned_url("get_object", named)).body == b"body"
        s3.close()
        with_v4.close()

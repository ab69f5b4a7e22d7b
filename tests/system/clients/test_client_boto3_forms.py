"""Forms that boto3 presigns (POST Object), sent by who has the form alone: requests, curl, and over the attached client's own way."""

import base64
import hashlib
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import botocore
import pytest
import requests
from botocore.awsrequest import AWSRequest
from botocore.exceptions import ClientError

from tests.support.forms import encoded
from tests.support.requirements import need
from tests.system.clients.conftest import new_bucket
from tests.system.clients.hosted import DOMAIN
from tests.system.clients.hosts import SERVERS, Host
from tests.system.clients.raw import TIMEOUT_S, Answer

BODY = bytes(range(256)) * 12288
"""3 MiB."""
LARGE = 24 * 1024 * 1024
"""More than the buffers of two sockets and a server, however they grow."""
SIGNED = (*SERVERS, "serve-tls")
"""Hosts that demand a signature: `engine.attach` has none."""
Form = dict[str, Any]
signed = pytest.mark.parametrize("host", SIGNED, indirect=True)


def post(host: Host, s3: Any, form: Form, name: str, data: bytes, **headers: str) -> Answer:
    """Send a form with its file."""
    content_type, body = encoded(form["fields"], (name, data))
    if host.server is None:
        request = AWSRequest("POST", form["url"], {"Content-Type": content_type}, body).prepare()
        answered = s3.meta.events.emit_until_response("before-send.s3.PostObject", request=request)[1]
        return Answer(answered.status_code, answered.headers, answered.content)
    verify = str(host.server.certificate) if host.server.certificate else True
    headers["Content-Type"] = content_type
    url = form["url"]
    answer = requests.post(url, body, headers=headers, verify=verify, timeout=TIMEOUT_S, allow_redirects=False)
    return Answer(answer.status_code, {each.lower(): text for each, text in answer.headers.items()}, answer.content)


def test_a_form_stores_a_file(s3: Any, bucket: str, host: Host, clients: Callable[..., Any]) -> None:
    presigner = s3 if host.server is not None else clients(host, signature_version=botocore.UNSIGNED)
    fields = {
        "success_action_status": "201",
        "Content-Type": "text/plain",
        "x-amz-meta-a": "ÄMÄZÕÑ S3",
        "x-amz-meta-b": "a\tb",
    }
    conditions = [{name: value} for name, value in fields.items()]
    form = presigner.generate_presigned_post(bucket, "in/${filename}", fields, conditions)
    assert ("policy" in form["fields"]) is (host.server is not None)
    for size in (0, 5, len(BODY)):
        answer = post(host, s3, form, "a b.txt", BODY[:size])
        assert (answer.status, answer.headers.get("connection", "keep-alive").lower()) == (201, "keep-alive")
        assert f"<Bucket>{bucket}</Bucket><Key>in/a b.txt</Key>" in answer.body.decode()
        assert answer.headers["location"].endswith(f"/{bucket}/in%2Fa%20b.txt")
        got = s3.get_object(Bucket=bucket, Key="in/a b.txt")
        assert got["Body"].read() == BODY[:size]
        assert answer.headers["etag"] == got["ETag"] == f'"{hashlib.md5(BODY[:size]).hexdigest()}"'
        assert got["ContentType"] == "text/plain"
        assert got["Metadata"] == {"a": "=?UTF-8?Q?=C3=84M=C3=84Z=C3=95=C3=91_S3?=", "b": "a\tb"}


@signed
@pytest.mark.parametrize("version", ["s3", "s3v4"])
@pytest.mark.rule("access", "POST-policy")
def test_a_policy_bites(s3: Any, bucket: str, host: Host, version: str, clients: Callable[..., Any]) -> None:
    presigner = clients(host, signature_version=version)
    form = presigner.generate_presigned_post(bucket, "key", Conditions=[["content-length-range", 5, 10]])
    failed = "Invalid according to Policy: Policy Condition failed: "
    refused = [
        (form, b"a", "EntityTooSmall", "Your proposed upload is smaller than the minimum allowed size"),
        (form, b"a" * 12, "EntityTooLarge", "Your proposed upload exceeds the maximum allowed size"),
        (form, bytes(LARGE), "EntityTooLarge", "Your proposed upload exceeds the maximum allowed size"),
        (changed(form, key="other"), b"a" * 5, "AccessDenied", f'{failed}["eq", "$key", "key"]'),
        (changed(form, acl="private"), b"a" * 5, "AccessDenied", "Invalid according to Policy: Extra input fields: acl"),
        (changed(form, acl="private"), bytes(LARGE), "AccessDenied", "Invalid according to Policy: Extra input fields: acl"),
        (presigner.generate_presigned_post(bucket, "key", ExpiresIn=-1), b"", "AccessDenied",
            "Invalid according to Policy: Policy expired."),
    ]  # fmt: skip
    for sent, data, code, message in refused:
        answer = post(host, s3, sent, "a.txt", data)
        assert (answer.error["Code"], answer.error["Message"]) == (code, message)
    with pytest.raises(ClientError, match="NoSuchKey"):
        s3.get_object(Bucket=bucket, Key="key")
    assert post(host, s3, form, "a.txt", b"12345").status == 204
    assert s3.get_object(Bucket=bucket, Key="key")["Body"].read() == b"12345"


def changed(form: Form, **fields: str) -> Form:
    return form | {"fields": form["fields"] | fields}


@signed
def test_a_wrong_signature_is_refused(s3: Any, bucket: str, host: Host) -> None:
    form = s3.generate_presigned_post(bucket, "key")
    name = "signature" if "signature" in form["fields"] else "x-amz-signature"
    answer = post(host, s3, changed(form, **{name: "0"}), "a.txt", BODY)
    assert (answer.status, answer.error["Code"]) == (403, "SignatureDoesNotMatch")
    del form["fields"][name]
    assert post(host, s3, form, "a.txt", b"").error["Message"].startswith("Bucket POST must contain a field named")


def test_forms_go_to_the_buckets_own_host(any_server: Host, clients: Callable[..., Any]) -> None:
    s3 = clients(any_server)
    bucket = new_bucket(s3)
    assert any_server.server is not None
    host = f"{bucket}.{DOMAIN}:{any_server.server.port}"
    form = s3.generate_presigned_post(bucket, "a/b")
    answer = post(any_server, s3, form | {"url": any_server.server.endpoint}, "a.txt", b"body", Host=host)
    assert (answer.status, answer.headers["location"]) == (204, f"http://{host}/a%2Fb")
    assert s3.get_object(Bucket=bucket, Key="a/b")["Body"].read() == b"body"


@pytest.mark.parametrize("host", ["serve-tls"], indirect=True)
def test_a_customers_key_comes_with_a_form(s3: Any, bucket: str, host: Host) -> None:
    key = bytes(range(32))
    prefix = "x-amz-server-side-encryption-customer-"
    fields = {
        f"{prefix}algorithm": "AES256",
        f"{prefix}key": base64.b64encode(key).decode(),
        f"{prefix}key-MD5": base64.b64encode(hashlib.md5(key).digest()).decode(),
    }
    form = s3.generate_presigned_post(bucket, "key", fields, [{name: value} for name, value in fields.items()])
    answer = post(host, s3, form, "a.txt", BODY)
    assert (answer.status, answer.headers[f"{prefix}algorithm"]) == (204, "AES256")
    named = {"Bucket": bucket, "Key": "key", "SSECustomerAlgorithm": "AES256"}
    assert s3.get_object(**named, SSECustomerKey=key)["Body"].read() == BODY
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.get_object(**named, SSECustomerKey=key[::-1])


@pytest.mark.parametrize("size", [10, len(BODY)])
def test_curl_sends_a_form(any_server: Host, clients: Callable[..., Any], tmp_path: Path, size: int) -> None:
    curl = shutil.which("curl")
    need(curl is not None, "curl")
    s3 = clients(any_server)
    bucket = new_bucket(s3)
    file = tmp_path / 'a "quoted" ü.bin'
    file.write_bytes(BODY[:size])
    form = s3.generate_presigned_post(
        bucket, "in/${filename}", {"redirect": "http://a.test/"}, [{"redirect": "http://a.test/"}]
    )
    words = [word for name, value in form["fields"].items() for word in ("--form-string", f"{name}={value}")]
    escaped = str(file).replace('"', '\\"')
    done = subprocess.run(
        [str(curl), "-q", "-sS", "--noproxy", "*", "-w", "%{http_code} %{redirect_url}", *words,
            "-F", f'file=@"{escaped}"', form["url"]],
        capture_output=True, timeout=TIMEOUT_S, text=True,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"303 http://a.test/?bucket={bucket}&key=in%2Fa%20%22quoted%22%20%C3%BC.bin&etag=%22")
    assert s3.get_object(Bucket=bucket, Key=f"in/{file.name}")["Body"].read() == BODY[:size]

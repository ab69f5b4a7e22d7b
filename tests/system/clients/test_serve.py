"""`partwright serve` as an operator meets it: credentials, logs, health, workers, TLS, and how it ends."""

import contextlib
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import urllib.request
import warnings
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

import engine
from tests.support.uploads import part_etag_of
from tests.system.clients.conftest import new_bucket
from tests.system.clients.hosts import Host, Hosts
from tests.system.clients.raw import UNSIGNED, Call, Raw, receive
from tests.system.clients.servers import (
    ADDRESS,
    PARTWRIGHT,
    STOP_S_MAX,
    Pair,
    Server,
    check_printed,
    free_port,
    running,
    serve,
    start,
    wait_until_connected,
    write_credentials,
)

BODY = bytes(range(256)) * 8192
READER = Pair("PWREADER", "reader's secret")
TEAM = Pair("PWTEAM", "team's secret")
BOUNDS = f"""
[[credentials]]
access_key = "{READER.access_key}"
secret_key = "{READER.secret_key}"
account_id = "{READER.account_id}"
actions = ["s3:Get*", "s3:ListBucket"]

[[credentials]]
access_key = "{TEAM.access_key}"
secret_key = "{TEAM.secret_key}"
account_id = "{TEAM.account_id}"
buckets = ["team-*", "shared"]
"""


@pytest.fixture(scope="module")
def own(hosts: Hosts, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """A server with two workers and three pairs of keys, two of them bounded."""
    place = tmp_path_factory.mktemp("serve")
    credentials = write_credentials(place / "bounds.toml", hosts.pair, more=BOUNDS)
    with running(serve(place, hosts.pair, "--workers", "2", credentials=credentials)) as server:
        yield Host("serve", hosts.pair, hosts.session, server)
        check_printed(server.printed.text, READER, TEAM)


def code_of(call: Callable[..., Any], **arguments: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    return str(caught.value.response["Error"]["Code"])


def test_workers_share_one_store(own: Host, clients: Callable[..., Any]) -> None:
    assert own.server is not None
    assert len(set(own.server.workers(2))) == 2
    s3 = clients(own)
    upload = {"Bucket": new_bucket(s3), "Key": "key"}
    upload["UploadId"] = s3.create_multipart_upload(**upload)["UploadId"]
    raw = Raw(own.server.port, own.pair)
    etags = {}
    for number in range(1, 17):  # each on a connection of its own, which the kernel gives to any worker
        call = Call(
            "PUT", f"/{upload['Bucket']}/key", f"partNumber={number}&uploadId={upload['UploadId']}", body=b"part"
        )
        etags[number] = raw.send(call).headers["etag"]
    assert [part["ETag"] for part in s3.list_parts(**upload)["Parts"]] == list(etags.values())


def test_killed_worker_is_replaced(hosts: Hosts, tmp_path: Path, clients: Callable[..., Any]) -> None:
    with running(serve(tmp_path, hosts.pair)) as server:
        _, second = server.workers(2)
        s3 = clients(Host("serve", hosts.pair, hosts.session, server), retries=0)
        bucket = new_bucket(s3)
        os.kill(second, signal.SIGKILL)
        server.printed.wait_for(re.compile(rf"worker process (?!{second} )\d+ started as number 2"), 60)
        wait_until_connected(server)
        assert s3.head_bucket(Bucket=bucket)["BucketRegion"] == "us-east-1"


@pytest.mark.rule("access", "AccessDenied")
def test_actions_bound_what_a_key_may_do(own: Host, clients: Callable[..., Any]) -> None:
    s3, reader = clients(own), clients(own, pair=READER)
    named = {"Bucket": new_bucket(s3), "Key": "key"}
    s3.put_object(**named, Body=b"body")
    assert reader.get_object(**named)["Body"].read() == b"body"
    assert reader.list_objects_v2(Bucket=named["Bucket"])["KeyCount"] == 1
    assert code_of(reader.put_object, **named, Body=BODY) == "AccessDenied"
    assert code_of(reader.delete_object, **named) == "AccessDenied"
    assert code_of(reader.create_multipart_upload, **named) == "AccessDenied"
    assert code_of(reader.list_buckets) == "AccessDenied"
    answer = reader.delete_objects(Bucket=named["Bucket"], Delete={"Objects": [{"Key": "key"}]})
    assert [error["Code"] for error in answer["Errors"]] == ["AccessDenied"]
    assert s3.get_object(**named)["Body"].read() == b"body"


def test_buckets_bound_where_a_key_may_act_before_what_exists_shows(own: Host, clients: Callable[..., Any]) -> None:
    s3, team = clients(own), clients(own, pair=TEAM)
    other = new_bucket(s3)
    s3.put_object(Bucket=other, Key="key", Body=b"body")
    team.create_bucket(Bucket="team-one")
    team.put_object(Bucket="team-one", Key="key", Body=b"body")
    for bucket in (other, "absent-bucket"):
        assert code_of(team.get_object, Bucket=bucket, Key="key") == "AccessDenied"
        assert code_of(team.head_object, Bucket=bucket, Key="absent") == "403"
        assert code_of(team.head_bucket, Bucket=bucket) == "403"
        assert code_of(team.get_bucket_location, Bucket=bucket) == "AccessDenied"
        assert code_of(team.upload_part, Bucket=bucket, Key="k", UploadId="x", PartNumber=1, Body=b"") == "AccessDenied"
    assert code_of(team.copy_object, Bucket="team-one", Key="copy", CopySource=f"{other}/key") == "AccessDenied"
    assert code_of(team.head_object, Bucket="team-one", Key="copy") == "404"


def test_health_needs_no_key(own: Host) -> None:
    assert own.server is not None
    for path in ("/-/healthz", "/-/readyz"):
        with urllib.request.urlopen(own.server.endpoint + path, timeout=60) as answer:
            assert (answer.status, answer.read()) == (200, b"ok\n")


def test_access_log_has_a_json_line_for_each_request(own: Host, clients: Callable[..., Any]) -> None:
    assert own.server is not None
    s3 = clients(own, signature_version="s3v4")
    bucket = new_bucket(s3)
    url = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "a b"}, ExpiresIn=60)
    s3.put_object(Bucket=bucket, Key="a b", Body=b"body")
    with urllib.request.urlopen(url, timeout=60) as answer:
        request_id = answer.headers["x-amz-request-id"]
    found = own.server.printed.wait_for(re.compile(request_id), 60)
    line = json.loads(found)
    assert abs(datetime.now(UTC) - datetime.fromisoformat(line.pop("time"))) < timedelta(minutes=1)
    assert line.pop("duration_ms") > 0
    assert line == {
        "request_id": request_id, "remote": ADDRESS, "access_key": own.pair.access_key, "operation": "GetObject",
        "method": "GET", "bucket": bucket, "key": "a b", "status": 200, "bytes_in": 0, "bytes_out": 4,
    }  # fmt: skip
    lines = [json.loads(line) for line in own.server.printed.out if not line.startswith("partwright listens")]
    assert {"CreateBucket", "PutObject"} <= {line["operation"] for line in lines if line.get("bucket") == bucket}


def test_unknown_health_path_is_refused(own: Host) -> None:
    assert own.server is not None
    with own_connection(own.server) as connection:
        connection.sendall(b"GET /-/secrets HTTP/1.1\r\nHost: a\r\n\r\n")
        assert receive(connection).status == 403


def own_connection(server: Server) -> socket.socket:
    return socket.create_connection((ADDRESS, server.port), timeout=60)


def test_sigterm_lets_a_running_upload_finish(hosts: Hosts, tmp_path: Path, clients: Callable[..., Any]) -> None:
    with running(serve(tmp_path, hosts.pair)) as server:
        host = Host("serve", hosts.pair, hosts.session, server)
        bucket, raw = new_bucket(clients(host)), Raw(server.port, hosts.pair)
        call = Call("PUT", f"/{bucket}/key", headers={"expect": "100-continue"}, body=BODY)
        with raw.connection() as connection, raw.connection() as idle:
            connection.sendall(raw.head(call))
            assert connection.recv(1024).startswith(b"HTTP/1.1 100 Continue")
            connection.sendall(BODY[:-1000])
            server.process.send_signal(signal.SIGTERM)
            assert idle.recv(1) == b""
            connection.sendall(BODY[-1000:])
            assert receive(connection).headers["etag"] == part_etag_of(BODY)
            server.process.wait(STOP_S_MAX)
    with engine.open(server.store) as store, store.get_object(bucket, "key").body as body:
        assert body.read() == BODY


def test_tls_is_version_1_3_or_1_2_and_nothing_speaks_http_in_clear(hosts: Hosts) -> None:
    server = hosts["serve-tls"].server
    assert server is not None
    context = ssl.create_default_context(cafile=server.certificate)
    with own_connection(server) as plain, context.wrap_socket(plain, server_hostname=ADDRESS) as secure:
        assert secure.version() == "TLSv1.3"
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with own_connection(server) as plain, context.wrap_socket(plain, server_hostname=ADDRESS) as secure:
        assert secure.version() == "TLSv1.2"
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    with own_connection(server) as plain, pytest.raises((ssl.SSLError, ConnectionError)):
        context.wrap_socket(plain, server_hostname=ADDRESS)
    with own_connection(server) as plain:
        plain.sendall(b"GET /-/healthz HTTP/1.1\r\nHost: a\r\n\r\n")
        with contextlib.suppress(ConnectionResetError):
            assert not plain.recv(1024).startswith(b"HTTP")


def test_without_a_file_a_random_pair_is_told_once(hosts: Hosts, tmp_path: Path, clients: Callable[..., Any]) -> None:
    port, store = free_port(), tmp_path / "store"
    command = [PARTWRIGHT, "serve", "--store", str(store), "--listen", f"{ADDRESS}:{port}"]
    with running(start("serve", command, port, store, hosts.pair)) as server:
        told = re.compile(r"access key (\w+), secret key ([\w-]+)")
        found = told.search(server.printed.wait_for(told, 60))
        assert found is not None
        told_pair = Pair(*found.groups())
        host = Host("serve", told_pair, hosts.session, server)
        assert "Buckets" in clients(host).list_buckets()
        for wrong in (hosts.pair, Pair("minioadmin", "minioadmin"), Pair("admin", "admin"), Pair("", "")):
            if wrong.access_key:
                assert code_of(clients(host, pair=wrong).list_buckets) == "InvalidAccessKeyId"
    assert server.printed.text.count(told_pair.secret_key) == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--listen", "0.0.0.0:0"], "loopback"),
        (["--credentials", "absent.toml"], "absent.toml"),
        (["--credentials", "broken.toml"], "broken.toml"),
        (["--credentials", "unknown.toml"], "credentials[0]"),
        (["--credentials", "readable.toml"], "chmod 600"),
        (["--tls-cert", "x.pem"], "--tls-key"),
        (["--tls-cert", "x.pem", "--tls-key", "y.pem"], "x.pem"),
        (["--workers", "0"], "--workers"),
        (["--reap-interval", "0s"], "less than a second"),
        (["--reap-interval", "often"], "not a span of time"),
    ],
)
def test_what_it_refuses_to_start_with(tmp_path: Path, options: list[str], message: str) -> None:
    for name in ("broken.toml", "unknown.toml"):
        (tmp_path / name).touch(mode=0o600)
    (tmp_path / "broken.toml").write_text('[[credentials]\naccess_key = "hidden-secret"')
    (tmp_path / "unknown.toml").write_text(
        '[[credentials]]\naccess_key = "a"\nsecret_key = "hidden-secret"\nrole = "x"'
    )
    (tmp_path / "readable.toml").touch(mode=0o644)
    command = [PARTWRIGHT, "serve", "--store", "store", *options]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, env=dict(os.environ))
    assert (done.returncode != 0, message in done.stderr) == (True, True), done
    assert "Traceback" not in done.stderr
    assert "hidden-secret" not in done.stdout + done.stderr
    assert not (tmp_path / "store").exists()


def refused(store: Path, port: int) -> "subprocess.CompletedProcess[str]":
    command = [PARTWRIGHT, "serve", "--store", str(store), "--listen", f"{ADDRESS}:{port}"]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, env=dict(os.environ))


def test_with_a_damaged_store_it_says_neither_that_it_listens_nor_a_key_pair(tmp_path: Path) -> None:
    engine.open(tmp_path / "store").close()
    (tmp_path / "store" / "meta" / "data.mdb").write_bytes(b"")
    done = refused(tmp_path / "store", free_port())
    assert (done.returncode != 0, done.stdout) == (True, "")
    assert "data.mdb is empty" in done.stderr


def test_it_does_not_share_the_port_of_another_server(own: Host, tmp_path: Path) -> None:
    assert own.server is not None
    done = refused(tmp_path / "store", own.server.port)
    assert (done.returncode != 0, done.stdout) == (True, "")
    assert f"can't listen on {ADDRESS}:{own.server.port}: Address already in use" in done.stderr


def test_options_come_from_the_environment_too(hosts: Hosts, tmp_path: Path, clients: Callable[..., Any]) -> None:
    port, store = free_port(), tmp_path / "store"
    file = write_credentials(tmp_path / "credentials.toml", hosts.pair)
    variables = {
        "PARTWRIGHT_STORE": str(store), "PARTWRIGHT_LISTEN": f"{ADDRESS}:{port}", "PARTWRIGHT_CREDENTIALS": str(file),
        "PARTWRIGHT_REGION": "eu-central-1", "PARTWRIGHT_LOG_FORMAT": "none",
    }  # fmt: skip
    with running(start("serve", [PARTWRIGHT, "serve"], port, store, hosts.pair, **variables)) as server:
        host = Host("serve", hosts.pair, hosts.session, server)
        assert code_of(clients(host).list_buckets) == "AuthorizationHeaderMalformed"
        s3 = clients(host, region_name="eu-central-1")
        s3.create_bucket(Bucket="abroad", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
        assert s3.get_bucket_location(Bucket="abroad")["LocationConstraint"] == "eu-central-1"
        assert s3.head_bucket(Bucket="abroad")["BucketRegion"] == "eu-central-1"
        for region in ("eu-west-1", "us-east-1", "nowhere"):
            constraint = {"LocationConstraint": region}
            wrong = code_of(s3.create_bucket, Bucket="elsewhere", CreateBucketConfiguration=constraint)
            assert wrong == "IllegalLocationConstraintException"
        raw = Raw(port, hosts.pair)
        call = Call("PUT", "/abroad/key", body=b"x", sha256=UNSIGNED, region="eu-central-1")
        assert raw.send(call).status == 200
    assert [line for line in server.printed.out if line.startswith("{")] == []

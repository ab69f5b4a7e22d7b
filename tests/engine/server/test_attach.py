"""`engine.attach`: a boto3 client or session on a store in this process."""

import threading
from pathlib import Path

import boto3
import botocore.session
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ParamValidationError

import engine
from tests.support.processes import python_output

BODY = bytes(range(256)) * 8192
REGION = "eu-west-1"


def test_session_attaches_all_clients_it_makes(store: engine.Store) -> None:
    session = boto3.session.Session(region_name=REGION)
    engine.attach(session, store)
    with_client, resource = session.client("s3"), session.resource("s3")
    resource.create_bucket(Bucket="with.dots", CreateBucketConfiguration={"LocationConstraint": REGION})
    resource.Object("with.dots", "key").put(Body=BODY)
    assert with_client.get_object(Bucket="with.dots", Key="key")["Body"].read() == BODY
    with store.get_object("with.dots", "key").body as body:
        assert body.read() == BODY


def test_botocore_session_attaches_too(store: engine.Store) -> None:
    session = botocore.session.Session()
    engine.attach(session, store)
    session.create_client("s3", region_name="us-east-1").create_bucket(Bucket="bucket")
    assert [bucket.name for bucket in store.list_buckets().buckets] == ["bucket"]


def test_botos_own_validation_and_s3s_errors_stay(store: engine.Store, bucket: str) -> None:
    client = boto3.session.Session(region_name="us-east-1").client("s3")
    engine.attach(client, store)
    with pytest.raises(ParamValidationError):
        client.upload_part(Bucket=bucket, Key="key", PartNumber="one", UploadId="x", Body=b"")
    with pytest.raises(client.exceptions.NoSuchKey):
        client.get_object(Bucket=bucket, Key="absent")
    with pytest.raises(ClientError) as caught:
        client.list_parts(Bucket=bucket, Key="key", UploadId="x")
    assert caught.value.response["Error"]["UploadId"] == "x"


def test_many_threads_share_an_attached_client(store: engine.Store, bucket: str) -> None:
    client = boto3.session.Session(region_name="us-east-1").client("s3")
    engine.attach(client, store)
    found = []

    def work(number: int) -> None:
        client.put_object(Bucket=bucket, Key=str(number), Body=BODY + bytes([number]))
        found.append(client.get_object(Bucket=bucket, Key=str(number))["Body"].read()[-1] == number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [True] * 8


def test_files_and_generators_as_bodies(store: engine.Store, bucket: str, tmp_path: Path) -> None:
    client = boto3.session.Session(region_name="us-east-1").client("s3")
    engine.attach(client, store)
    (tmp_path / "file").write_bytes(BODY)
    with (tmp_path / "file").open("rb") as file:
        client.put_object(Bucket=bucket, Key="file", Body=file)
    client.put_object(Bucket=bucket, Key="array", Body=bytearray(BODY))
    for key in ("file", "array"):
        assert b"".join(client.get_object(Bucket=bucket, Key=key)["Body"].iter_chunks()) == BODY


def test_only_clients_and_sessions_are_attached(store: engine.Store) -> None:
    with pytest.raises(TypeError, match="not str"):
        engine.attach("client", store)


def test_the_bucket_of_an_endpoint_with_virtual_hosts_is_not_lost(store: engine.Store, bucket: str) -> None:
    styled = Config(s3={"addressing_style": "virtual"})
    client = boto3.session.Session(region_name=REGION).client(
        "s3", endpoint_url="https://s3.example.com", config=styled
    )
    engine.attach(client, store)
    client.put_object(Bucket=bucket, Key="other/key", Body=BODY)
    assert [item.key for item in store.list_objects_v2(bucket).contents or ()] == ["other/key"]


def test_the_store_attached_last_is_the_one(tiny: engine.Store, tmp_path: Path) -> None:
    client = boto3.session.Session(region_name="us-east-1").client("s3")
    with engine.open(tmp_path / "second") as second:
        engine.attach(client, tiny)
        engine.attach(client, second)
        client.create_bucket(Bucket="for-the-second")
        assert [bucket.name for bucket in second.list_buckets().buckets] == ["for-the-second"]


def test_not_modified_has_the_etag_and_no_type(store: engine.Store, bucket: str) -> None:
    client = boto3.session.Session(region_name="us-east-1").client("s3")
    engine.attach(client, store)
    etag = client.put_object(Bucket=bucket, Key="key", Body=BODY)["ETag"]
    with pytest.raises(ClientError) as caught:
        client.get_object(Bucket=bucket, Key="key", IfNoneMatch=etag)
    headers = caught.value.response["ResponseMetadata"]["HTTPHeaders"]
    assert headers["etag"] == etag
    assert "last-modified" in headers
    assert not {"content-type", "content-length"} & headers.keys()


WITHOUT_MULTIPART = """if True:
    import sys
    sys.modules["multipart"] = None
    import boto3, engine
    from botocore.awsrequest import AWSRequest
    with engine.open(sys.argv[1]) as store:
        client = boto3.client("s3", "us-east-1")
        engine.attach(client, store)
        client.create_bucket(Bucket="bucket")
        form = AWSRequest("POST", "http://s3.test/bucket", {"Content-Type": "multipart/form-data; boundary=b"}, b"--b--").prepare()
        answered = client.meta.events.emit_until_response("before-send.s3.PostObject", request=form)[1]
        print(answered.status_code, answered.text.partition("<additionalMessage>")[2].partition("<")[0])
"""


def test_only_forms_need_the_parser_of_forms(store_path: Path) -> None:
    assert python_output(WITHOUT_MULTIPART, str(store_path)).strip() == "501 Forms need the Python package multipart"

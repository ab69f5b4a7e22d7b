"""SSE-S3 and SSE-KMS over the wire: what answers tell of them, the default of a bucket and its document, a provider's refusals."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

import engine
from engine.encryption.key_providers import DataKey, LocalKeyProvider
from engine.encryption.key_ring import KeyRing
from engine.errors import KMSDisabled, KMSInvalidState, S3Error
from engine.native.secret import Secret
from tests.support.calls import client_of
from tests.system.clients.hosts import REGION, Host
from tests.system.clients.raw import Call
from tests.system.clients.rules.play import Play
from tests.system.clients.rules.stage import MIB, Stage
from tests.system.clients.rules.test_rules_errors import error_of
from tests.system.clients.rules.upload import Upload, refused
from tests.system.clients.servers import ADDRESS, Pair, running, serve

KMS = {"ServerSideEncryption": "aws:kms", "BucketKeyEnabled": True}
CRC = {"ChecksumCRC64NVME": "Kr7StX/uFlQ=", "ChecksumType": "FULL_OBJECT"}


@pytest.mark.parametrize("play", ["s3_multipart_upload_sse"], indirect=True)
def test_an_upload_with_a_key_of_kms(stage: Stage, play: Play) -> None:
    """Of an upload that names no algorithm AWS tells the checksum to who reads, and not to who completes."""
    s3, key = stage.boto, {"Key": "test-sse-field-multipart"}
    created = play("multi-sse-create-multipart", s3.create_multipart_upload, **key, **KMS)
    upload = key | {"UploadId": created["UploadId"]}
    part = play("multi-sse-upload-part", s3.upload_part, **upload, PartNumber=1, Body=b"test-sse")
    listed = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    play("multi-sse-compete-multipart", s3.complete_multipart_upload, **upload, MultipartUpload=listed, more=CRC)
    play("get-obj", s3.get_object, **key)
    play.finish()


def told(answer: dict[str, Any]) -> dict[str, Any]:
    return {
        name: answer[name] for name in ("ServerSideEncryption", "SSEKMSKeyId", "BucketKeyEnabled") if name in answer
    }


@pytest.mark.parametrize("asked", [{"ServerSideEncryption": "AES256"}, KMS], ids=["SSE-S3", "SSE-KMS"])
def test_every_answer_tells_the_encryption(stage: Stage, asked: dict[str, Any]) -> None:
    s3, bucket = stage.boto, stage.new_bucket()
    put = s3.put_object(Bucket=bucket, Key="put", Body=b"body", **asked)
    wanted = told(put)
    assert wanted.items() >= asked.items()
    assert ("SSEKMSKeyId" in wanted) is (asked is KMS)
    created = s3.create_multipart_upload(Bucket=bucket, Key="key", **asked)
    upload = Upload(s3, bucket, "key", created["UploadId"])
    answers = [created, upload.part(1, bytes(5 * MIB)), upload.part(2, b"last")]
    copied = s3.upload_part_copy(**upload.named, PartNumber=2, CopySource=f"{bucket}/put")
    upload.etags[2] = copied["CopyPartResult"]["ETag"]
    answers += [copied, upload.complete()]
    answers += [s3.copy_object(Bucket=bucket, Key="copy", CopySource=f"{bucket}/put", **asked)]
    for key in ("key", "put", "copy"):
        named = {"Bucket": bucket, "Key": key}
        answers += [s3.head_object(**named), s3.get_object(**named), s3.get_object(**named, Range="bytes=0-0")]
    assert [told(answer) for answer in answers] == [wanted] * len(answers)
    assert upload.read() == bytes(5 * MIB) + b"body"


CONFIGURATION = "<ServerSideEncryptionConfiguration>%s</ServerSideEncryptionConfiguration>"
BY_DEFAULT = "<ApplyServerSideEncryptionByDefault>%s</ApplyServerSideEncryptionByDefault>"
RULE = f"<Rule>{BY_DEFAULT % '<SSEAlgorithm>%s</SSEAlgorithm>'}%s</Rule>"
NAMESPACE = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'
GOOD = CONFIGURATION % (RULE % ("AES256", ""))


@pytest.fixture
def put(stage: Stage) -> Callable[..., tuple[str, str]]:
    """Puts a document to a bucket of the test's own; its code, and the rule that the bucket has then."""
    bucket = stage.new_bucket()

    def put_document(document: str, **headers: str) -> tuple[str, str]:
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = stage.raw.send(Call("PUT", f"/{bucket}", "encryption", headers, document.encode()))
        code = str(answer.status) if answer.status == 200 else error_of(answer).code
        return code, stage.raw.send(Call("GET", f"/{bucket}", "encryption")).body.decode()

    return put_document


def test_the_documents_are_as_awss(put: Callable[..., tuple[str, str]]) -> None:
    head = f'<?xml version="1.0" encoding="UTF-8"?>\n<ServerSideEncryptionConfiguration {NAMESPACE}>'
    blocked = "<BlockedEncryptionTypes><EncryptionType>%s</EncryptionType></BlockedEncryptionTypes>"
    named = "<SSEAlgorithm>aws:kms</SSEAlgorithm><KMSMasterKeyID>x</KMSMasterKeyID>"
    for rule in (
        RULE % ("AES256", "<BucketKeyEnabled>false</BucketKeyEnabled>" + blocked % "NONE"),
        f"<Rule>{BY_DEFAULT % named}<BucketKeyEnabled>true</BucketKeyEnabled>{blocked % 'SSE-C'}</Rule>",
    ):
        for document in (
            CONFIGURATION % rule,
            f"<ServerSideEncryptionConfiguration {NAMESPACE}>{rule}</ServerSideEncryptionConfiguration>",
        ):
            assert put(document) == ("200", f"{head}{rule}</ServerSideEncryptionConfiguration>")


@pytest.mark.parametrize(
    ("document", "code"),
    [
        ("", "MalformedXML"),
        ("<Other/>", "MalformedXML"),
        ("no XML", "MalformedXML"),
        (CONFIGURATION % "", "MalformedXML"),
        (CONFIGURATION % "<Rule/>", "MalformedXML"),
        (CONFIGURATION % (RULE % ("AES256", "") * 2), "MalformedXML"),
        (CONFIGURATION % (RULE % ("AES-256", "")), "MalformedXML"),
        (CONFIGURATION % f"<Rule>{BY_DEFAULT % ''}</Rule>", "MalformedXML"),
        (CONFIGURATION % f"<Rule>{BY_DEFAULT % '<SseAlgorithm>AES256</SseAlgorithm>'}</Rule>", "MalformedXML"),
        (CONFIGURATION % (RULE % ("AES256", "<BucketKey>true</BucketKey>")), "MalformedXML"),
        (CONFIGURATION % (RULE % ("AES256", "<BucketKeyEnabled>maybe</BucketKeyEnabled>")), "MalformedXML"),
        (CONFIGURATION % (RULE % ("AES256", "<BlockedEncryptionTypes/>")), "MalformedXML"),
        (CONFIGURATION % (RULE % ("aws:kms:dsse", "")), "NotImplemented"),
        (GOOD.replace("</SSEAlgorithm>", "</SSEAlgorithm><KMSMasterKeyID>x</KMSMasterKeyID>"), "InvalidArgument"),
        (GOOD.replace("</SSEAlgorithm>", "</SSEAlgorithm><Unknown>x</Unknown>"), "MalformedXML"),
    ],
)
def test_a_wrong_document_is_refused_and_the_rule_stays(
    put: Callable[..., tuple[str, str]], document: str, code: str
) -> None:
    _, before = put(GOOD)
    assert put(document) == (code, before)


def test_a_document_is_held_against_its_digests_and_needs_none(put: Callable[..., tuple[str, str]]) -> None:
    """S3's own example of the request has neither Content-MD5 nor a checksum."""
    assert put(GOOD, content_md5="A" * 22 + "==")[0] == "BadDigest"
    assert put(GOOD, content_md5="no MD5")[0] == "InvalidDigest"
    assert put(GOOD, x_amz_checksum_crc32="AAAAAA==")[0] == "BadDigest"
    assert put(GOOD)[0] == "200"


def test_a_bucket_without_a_default_says_so(tls_stage: Stage) -> None:
    """Where new buckets take customers' keys they have nothing to tell; AWS's have SSE-S3."""
    s3, bucket = tls_stage.boto, tls_stage.new_bucket()
    named, code = {"Bucket": bucket}, "ServerSideEncryptionConfigurationNotFoundError"
    error = refused(code, s3.get_bucket_encryption, **named)
    assert (error["Message"], error["BucketName"]) == (
        "The server side encryption configuration was not found",
        bucket,
    )
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}, "BucketKeyEnabled": True}
    s3.put_bucket_encryption(**named, ServerSideEncryptionConfiguration={"Rules": [rule]})
    assert s3.get_bucket_encryption(**named)["ServerSideEncryptionConfiguration"] == {"Rules": [rule]}
    assert told(s3.put_object(**named, Key="key", Body=b"")).items() >= KMS.items()
    s3.delete_bucket_encryption(**named)
    refused(code, s3.get_bucket_encryption, **named)
    assert told(s3.put_object(**named, Key="key", Body=b"")) == {}


@pytest.fixture(scope="module")
def kms() -> Iterator[Any]:
    """AWS KMS as moto plays it."""
    server = ThreadedMotoServer(ip_address=ADDRESS, port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    keys = {"aws_access_key_id": "x", "aws_secret_access_key": "x"}
    client = boto3.client("kms", endpoint_url=f"http://{host}:{port}", region_name=REGION, **keys)
    yield client
    client.close()
    server.stop()


@pytest.fixture(scope="module")
def kms_stage(kms: Any, pair: Pair, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """`partwright serve` with its keys in AWS KMS."""
    environment = {
        "AWS_ENDPOINT_URL_KMS": kms.meta.endpoint_url,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "x",
    }
    place = tmp_path_factory.mktemp("kms")
    with running(serve(place, pair, "--key-provider", "aws", environment=environment)) as server:
        host = Host("kms", pair, boto3.session.Session(), server)
        with contextlib.closing(Stage(host)) as made:
            yield made


@pytest.mark.rule("access", "KMS")
def test_keys_of_aws_kms_serve_and_one_that_is_not_there_is_refused(kms_stage: Stage, kms: Any) -> None:
    s3, named = kms_stage.boto, {"Bucket": kms_stage.bucket, "Key": "key"}
    arn = kms.create_key()["KeyMetadata"]["Arn"]
    asked = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": arn}
    upload = Upload.begin(s3, kms_stage.bucket, **asked)
    assert upload.part(1, b"body")["SSEKMSKeyId"] == upload.complete()["SSEKMSKeyId"] == arn
    assert upload.read() == b"body"
    gone = arn[:-1] + ("0" if arn[-1] != "0" else "1")
    for call in (s3.put_object, s3.create_multipart_upload):
        error = refused("KMS.NotFoundException", call, **named, **asked | {"SSEKMSKeyId": gone})
        assert error["Message"] == f"Key '{gone}' does not exist"


class Refusing(LocalKeyProvider):
    """A key management whose keys can be taken out of use, which moto's can't."""

    refusal: S3Error | None = None

    def generate_data_key(self, key_id: str | None, context: Mapping[str, str]) -> DataKey:
        self._check()
        return super().generate_data_key(key_id, context)

    def unwrap(self, key_id: str, blob: bytes, context: Mapping[str, str]) -> Secret:
        self._check()
        return super().unwrap(key_id, blob, context)

    def _check(self) -> None:
        if self.refusal is not None:
            raise self.refusal


@pytest.mark.rule("access", "KMS")
@pytest.mark.parametrize(
    ("kind", "code", "words"),
    [
        (KMSDisabled, "KMS.DisabledException", "is disabled."),
        (KMSInvalidState, "KMS.KMSInvalidStateException", "is pending deletion."),
    ],
)
def test_a_key_out_of_use_is_told_by_everything_that_needs_it(
    tmp_path: Path, kind: type[S3Error], code: str, words: str
) -> None:
    arn = "arn:aws:kms:us-east-1:123456789012:key/1"
    with KeyRing(str(tmp_path / "ring")) as ring:
        provider = Refusing(ring)
        with engine.open(tmp_path / "store", key_provider=provider) as store:
            s3, named = client_of(store, lambda *_: True), {"Bucket": "bucket", "Key": "key"}
            store.create_bucket("bucket")
            s3.put_object(**named, Body=b"body", ServerSideEncryption="aws:kms")
            upload = Upload.begin(s3, "bucket", "upload", ServerSideEncryption="aws:kms")
            upload.part(1, b"part")
            provider.refusal = kind(f"{arn} {words}")
            acts: list[Callable[[], object]] = [
                lambda: s3.put_object(**named, Body=b"body", ServerSideEncryption="aws:kms"),
                lambda: s3.create_multipart_upload(**named, ServerSideEncryption="aws:kms"),
                lambda: s3.copy_object(Bucket="bucket", Key="copy", CopySource="bucket/key"),
                lambda: s3.upload_part_copy(**upload.named, PartNumber=2, CopySource="bucket/key"),
                lambda: upload.part(2, b"part"),
                lambda: upload.complete(),
                lambda: s3.get_object(**named),
            ]
            for act in acts:
                assert refused(code, act)["Message"] == f"{arn} {words}"
            assert s3.head_object(**named)["ServerSideEncryption"] == "aws:kms"
            provider.refusal = None
            upload.complete()
            assert upload.read() == b"part"

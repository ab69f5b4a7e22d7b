"""What stands in a server's store while errors are provoked; each thing is made when it is first named."""

import functools
import re
import secrets
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

import engine
from tests.system.clients.hosts import Host
from tests.system.clients.raw import Call, Raw
from tests.system.clients.rules.rows import ANY, Ask, Expected

BODY = b"0123456789"
MIB = 1024 * 1024
CUSTOMER = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": bytes(range(100, 132))}
_NAME = re.compile(r"\{(\w+)\}")
_OF_EVERY_ERROR = {"RequestId", "HostId", "Resource"}


class Stage:
    """A host, and buckets, objects and uploads in it by name; close it.

    `s3` checks nothing and adds nothing to what it is told to send, `boto` is as boto3 makes it, `stranger` is somebody else's.
    """

    def __init__(self, host: Host) -> None:
        self.host = host
        plain = {"request_checksum_calculation": "when_required", "response_checksum_validation": "when_required"}
        self.s3 = host.client(parameter_validation=False, **plain)
        self.boto = host.client()
        self.stranger = host.client(pair=host.pair.stranger, parameter_validation=False, **plain)
        self.bucket = self.new_bucket()
        self.blocked_upload = ""
        self.s3.put_object(Bucket=self.bucket, Key="object", Body=BODY)

    def close(self) -> None:
        for client in (self.s3, self.boto, self.stranger):
            client.close()

    def new_bucket(self, **options: Any) -> str:
        """The name of a bucket that nothing is in."""
        name = f"errors-{secrets.token_hex(6)}"
        self.s3.create_bucket(Bucket=name, **options)
        return name

    def _begin(self, key: str, **options: Any) -> str:
        upload_id: str = self.s3.create_multipart_upload(Bucket=self.bucket, Key=key, **options)["UploadId"]
        return upload_id

    def _put_part(self, key: str, upload_id: str, number: int, body: bytes = BODY, **options: Any) -> str:
        named = {"Bucket": self.bucket, "Key": key, "UploadId": upload_id, "PartNumber": number}
        etag: str = self.s3.upload_part(**named, Body=body, **options)["ETag"]
        return etag

    @functools.cached_property
    def raw(self) -> Raw:
        assert self.host.server is not None
        return Raw(self.host.server.port, self.host.pair)

    @functools.cached_property
    def upload(self) -> str:
        """An upload of `key` with parts 1 and 2 of ten bytes each."""
        upload_id = self._begin("key")
        for number in (1, 2):
            self._put_part("key", upload_id, number)
        return upload_id

    @functools.cached_property
    def gone(self) -> str:
        """An upload of `key` that was aborted."""
        upload_id = self._begin("key")
        self.s3.abort_multipart_upload(Bucket=self.bucket, Key="key", UploadId=upload_id)
        return upload_id

    @functools.cached_property
    def two(self) -> str:
        """The key of an object of two parts, of 5 MiB and ten bytes."""
        key, upload_id = "two", self._begin("two")
        etags = [self._put_part(key, upload_id, 1, bytes(5 * MIB)), self._put_part(key, upload_id, 2)]
        listed = [{"PartNumber": number, "ETag": etag} for number, etag in enumerate(etags, 1)]
        named = {"Bucket": self.bucket, "Key": key, "UploadId": upload_id}
        self.s3.complete_multipart_upload(**named, MultipartUpload={"Parts": listed})
        return key

    @functools.cached_property
    def of_object(self) -> str:
        """An upload of `object`, which is there, with part 1."""
        upload_id = self._begin("object")
        self._put_part("object", upload_id, 1)
        return upload_id

    @functools.cached_property
    def of_nothing(self) -> str:
        """An upload of `nothing`, which is not there, with part 1."""
        upload_id = self._begin("nothing")
        self._put_part("nothing", upload_id, 1)
        return upload_id

    @functools.cached_property
    def overtaken(self) -> str:
        """An upload of `overtaken`, which was written after it had begun."""
        upload_id = self._begin("overtaken")
        self._put_part("overtaken", upload_id, 1)
        self.s3.put_object(Bucket=self.bucket, Key="overtaken", Body=BODY)
        return upload_id

    @functools.cached_property
    def removed(self) -> str:
        """An upload of `removed`, which was there when it began, and was deleted then."""
        named = {"Bucket": self.bucket, "Key": "removed"}
        self.s3.put_object(**named, Body=BODY)
        upload_id = self._begin("removed")
        self._put_part("removed", upload_id, 1)
        self.s3.delete_object(**named)
        return upload_id

    @functools.cached_property
    def composite(self) -> str:
        """An upload of `composite` with CRC32 and COMPOSITE, and part 1."""
        upload_id = self._begin("composite", ChecksumAlgorithm="CRC32", ChecksumType="COMPOSITE")
        self._put_part("composite", upload_id, 1, ChecksumCRC32="poTHxg==")
        return upload_id

    @functools.cached_property
    def composite_sha256(self) -> str:
        """An upload of `composite-sha256` with SHA256, without parts."""
        return self._begin("composite-sha256", ChecksumAlgorithm="SHA256")

    @functools.cached_property
    def gapped(self) -> str:
        """An upload of `gapped` with CRC32, and parts 1 and 3, the first of 5 MiB."""
        upload_id = self._begin("gapped", ChecksumAlgorithm="CRC32")
        self._put_part("gapped", upload_id, 1, bytes(5 * MIB), ChecksumCRC32="yTuzdQ==")
        self._put_part("gapped", upload_id, 3, ChecksumCRC32="poTHxg==")
        return upload_id

    @functools.cached_property
    def full(self) -> str:
        """An upload of `full` with CRC32C and FULL_OBJECT, and part 1."""
        upload_id = self._begin("full", ChecksumAlgorithm="CRC32C", ChecksumType="FULL_OBJECT")
        self._put_part("full", upload_id, 1)
        return upload_id

    @functools.cached_property
    def versioned(self) -> str:
        """A bucket with versions: of `object`, and of `deleted`, which a delete marker hides."""
        name = self.new_bucket()
        self.s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
        for key in ("object", "deleted"):
            self.s3.put_object(Bucket=name, Key=key, Body=BODY)
        return name

    @functools.cached_property
    def marker(self) -> str:
        """The version id of the delete marker."""
        version: str = self.s3.delete_object(Bucket=self.versioned, Key="deleted")["VersionId"]
        return version

    @functools.cached_property
    def old_version(self) -> str:
        """A version id of `object` that is there no more."""
        version: str = self.s3.put_object(Bucket=self.versioned, Key="object", Body=BODY)["VersionId"]
        self.s3.delete_object(Bucket=self.versioned, Key="object", VersionId=version)
        return version

    @functools.cached_property
    def locked(self) -> str:
        """A bucket with object lock."""
        return self.new_bucket(ObjectLockEnabledForBucket=True)

    @functools.cached_property
    def held(self) -> str:
        """The version id of `held` in the bucket with object lock, under a legal hold."""
        put = self.s3.put_object(
            Bucket=self.locked,
            Key="held",
            Body=BODY,
            ContentMD5="eB5eJF1ptWaXm4bijSPyxw==",
            ObjectLockLegalHoldStatus="ON",
        )
        version: str = put["VersionId"]
        return version

    @functools.cached_property
    def frozen(self) -> str:
        """The key of an object in an archive."""
        self.s3.put_object(Bucket=self.bucket, Key="frozen", Body=BODY, StorageClass="GLACIER")
        return "frozen"

    @functools.cached_property
    def huge(self) -> str:
        """The key of an object of more than 5 GiB, all parts of which have the same bytes."""
        assert self.host.server is not None
        source, count = f"{self.bucket}/large", 1025
        self.s3.put_object(Bucket=self.bucket, Key="large", Body=bytes(5 * MIB))
        upload = (self.bucket, "huge", self._begin("huge"))
        with engine.open(self.host.server.store, create=False) as store:
            parts = [store.upload_part_copy(*upload, number, source) for number in range(1, count + 1)]
            listed = [(number, part.copy_part_result.etag) for number, part in enumerate(parts, 1)]
            store.complete_multipart_upload(*upload, listed)
        return "huge"

    @functools.cached_property
    def secret(self) -> str:
        """The key of an object with a customer's key."""
        self.s3.put_object(Bucket=self.bucket, Key="secret", Body=BODY, **CUSTOMER)
        return "secret"

    @functools.cached_property
    def secret_upload(self) -> str:
        """An upload of `secret` with a customer's key."""
        return self._begin("secret", **CUSTOMER)

    @functools.cached_property
    def secret_named(self) -> str:
        """An upload of `named` with a customer's key and CRC32."""
        return self._begin("named", ChecksumAlgorithm="CRC32", **CUSTOMER)

    @functools.cached_property
    def blocking(self) -> str:
        """A bucket that blocks customers' keys, since it holds an upload of `sealed` with one."""
        name = self.new_bucket()
        self.set_encryption(name, {"BlockedEncryptionTypes": {"EncryptionType": ["NONE"]}})
        self.blocked_upload = self.s3.create_multipart_upload(Bucket=name, Key="sealed", **CUSTOMER)["UploadId"]
        self.set_encryption(name, {"BlockedEncryptionTypes": {"EncryptionType": ["SSE-C"]}})
        return name

    @functools.cached_property
    def by_default_of_nobody(self) -> str:
        """A bucket whose default is SSE-KMS with a key that there is not."""
        name = self.new_bucket()
        default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "of nobody"}
        self.set_encryption(name, {"ApplyServerSideEncryptionByDefault": default})
        return name

    def set_encryption(self, bucket: str, rule: dict[str, Any]) -> None:
        """Give a bucket its rule."""
        self.s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})

    @functools.cached_property
    def account(self) -> str:
        """Whose keys the host's pair is."""
        return self.host.pair.account_id

    @functools.cached_property
    def foreign(self) -> str:
        """The name of a bucket of somebody else's."""
        name = f"foreign-{secrets.token_hex(6)}"
        self.stranger.create_bucket(Bucket=name)
        return name

    def fill(self, value: Any) -> Any:
        """Put what the stage has into the braces of a text, or of all texts in a list or mapping."""
        if isinstance(value, str):
            return _NAME.sub(lambda found: str(getattr(self, found[1])), value)
        if isinstance(value, bytes):
            return self.fill(value.decode("latin-1")).encode("latin-1")
        if isinstance(value, Mapping):
            return {name: self.fill(item) for name, item in value.items()}
        return [self.fill(item) for item in value] if isinstance(value, list) else value

    def filled(self, call: Call) -> Call:
        """A request written by hand, with the braces filled."""
        headers = {name: self.fill(value) for name, value in call.headers.items()}
        path, query, body = self.fill(call.path), self.fill(call.query), self.fill(call.body)
        return Call(call.method, path, query, headers, body, call.sha256, call.region, call.age)

    def error_of(self, asked: Ask) -> Expected:
        """What boto3 makes of the answer to a call that is refused."""
        client = self.stranger if asked.by_stranger else self.s3
        arguments, headers = self.fill(asked.arguments), self.fill(asked.headers)

        def change(params: dict[str, Any], **_: Any) -> None:
            for name, value in headers.items():
                params["headers"].pop(name, None)
                if value is not None:
                    params["headers"][name] = value

        client.meta.events.register("before-call.s3", change)
        try:
            getattr(client, asked.operation)(**arguments)
        except ClientError as refusal:
            return _shown(refusal.response)
        finally:
            client.meta.events.unregister("before-call.s3", change)
        self._forget()
        raise AssertionError(f"{asked.operation} was not refused")

    def _forget(self) -> None:
        """Have everything made anew: a call that should have been refused has changed something."""
        for name, made in vars(type(self)).items():
            if isinstance(made, functools.cached_property):
                vars(self).pop(name, None)

    def expectation(self, expected: Expected, got: Expected) -> Expected:
        """What is to be compared with an answer: braces filled, and the answer's own text where any text will do."""
        extras = {
            name: got.extras.get(name, "") if value == ANY and got.extras.get(name) else self.fill(value)
            for name, value in expected.extras.items()
        }
        return Expected(expected.code, expected.status, self.fill(expected.message), extras)


def _shown(answer: Mapping[str, Any]) -> Expected:
    error = {name: text or "" for name, text in answer["Error"].items() if name not in _OF_EVERY_ERROR}
    code, message = error.pop("Code"), error.pop("Message")
    return Expected(code, answer["ResponseMetadata"]["HTTPStatusCode"], message, error)

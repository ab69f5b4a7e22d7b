"""SSE-KMS through the store, with a key provider that counts its calls: when it is called, and the effects of its refusals."""

import base64
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

import engine
from engine.encryption.key_providers import DataKey, LocalKeyProvider
from engine.encryption.key_ring import KeyRing
from engine.encryption.upload_keys import UploadKeys
from engine.errors import InvalidArgument, KMSDisabled
from engine.native.secret import Secret
from tests.support.customers import PARTS
from tests.support.encryptions import KMS
from tests.support.stores import contents_of, meta_of
from tests.support.uploads import begin, read


class Provider:
    """A key provider that counts its calls, and refuses when the test says so."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, str]]] = []
        self.refuses = False
        self._secrets: dict[bytes, bytes] = {}

    def generate_data_key(self, key_id: str | None, context: Mapping[str, str]) -> DataKey:
        self._enter("generate", context)
        raw = hashlib.sha256(str(len(self.calls)).encode()).digest()
        blob = hashlib.sha256(raw).digest()
        self._secrets[blob] = raw
        return DataKey(Secret.of_bytes(raw), blob, key_id or "the default")

    def unwrap(self, key_id: str, blob: bytes, context: Mapping[str, str]) -> Secret:
        self._enter("unwrap", context)
        return Secret.of_bytes(self._secrets[blob])

    def _enter(self, what: str, context: Mapping[str, str]) -> None:
        if self.refuses:
            raise KMSDisabled
        self.calls.append((what, dict(context)))


@pytest.fixture
def kms() -> Provider:
    return Provider()


@pytest.fixture
def served(session_place: Path, tmp_path: Path, kms: Provider) -> Iterator[engine.Store]:
    limits = engine.Limits(part_size_bytes_min=1)
    with engine.open(tmp_path / "served", limits=limits, key_provider=kms) as store:
        store.create_bucket("bucket")
        yield store


def test_a_provider_is_asked_once_a_request_that_needs_keys(served: engine.Store, kms: Provider) -> None:
    context = base64.b64encode(json.dumps({"team": "x"}).encode()).decode()
    upload = begin(served, "bucket", **KMS, ssekms_encryption_context=context, ssekms_key_id="mine")
    wanted = {"aws:s3:arn": "arn:aws:s3:::bucket/key", "team": "x"}
    assert kms.calls == [("generate", wanted)]
    parts = upload.parts(dict(enumerate(PARTS, 1)))
    assert kms.calls[1:] == [("unwrap", wanted)] * len(PARTS)
    del kms.calls[:]
    for act, calls in (
        (lambda: upload.list(), 0),
        (lambda: upload.complete(parts), 1),
        (lambda: upload.complete(parts), 1),
        (lambda: served.head_object("bucket", "key"), 0),
        (lambda: served.head_object("bucket", "key", checksum_mode="ENABLED"), 1),
        (lambda: served.get_object_attributes("bucket", "key", object_attributes=["ETag", "ObjectSize"]), 0),
        (lambda: read(served, "bucket", "key"), 1),
        (lambda: served.list_objects_v2("bucket"), 0),
        (lambda: served.delete_object("bucket", "key"), 0),
    ):
        act()
        assert kms.calls == [("unwrap", wanted)] * calls
        del kms.calls[:]


def test_nobody_says_of_what_object_a_data_key_is(served: engine.Store, kms: Provider) -> None:
    """No request may set the object's ARN in the context, since a policy of the provider's keys may rely on it."""

    def encoded(arn: str) -> str:
        return base64.b64encode(json.dumps({"aws:s3:arn": arn, "team": "x"}).encode()).decode()

    for act in (
        lambda members: served.put_object("bucket", "key", b"", **members),
        lambda members: begin(served, "bucket", **members),
    ):
        with pytest.raises(InvalidArgument, match="another aws:s3:arn than the object's"):
            act(KMS | {"ssekms_encryption_context": encoded("arn:aws:s3:::bucket/other")})
        assert kms.calls == []
        act(KMS | {"ssekms_encryption_context": encoded("arn:aws:s3:::bucket/key")})
        assert kms.calls.pop() == ("generate", {"aws:s3:arn": "arn:aws:s3:::bucket/key", "team": "x"})


def test_a_provider_that_refuses_is_heard_and_nothing_is_stored(served: engine.Store, kms: Provider) -> None:
    upload = begin(served, "bucket", "upload", **KMS)
    part = upload.part(1, b"part")
    served.put_object("bucket", "key", b"body", **KMS)
    kms.refuses = True
    before = contents_of(served)
    acts: list[Callable[[], object]] = [
        lambda: served.put_object("bucket", "new", b"body", **KMS),
        lambda: begin(served, "bucket", "new", **KMS),
        lambda: upload.part(2, b"more"),
        lambda: upload.complete([part]),
        lambda: served.get_object("bucket", "key"),
        lambda: served.copy_object("bucket", "copy", "bucket/key"),
    ]
    for act in acts:
        with pytest.raises(KMSDisabled):
            act()
    assert contents_of(served) == before
    served.head_object("bucket", "key")
    upload.abort()
    served.delete_object("bucket", "key")


def test_a_provider_is_never_waited_for_inside_a_step(
    served: engine.Store, kms: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = begin(served, "bucket", checksum_algorithm="SHA256", checksum_type="COMPOSITE", **KMS)
    digest = base64.b64encode(hashlib.sha256(b"part").digest()).decode()
    part = served.upload_part("bucket", "key", upload.upload_id, 1, b"part", checksum_sha256=digest)
    steps: list[str] = []
    publish, enter = meta_of(served).publish, kms._enter

    def published(*args: Any) -> Any:
        steps.append("begins")
        try:
            return publish(*args)
        finally:
            steps.append("ended")

    def entered(what: str, context: Mapping[str, str]) -> None:
        steps.append(what)
        enter(what, context)

    monkeypatch.setattr(meta_of(served), "publish", published)
    monkeypatch.setattr(kms, "_enter", entered)
    upload.complete([engine.CompletedPart(1, part.etag, checksum_sha256=digest)])
    assert steps == ["unwrap", "begins", "ended"]


def test_a_local_provider_over_a_ring_can_be_given_by_hand(tmp_path: Path) -> None:
    with (
        KeyRing(str(tmp_path / "ring")) as ring,
        engine.open(tmp_path / "store", key_provider=LocalKeyProvider(ring)) as store,
    ):
        store.create_bucket("bucket")
        assert store.put_object("bucket", "key", b"body", **KMS).ssekms_key_id == ring.active_id
        assert not Path(store._layout.root, "keys").exists()
        assert read(store, "bucket", "key") == b"body"


def test_checksums_are_opened_before_the_step_that_completes(
    tiny: engine.Store, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = begin(tiny, bucket, **KMS)
    parts = upload.parts(dict(enumerate(PARTS, 1)))
    is_within: list[bool] = []
    publish, open_digests = meta_of(tiny).publish, UploadKeys.open_digests

    def published(*args: Any) -> Any:
        is_within.append(True)
        try:
            return publish(*args)
        finally:
            is_within.pop()

    def opened(*args: Any) -> Any:
        assert not is_within, "others wait while checksums are opened"
        return open_digests(*args)

    monkeypatch.setattr(meta_of(tiny), "publish", published)
    monkeypatch.setattr(UploadKeys, "open_digests", opened)
    done = upload.complete(parts)
    assert done.checksum_crc64_nvme == tiny.head_object(bucket, "key", checksum_mode="ENABLED").checksum_crc64_nvme

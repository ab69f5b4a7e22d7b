"""SSE-KMS: the local provider, and AWS KMS as moto serves it on this machine."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError
from botocore.stub import Stubber
from moto.server import ThreadedMotoServer

from engine.encryption import key_providers, upload_keys
from engine.encryption.aws_kms import AwsKeyProvider
from engine.encryption.key_providers import KeyProvider, LocalKeyProvider, canonical
from engine.encryption.key_ring import KeyRing
from engine.encryption.upload_keys import KeyBinding
from engine.errors import AccessDenied, InternalError, KMSDisabled, KMSInvalidState, KMSNotFound, S3Error, SlowDown
from engine.native import errors as native_errors

CONTEXT = {"aws:s3:arn": "arn:aws:s3:::photos/cat.raw", "team": "ä"}
BINDING = KeyBinding("photos", "cat.raw", b"upload")


@pytest.fixture
def ring(tmp_path: Path) -> Iterator[KeyRing]:
    with KeyRing(str(tmp_path / "ring")) as opened:
        yield opened


@pytest.fixture(scope="module")
def kms() -> Iterator[Any]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    client = boto3.client(
        "kms", endpoint_url=f"http://{host}:{port}", region_name="us-east-1",
        aws_access_key_id="x", aws_secret_access_key="x",
    )  # fmt: skip
    yield client
    client.close()
    server.stop()


@pytest.fixture
def key_id(kms: Any) -> str:
    return str(kms.create_key()["KeyMetadata"]["Arn"])


@pytest.fixture(params=["local", "aws"])
def provider(request: pytest.FixtureRequest) -> KeyProvider:
    if request.param == "local":
        return LocalKeyProvider(request.getfixturevalue("ring"))
    return AwsKeyProvider(request.getfixturevalue("kms"), request.getfixturevalue("key_id"))


def test_an_upload_is_begun_and_opened_again_from_its_row(provider: KeyProvider) -> None:
    with key_providers.new_root(provider, None, CONTEXT) as root:
        keys, stored = upload_keys.begin(root, BINDING)
        md5 = bytes(16)
        etag = keys.etag(1, md5)
        keys.close()
    assert (stored.kind, stored.context) == ("aws:kms", CONTEXT)
    assert stored.key_id
    with (
        key_providers.root_of(provider, stored) as root,
        upload_keys.open_keys(root, stored, BINDING.bucket, BINDING.key) as again,
    ):
        assert again.etag(1, md5) == etag
    with pytest.raises(ValueError, match="closed"):
        root.secret.md5()


def test_every_upload_has_a_data_key_of_its_own(provider: KeyProvider) -> None:
    made = [provider.generate_data_key(None, CONTEXT) for _ in range(5)]
    assert len({key.secret.md5() for key in made}) == len({key.blob for key in made}) == 5


def test_another_context_does_not_open_it(provider: KeyProvider) -> None:
    made = provider.generate_data_key(None, CONTEXT)
    for context in ({}, CONTEXT | {"team": "b"}, {"aws:s3:arn": CONTEXT["aws:s3:arn"]}):
        with pytest.raises((AccessDenied, native_errors.SealedDamaged)):
            provider.unwrap(made.key_id, made.blob, context)
    with provider.unwrap(made.key_id, made.blob, dict(reversed(CONTEXT.items()))) as again:
        assert again.md5() == made.secret.md5()


def test_a_key_that_is_not_there_is_not_found_by_s3s_code(provider: KeyProvider) -> None:
    with pytest.raises(KMSNotFound) as caught:
        provider.generate_data_key("arn:aws:kms:us-east-1:123456789012:key/no-such-key", CONTEXT)
    assert (caught.value.code, caught.value.status) == ("KMS.NotFoundException", 400)
    assert "no-such-key" in caught.value.message


@pytest.mark.parametrize(
    ("refusal", "kind", "code"),
    [("DisabledException", KMSDisabled, "KMS.DisabledException"),
     ("KMSInvalidStateException", KMSInvalidState, "KMS.KMSInvalidStateException"),
     ("AccessDeniedException", AccessDenied, "AccessDenied"),
     ("ThrottlingException", SlowDown, "SlowDown")],
)  # fmt: skip
def test_a_refusal_of_aws_has_s3s_code_for_it(
    kms: Any, key_id: str, refusal: str, kind: type[S3Error], code: str
) -> None:
    """moto does not give these answers, so botocore's Stubber does."""
    with Stubber(kms) as stubber:
        stubber.add_client_error("generate_data_key", refusal, f"{key_id} is disabled.")
        with pytest.raises(kind) as caught:
            AwsKeyProvider(kms).generate_data_key(key_id, CONTEXT)
    # AWS's text of AccessDenied names our principal, which no client may see.
    message = AccessDenied.text if kind is AccessDenied else f"{key_id} is disabled."
    assert (caught.value.code, caught.value.message) == (code, message)


def test_other_failures_of_aws_are_ours_to_its_clients(kms: Any, key_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    provider = AwsKeyProvider(kms)
    with Stubber(kms) as stubber:
        stubber.add_client_error("generate_data_key", "SomethingNewException", http_status_code=400)
        with pytest.raises(InternalError) as caught:
            provider.generate_data_key(key_id, CONTEXT)
    assert caught.value.reason == "AWS KMS refused: SomethingNewException"

    def no_answer(**_: object) -> None:
        raise EndpointConnectionError(endpoint_url="nowhere")

    monkeypatch.setattr(kms, "decrypt", no_answer)
    with pytest.raises(InternalError) as caught:
        provider.unwrap(key_id, b"blob", CONTEXT)
    assert "can't be asked" in (caught.value.reason or "")


def test_a_rotated_ring_opens_what_it_sealed_before(ring: KeyRing) -> None:
    provider = LocalKeyProvider(ring)
    made = provider.generate_data_key(None, CONTEXT)
    ring.rotate()
    assert provider.generate_data_key(None, CONTEXT).key_id != made.key_id
    with provider.unwrap(made.key_id, made.blob, CONTEXT) as again:
        assert again.md5() == made.secret.md5()


@pytest.mark.parametrize("offset", [1, 33, -1])
def test_a_damaged_blob_of_the_local_provider_is_refused(ring: KeyRing, offset: int) -> None:
    provider = LocalKeyProvider(ring)
    made = provider.generate_data_key(None, {})
    blob = bytearray(made.blob)
    blob[offset] ^= 1
    with pytest.raises(native_errors.SealedDamaged):
        provider.unwrap(made.key_id, bytes(blob), {})
    with pytest.raises(native_errors.SealedFormatUnknown):
        provider.unwrap(made.key_id, b"\x02" + made.blob[1:], {})
    with pytest.raises(KMSNotFound):
        provider.unwrap("gone", made.blob, {})


def test_no_two_contexts_read_alike() -> None:
    texts = [canonical(c) for c in ({}, {"a": "b"}, {"ab": ""}, {"": "ab"}, {"a": "", "b": ""}, {"a": "b", "b": "a"})]
    assert len(set(texts)) == len(texts)
    assert canonical({"b": "1", "a": "2"}) == canonical({"a": "2", "b": "1"})


def test_no_text_of_a_data_key_shows_it(ring: KeyRing) -> None:
    made = LocalKeyProvider(ring).generate_data_key(None, {})
    assert "secret=<Secret>" in repr(made)

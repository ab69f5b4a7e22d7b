"""The encryption that a request gets, and the key that opens what is stored: S3's rules, each with its refusal."""

import base64
import itertools
import json
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from engine.encryption.customer_keys import CustomerKey, customer_key_of_bytes
from engine.encryption.key_ring import KeyRing
from engine.encryption.key_sources import KeySources
from engine.encryption.requested import RequestedEncryption, context_of
from engine.encryption.upload_keys import KeyBinding
from engine.errors import AccessDenied, InternalError, InvalidArgument, InvalidRequest, KMSNotFound, NotImplementedYet
from engine.meta.records import Encryption
from engine.native.sealed import seal, unseal

BINDING = KeyBinding("photos", "cat.raw", b"upload")
AT = ("photos", "cat.raw")
KINDS = ("SSE-C", "AES256", "aws:kms")


def customer(letter: str = "k") -> CustomerKey:
    made = customer_key_of_bytes("AES256", letter * 32)
    assert made is not None
    return made


@pytest.fixture
def ring(tmp_path: Path) -> Iterator[KeyRing]:
    with KeyRing(str(tmp_path / "ring")) as opened:
        yield opened


@pytest.fixture
def key_sources(ring: KeyRing) -> Iterator[KeySources]:
    with KeySources(ring.path, ring.path + ".mark") as opened:
        yield opened


def requested(kind: str, letter: str = "k") -> RequestedEncryption:
    return RequestedEncryption(customer=customer(letter)) if kind == "SSE-C" else RequestedEncryption(kind)


def begun(key_sources: KeySources, kind: str) -> tuple[Encryption, bytes]:
    """Begin an upload with a sealed part 1 of b"data"."""
    made = key_sources.begin(BINDING, requested(kind))
    assert made is not None
    with made[0] as keys:
        return made[1], seal(b"data", keys.part(1))


def key_for(kind: str, letter: str = "k") -> CustomerKey | None:
    return customer(letter) if kind == "SSE-C" else None


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_begun_continued_and_read(key_sources: KeySources, kind: str) -> None:
    stored, sealed = begun(key_sources, kind)
    assert stored.kind == kind
    for opener in (key_sources.keys_for_part, key_sources.keys_for_read):
        keys = opener(stored, *AT, key_for(kind))
        assert keys is not None
        with keys:
            assert unseal(sealed, keys.part(1)) == b"data"


def test_what_is_not_encrypted_has_no_keys(key_sources: KeySources) -> None:
    assert key_sources.begin(BINDING, RequestedEncryption()) is None
    assert key_sources.keys_for_part(None, *AT, None) is None
    assert key_sources.keys_for_read(None, *AT, None) is None


@pytest.mark.parametrize("kind", [None, *KINDS])
def test_a_part_has_a_customers_key_exactly_if_its_upload_has(key_sources: KeySources, kind: str | None) -> None:
    stored = None if kind is None else begun(key_sources, kind)[0]
    wrong = None if kind == "SSE-C" else customer()
    with pytest.raises(InvalidRequest, match="The multipart upload initiate requested encryption"):
        key_sources.keys_for_part(stored, *AT, wrong)


def test_a_part_with_another_key_is_refused(key_sources: KeySources) -> None:
    stored, _ = begun(key_sources, "SSE-C")
    with pytest.raises(InvalidRequest, match="did not match the ones used originally"):
        key_sources.keys_for_part(stored, *AT, customer("x"))


def test_a_read_needs_the_very_key(key_sources: KeySources) -> None:
    stored, _ = begun(key_sources, "SSE-C")
    with pytest.raises(InvalidRequest, match="The object was stored using a form of Server Side Encryption"):
        key_sources.keys_for_read(stored, *AT, None)
    with pytest.raises(AccessDenied, match="must provide the correct secret key"):
        key_sources.keys_for_read(stored, *AT, customer("x"))


@pytest.mark.parametrize("kind", [None, "AES256", "aws:kms"])
def test_a_key_for_an_object_without_one_is_not_applicable(key_sources: KeySources, kind: str | None) -> None:
    stored = None if kind is None else begun(key_sources, kind)[0]
    with pytest.raises(InvalidRequest, match="The encryption parameters are not applicable to this object"):
        key_sources.keys_for_read(stored, *AT, customer())


@pytest.mark.parametrize(("source", "target"), list(itertools.product(KINDS, KINDS)))
def test_a_copy_wraps_anew_from_any_kind_to_any(key_sources: KeySources, source: str, target: str) -> None:
    stored, sealed = begun(key_sources, source)
    elsewhere = KeyBinding("films", "a copy", b"another")
    turned = key_sources.rewrap(stored, *AT, key_for(source), elsewhere, requested(target, "n"))
    assert turned.kind == target
    keys = key_sources.keys_for_read(turned, "films", "a copy", key_for(target, "n"))
    assert keys is not None
    with keys:
        assert unseal(sealed, keys.part(1)) == b"data"
    with pytest.raises((AccessDenied, InternalError)):
        key_sources.keys_for_read(turned, *AT, key_for(target, "n"))


def test_a_copy_with_a_wrong_or_without_a_key_is_refused(key_sources: KeySources) -> None:
    stored, _ = begun(key_sources, "SSE-C")
    with pytest.raises(AccessDenied, match="must provide the correct secret key"):
        key_sources.rewrap(stored, *AT, customer("x"), BINDING, requested("AES256"))
    with pytest.raises(InvalidRequest, match="The correct parameters must be provided"):
        key_sources.rewrap(stored, *AT, None, BINDING, requested("AES256"))


@pytest.mark.parametrize("value", ["aes256", "", "AWS:KMS", "x"])
def test_an_unknown_encryption_is_refused(key_sources: KeySources, value: str) -> None:
    with pytest.raises(InvalidArgument, match="The encryption method specified is not supported") as caught:
        key_sources.begin(BINDING, RequestedEncryption(value))
    assert caught.value.extras == {"ArgumentName": "x-amz-server-side-encryption", "ArgumentValue": value}


def test_what_we_have_not_is_said_to_be_not_there(key_sources: KeySources) -> None:
    with pytest.raises(NotImplementedYet):
        key_sources.begin(BINDING, RequestedEncryption("aws:kms:dsse"))


@pytest.mark.parametrize("kind", ["AES256", "aws:kms"])
def test_a_ring_is_made_for_what_is_new_and_never_for_what_is_stored(
    key_sources: KeySources, tmp_path: Path, kind: str
) -> None:
    stored, _ = begun(key_sources, kind)
    elsewhere = tmp_path / "elsewhere"
    with KeySources(str(elsewhere), str(tmp_path / "mark")) as other:
        with pytest.raises((InternalError, KMSNotFound)):
            other.keys_for_read(stored, *AT, None)
        assert not elsewhere.exists()
        begun(other, kind)
        assert elsewhere.stat().st_mode & 0o777 == 0o600
        with pytest.raises((InternalError, KMSNotFound), match=r"no key|does not exist"):
            other.keys_for_read(stored, *AT, None)


@pytest.mark.parametrize(
    "given",
    [
        RequestedEncryption(kms_key_id="a"),
        RequestedEncryption("AES256", kms_key_id="a"),
        RequestedEncryption("AES256", kms_context="e30="),
    ],
)
def test_members_of_kms_need_kms(key_sources: KeySources, given: RequestedEncryption) -> None:
    with pytest.raises(InvalidArgument, match="requires HTTP header x-amz-server-side-encryption : aws:kms"):
        key_sources.begin(BINDING, given)


def test_the_context_of_kms_is_the_objects_arn_and_what_the_client_says(key_sources: KeySources, ring: KeyRing) -> None:
    header = base64.b64encode(json.dumps({"team": "ä"}).encode()).decode()
    made = key_sources.begin(BINDING, RequestedEncryption("aws:kms", kms_key_id=ring.active_id, kms_context=header))
    assert made is not None
    assert made[1].context == {"aws:s3:arn": "arn:aws:s3:::photos/cat.raw", "team": "ä"}
    assert made[1].key_id == ring.active_id
    made[0].close()
    with pytest.raises(KMSNotFound):
        key_sources.begin(BINDING, RequestedEncryption("aws:kms", kms_key_id="gone"))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no base64",
        "[]",
        '{"a": 1}',
        '{"a": null}',
        "\xff",
        '"text"',
        "{",
        '{"a": "\\ud800"}',
        '{"\\ud800": "a"}',
        "[" * 6000,
    ],
)
def test_a_context_that_is_no_map_of_texts_is_refused(text: str) -> None:
    header = text if text == "no base64" else base64.b64encode(text.encode("latin-1")).decode()
    with pytest.raises(InvalidArgument, match="string-string map"):
        context_of(header)


def test_a_damaged_row_is_an_internal_error_and_no_wrong_key(key_sources: KeySources) -> None:
    stored, _ = begun(key_sources, "SSE-C")
    damaged = msgspec.structs.replace(stored, wrapped=bytes(48))
    for opener in (key_sources.keys_for_part, key_sources.keys_for_read):
        with pytest.raises(InternalError, match="do not open"):
            opener(damaged, *AT, customer())
    for kind in ("AES256", "aws:kms"):
        stored, _ = begun(key_sources, kind)
        with pytest.raises(InternalError, match="does not open what it wrapped"):
            key_sources.keys_for_read(msgspec.structs.replace(stored, commitment=bytes(32)), *AT, None)
    stored, _ = begun(key_sources, "aws:kms")
    with pytest.raises(InternalError, match="do not open"):
        key_sources.keys_for_read(msgspec.structs.replace(stored, blob=bytes(81)), *AT, None)


def test_a_rotated_ring_reads_the_old_and_begins_with_the_new(key_sources: KeySources, ring: KeyRing) -> None:
    stored, sealed = begun(key_sources, "AES256")
    active = ring.rotate()
    keys = key_sources.keys_for_read(stored, *AT, None)
    assert keys is not None
    with keys:
        assert unseal(sealed, keys.part(1)) == b"data"
    assert begun(key_sources, "AES256")[0].key_id == active
    assert key_sources.rewrap(stored, *AT, None, BINDING, RequestedEncryption("AES256")).key_id == active

"""The keys of an upload: opened by the independent decoder, bound to their object and root, and re-wrapped without touching data."""

import hashlib
import os
import random

import msgspec
import pytest

from engine.encryption import upload_keys
from engine.encryption.upload_keys import KeyBinding, Root, UploadKeys
from engine.meta import records
from engine.meta.records import Encryption
from engine.native import errors as native_errors
from engine.native import secret
from engine.native.sealed import seal, unseal
from engine.native.secret import Secret
from tests.support import decoder
from tests.support.open_secrets import open_secrets

RAW = bytes(range(32))
OTHER = bytes(range(1, 33))
PLACE = KeyBinding("photos", "cats/ä.raw", b"an upload id")
MD5 = hashlib.md5(b"plaintext").digest()


def root(raw: bytes = RAW, kind: records.Kind = "SSE-C") -> Root:
    return Root(kind, Secret.of_bytes(raw), is_owned=True)


def begin(raw: bytes = RAW, place: KeyBinding = PLACE) -> tuple[UploadKeys, Encryption]:
    with root(raw) as made:
        return upload_keys.begin(made, place)


def reopened(stored: Encryption, raw: bytes = RAW, place: KeyBinding = PLACE) -> UploadKeys:
    with root(raw) as made:
        return upload_keys.open_keys(made, stored, place.bucket, place.key)


def test_the_decoder_finds_the_same_keys_from_the_row_alone() -> None:
    keys, stored = begin()
    data_key = decoder.data_key(RAW, stored, PLACE.bucket, PLACE.key)
    data = random.Random(1).randbytes(100_000)
    with keys:
        assert decoder.part(decoder.part_root(data_key), 5, seal(data, keys.part(5))) == data
        etag = keys.etag(5, MD5)
        assert etag == decoder.etag(data_key, 5, MD5)
        assert decoder.checksum(data_key, 5, etag, keys.seal_digest(5, etag, b"checksum")) == b"checksum"


def test_what_one_request_sealed_the_next_one_opens() -> None:
    keys, stored = begin()
    with keys, reopened(stored) as again:
        assert unseal(seal(b"data", keys.part(1)), again.part(1)) == b"data"
        assert keys.etag(1, MD5) == again.etag(1, MD5)
        assert again.open_digests([1], [b"etag"], [keys.seal_digest(1, b"etag", b"checksum")])[0] == b"checksum"


def test_a_record_survives_msgpack_and_has_no_secret() -> None:
    keys, stored = begin()
    packed = msgspec.msgpack.encode(stored)
    assert msgspec.msgpack.decode(packed, type=Encryption) == stored
    secret = decoder.data_key(RAW, stored, PLACE.bucket, PLACE.key)
    for key in (RAW, secret, hashlib.md5(RAW).digest(), decoder.part_root(secret)):
        assert key not in packed
    assert len(packed) < 200
    keys.close()


@pytest.mark.parametrize(
    "place",
    [KeyBinding("photos", "cats/ä.raw", b"other"), KeyBinding("photos", "dogs", b"an upload id"),
     KeyBinding("films", "cats/ä.raw", b"an upload id"), KeyBinding("photosc", "ats/ä.raw", b"an upload id")],
    ids=["upload", "key", "bucket", "border"],
)  # fmt: skip
def test_the_keys_open_only_at_their_place(place: KeyBinding) -> None:
    keys, stored = begin()
    keys.close()
    moved = msgspec.structs.replace(stored, upload_id=place.upload_id)
    with pytest.raises(native_errors.KeyMismatch):
        reopened(moved, place=place)
    with pytest.raises(ValueError, match="another root"):
        decoder.data_key(RAW, moved, place.bucket, place.key)


def test_another_root_is_told_by_the_commitment() -> None:
    keys, stored = begin()
    keys.close()
    with pytest.raises(native_errors.KeyMismatch):
        reopened(stored, raw=OTHER)
    with root() as right, root(OTHER) as wrong:
        assert upload_keys.matches(right, stored, PLACE.bucket, PLACE.key)
        assert not upload_keys.matches(wrong, stored, PLACE.bucket, PLACE.key)


@pytest.mark.parametrize("member", ["salt", "commitment", "wrapped"])
def test_a_changed_record_is_refused_bit_by_bit(member: str) -> None:
    keys, stored = begin()
    keys.close()
    value = getattr(stored, member)
    for bit in range(len(value) * 8):
        flipped = bytearray(value)
        flipped[bit // 8] ^= 1 << bit % 8
        with pytest.raises((native_errors.KeyMismatch, native_errors.SealedDamaged)):
            reopened(msgspec.structs.replace(stored, **{member: bytes(flipped)}))
    for cut in (value[:-1], b""):
        with pytest.raises((native_errors.KeyMismatch, native_errors.SealedDamaged)):
            reopened(msgspec.structs.replace(stored, **{member: cut}))


def test_a_new_root_for_an_object_changes_its_row_and_no_byte_of_it() -> None:
    keys, stored = begin()
    with keys:
        sealed, etag = seal(b"stays as it is", keys.part(1)), keys.etag(1, MD5)
    elsewhere = KeyBinding("photos", "a copy", os.urandom(16))
    with root() as old, root(OTHER) as new:
        turned = upload_keys.rewrap(old, stored, PLACE.bucket, PLACE.key, new, elsewhere)
        with pytest.raises(native_errors.KeyMismatch):
            upload_keys.rewrap(new, stored, PLACE.bucket, PLACE.key, old, elsewhere)
    assert {turned.salt, turned.commitment, turned.wrapped}.isdisjoint({stored.salt, stored.commitment, stored.wrapped})
    with reopened(turned, OTHER, elsewhere) as again:
        assert unseal(sealed, again.part(1)) == b"stays as it is"
        assert again.etag(1, MD5) == etag
    with pytest.raises(native_errors.KeyMismatch):
        reopened(turned, RAW, elsewhere)


def test_the_same_bytes_and_key_give_unrelated_etags_and_files() -> None:
    (first, _), (second, _) = begin(), begin()
    with first, second:
        assert first.etag(1, MD5) != second.etag(1, MD5)
        assert first.etag(1, MD5) != first.etag(2, MD5) != MD5
        with pytest.raises(native_errors.KeyMismatch):
            unseal(seal(b"x", first.part(1)), second.part(1))


@pytest.mark.parametrize("digest", [b"crc64nve", bytes(32), bytes(64)], ids=len)
def test_a_sealed_checksum_opens_only_where_it_belongs(digest: bytes) -> None:
    keys, _ = begin()
    with keys:
        sealed = keys.seal_digest(3, b"etag", digest)
        assert len(sealed) == len(digest) + secret.DIGEST_OVERHEAD
        assert digest not in sealed
        assert keys.seal_digest(3, b"etag", digest) != sealed
        assert keys.open_digests([3], [b"etag"], [sealed])[0] == digest
        for number, bound, text in [
            (4, b"etag", sealed),
            (3, b"egat", sealed),
            (3, b"etag", sealed[:-1]),
            (3, b"etag", b""),
        ]:
            with pytest.raises(native_errors.SealedDamaged):
                keys.open_digests([number], [bound], [text])[0]


def test_only_sse_s3_shows_digests_as_they_are() -> None:
    for kind, hides in (("SSE-C", True), ("AES256", False), ("aws:kms", True)):
        with root(kind=kind) as made:  # type: ignore[arg-type]
            keys, stored = upload_keys.begin(made, PLACE)
        keys.close()
        assert (stored.kind, stored.hides_digests) == (kind, hides)


def test_no_text_of_roots_and_keys_shows_a_secret() -> None:
    keys, stored = begin()
    with keys, root() as made:
        for shown in (repr(keys), repr(made), repr(stored)):
            assert repr(RAW)[2:-1] not in shown
            assert RAW.hex() not in shown


def test_owned_roots_are_wiped_and_borrowed_ones_left() -> None:
    secret = Secret.of_bytes(RAW)
    with Root("AES256", secret):
        pass
    assert secret.md5()
    with Root("aws:kms", secret, is_owned=True):
        pass
    with pytest.raises(ValueError, match="closed"):
        secret.md5()


def test_closed_keys_do_nothing_more() -> None:
    keys, _ = begin()
    part = keys.part(1)
    keys.close()
    for act in (lambda: seal(b"", part), lambda: keys.etag(1, MD5), lambda: keys.seal_digest(1, b"etag", b"checksum")):
        with pytest.raises(ValueError, match="closed"):
            act()


def test_a_data_key_that_could_not_be_wrapped_anew_is_wiped_while_the_failure_is_told() -> None:
    keys, stored = begin()
    keys.close()
    useless = root(OTHER)
    useless.close()
    known = open_secrets()
    with root() as old, pytest.raises(ValueError, match="closed") as failure:
        upload_keys.rewrap(old, stored, PLACE.bucket, PLACE.key, useless, PLACE)
    assert open_secrets(known) == [], failure.traceback

"""Checksums from Create to the object, through the library: every algorithm, both types, and the upload that names none."""

import base64
from typing import Any

import pytest

from engine import CompletedPart, Store
from engine.bodies.chunked import ChunkedSource
from engine.checksums import ALGORITHMS, BY_NAME
from tests.support.chunks import RawBody, encode
from tests.support.oracles import ORACLES
from tests.support.refusals import refused
from tests.support.stores import FILE_BODY, contents_of
from tests.support.uploads import OpenUpload, begin, read

BODIES = {1: FILE_BODY, 2: b"inline", 3: FILE_BODY[:17_001]}
WHOLE = b"".join(BODIES.values())
COMPOSITE = [algorithm.name for algorithm in ALGORITHMS if algorithm.name != "CRC64NVME"]
FULL_OBJECT = ["CRC32", "CRC32C", "CRC64NVME"]
KINDS = [(name, "COMPOSITE") for name in COMPOSITE] + [(name, "FULL_OBJECT") for name in FULL_OBJECT]


def b64(value: bytes) -> str:
    return base64.b64encode(value).decode()


def member(name: str) -> str:
    return BY_NAME[name].member


def value_of(name: str, body: bytes) -> str:
    return b64(ORACLES[name](body))


def checksums_in(answer: Any) -> dict[str, str]:
    """The checksums in an answer by algorithm, with their type."""
    names = {name: getattr(answer, BY_NAME[name].member, None) for name in BY_NAME}
    kind = getattr(answer, "checksum_type", None)
    return {name: value for name, value in (names | {"type": kind}).items() if value is not None}


def whole_of(name: str, kind: str) -> str:
    """The checksum that S3 computes for the whole object, from an implementation that is not ours."""
    if kind == "FULL_OBJECT":
        return value_of(name, WHOLE)
    return value_of(name, b"".join(ORACLES[name](body) for body in BODIES.values())) + f"-{len(BODIES)}"


def send(upload: OpenUpload, name: str) -> list[CompletedPart]:
    """Upload the parts with their checksums, and return the list for Complete."""
    listed = []
    for number, body in BODIES.items():
        said = {member(name): value_of(name, body)}
        answer = upload.store.upload_part(upload.bucket, upload.key, upload.upload_id, number, body, **said)
        assert checksums_in(answer) == {name: value_of(name, body)}
        listed.append(CompletedPart(number, answer.etag, **said))
    return listed


@pytest.mark.parametrize(("name", "kind"), KINDS)
def test_what_is_named_at_create_is_kept_and_told_everywhere(tiny: Store, bucket: str, name: str, kind: str) -> None:
    created = tiny.create_multipart_upload(bucket, "key", checksum_algorithm=name, checksum_type=kind)
    assert (created.checksum_algorithm, created.checksum_type) == (name, kind)
    upload = OpenUpload(tiny, bucket, "key", created.upload_id)
    parts = send(upload, name)
    [open_one] = tiny.list_multipart_uploads(bucket).uploads or ()
    listing = upload.list()
    for told in (open_one, listing):
        assert (told.checksum_algorithm, told.checksum_type) == (name, kind)
    assert [checksums_in(part) for part in listing.parts or ()] == [
        {name: value_of(name, body)} for body in BODIES.values()
    ]
    expected = {name: whole_of(name, kind), "type": kind}
    assert checksums_in(upload.complete(parts)) == expected
    assert checksums_in(upload.complete(parts)) == expected, "repeated"
    for reading in (tiny.head_object, tiny.get_object):
        assert checksums_in(reading(bucket, "key", checksum_mode="ENABLED")) == expected
        assert checksums_in(reading(bucket, "key")) == {}
        assert checksums_in(reading(bucket, "key", checksum_mode="ENABLED", range="bytes=1-")) == {}
        assert checksums_in(reading(bucket, "key", checksum_mode="ENABLED", range="bytes=0-")) == expected
        second = {name: value_of(name, BODIES[2]), "type": kind} if kind == "COMPOSITE" else {}
        assert checksums_in(reading(bucket, "key", checksum_mode="ENABLED", part_number=2)) == second
    [listed] = tiny.list_objects_v2(bucket).contents or ()
    assert (listed.checksum_algorithm, listed.checksum_type) == ((name,), kind)
    assert read(tiny, bucket, "key") == WHOLE
    assert tiny.check(deep=True).ok


def test_an_upload_that_names_none_gets_crc64nvme_which_only_its_object_tells(tiny: Store, bucket: str) -> None:
    upload = begin(tiny, bucket)
    parts = [upload.part(1, BODIES[1]), upload.part(2, BODIES[2], checksum_sha1=value_of("SHA1", BODIES[2]))]
    parts.append(upload.part(3, BODIES[3], checksum_xxhash128=value_of("XXHASH128", BODIES[3])))
    listing = upload.list()
    [open_one] = tiny.list_multipart_uploads(bucket).uploads or ()
    assert [checksums_in(told) for told in (listing, open_one, *(listing.parts or ()))] == [{}] * 5
    assert listing.checksum_algorithm is open_one.checksum_algorithm is None
    for kind in ("COMPOSITE", "FULL_OBJECT"):
        text = (
            "The upload was created using the null checksum mode. The complete request must use the same checksum mode."
        )
        with refused("InvalidRequest", text):
            tiny.complete_multipart_upload(bucket, "key", upload.upload_id, parts, checksum_type=kind)
    with refused("InvalidPart", UploadId=upload.upload_id, PartNumber=2, ETag=parts[1].etag.strip('"')):
        upload.complete([parts[0], parts[1]._replace(checksum_sha1=value_of("SHA1", BODIES[2])), parts[2]])
    expected = {"CRC64NVME": value_of("CRC64NVME", WHOLE), "type": "FULL_OBJECT"}
    assert checksums_in(upload.complete(parts)) == expected
    assert checksums_in(tiny.head_object(bucket, "key", checksum_mode="enabled")) == expected


def test_an_upload_that_names_none_may_leave_numbers_out(tiny: Store, bucket: str) -> None:
    upload = begin(tiny, bucket)
    parts = upload.parts({3: b"c", 7: b"d", 10_000: b"e"})
    expected = {"CRC64NVME": value_of("CRC64NVME", b"ce"), "type": "FULL_OBJECT"}
    assert checksums_in(upload.complete([parts[0], parts[2]])) == expected


@pytest.mark.parametrize("kind", ["COMPOSITE", "FULL_OBJECT"])
def test_an_upload_that_names_one_may_not(tiny: Store, bucket: str, kind: str) -> None:
    upload = begin(tiny, bucket, checksum_algorithm="CRC32", checksum_type=kind)
    parts = send(upload, "CRC32")
    for wrong in ([parts[0], parts[2]], parts[1:], parts[1:2]):
        with refused("InvalidPartOrder", UploadId=upload.upload_id):
            upload.complete(wrong)
    assert checksums_in(upload.complete(parts[:2])) != {}, "the last may be left out"


def test_parts_of_a_full_object_may_come_without_and_are_told(tiny: Store, bucket: str) -> None:
    upload = begin(tiny, bucket, checksum_algorithm="CRC32C", checksum_type="FULL_OBJECT")
    answer = tiny.upload_part(bucket, "key", upload.upload_id, 1, b"abc")
    assert checksums_in(answer) == {"CRC32C": "Nks/tw=="}, "what AWS answered"
    assert checksums_in(upload.complete([(1, answer.etag)])) == {"CRC32C": "Nks/tw==", "type": "FULL_OBJECT"}


def test_a_part_that_does_not_fit_its_upload_is_refused_before_its_bytes(tiny: Store, bucket: str) -> None:
    def unread() -> Any:
        raise AssertionError("the body was touched")
        yield b""

    upload = begin(tiny, bucket, checksum_algorithm="SHA256")
    before = contents_of(tiny)
    text = "Checksum Type mismatch occurred, expected checksum Type: sha256, actual checksum Type: {}"
    with refused("InvalidRequest", text.format("null")):
        upload.part(1, unread())
    with refused("InvalidRequest", text.format("crc32")):
        upload.part(1, unread(), checksum_crc32="AAAAAA==")
    trailing = ChunkedSource(RawBody(encode(b"abc", 8192)), 3, trailers=("x-amz-checksum-md5",))
    with refused("InvalidRequest", text.format("md5")):
        upload.part(1, trailing)
    assert contents_of(tiny) == before


@pytest.mark.parametrize("name", COMPOSITE)
def test_a_trailer_is_kept_as_a_header_is(tiny: Store, bucket: str, name: str) -> None:
    upload = begin(tiny, bucket, checksum_algorithm=name)
    header, right = BY_NAME[name].header, value_of(name, FILE_BODY)
    raw = encode(FILE_BODY, 8192, trailers=[(header, right)])
    part = upload.part(1, ChunkedSource(RawBody(raw), len(FILE_BODY), trailers=(header,)))
    [listed] = upload.list().parts or ()
    assert checksums_in(listed) == {name: right}
    upload.complete([part._replace(**{member(name): right})])


@pytest.mark.parametrize(("name", "kind"), KINDS)
def test_the_value_of_the_whole_is_compared(tiny: Store, bucket: str, name: str, kind: str) -> None:
    upload = begin(tiny, bucket, checksum_algorithm=name, checksum_type=kind)
    parts = send(upload, name)
    before = contents_of(tiny)

    def complete(text: str, **said: str) -> Any:
        return tiny.complete_multipart_upload(bucket, "key", upload.upload_id, parts, **{member(name): text}, **said)

    ending = "-3" if kind == "COMPOSITE" else ""
    for wrong in {ending, ""}:
        with refused("BadDigest", f"The {name.lower()} you specified did not match the calculated checksum."):
            complete(value_of(name, b"another") + wrong)
    with refused("InvalidRequest", f"Value for {BY_NAME[name].header} header is invalid."):
        complete(value_of(name, WHOLE) + ("-" if ending else "-3"))
    assert contents_of(tiny) == before
    shortened = whole_of(name, kind).removesuffix(
        ending
    )  # of a COMPOSITE one the count may be left out; it is shown all the same
    assert checksums_in(complete(shortened, checksum_type=kind)) == {
        name: whole_of(name, kind),
        "type": kind,
    }


@pytest.mark.parametrize("name", BY_NAME)
def test_a_plain_object_keeps_what_it_came_with(tiny: Store, bucket: str, name: str) -> None:
    expected = {name: value_of(name, FILE_BODY), "type": "FULL_OBJECT"}
    assert (
        checksums_in(tiny.put_object(bucket, "key", FILE_BODY, **{member(name): value_of(name, FILE_BODY)})) == expected
    )
    for said in ({}, {"part_number": 1}):
        assert checksums_in(tiny.head_object(bucket, "key", checksum_mode="ENABLED", **said)) == expected
    [listed] = tiny.list_objects(bucket).contents or ()
    assert (listed.checksum_algorithm, listed.checksum_type) == ((name,), "FULL_OBJECT")
    assert tiny.check(deep=True).ok


@pytest.mark.parametrize(("name", "kind"), KINDS)
def test_copies_keep_or_change_the_kind(tiny: Store, bucket: str, name: str, kind: str) -> None:
    upload = begin(tiny, bucket, checksum_algorithm=name, checksum_type=kind)
    upload.complete(send(upload, name))
    kept = tiny.copy_object(bucket, "kept", f"{bucket}/key").copy_object_result
    assert checksums_in(kept) == {name: value_of(name, WHOLE), "type": "FULL_OBJECT"}
    other = "SHA1" if name != "SHA1" else "XXHASH3"
    changed = tiny.copy_object(bucket, "changed", f"{bucket}/key", checksum_algorithm=other).copy_object_result
    assert checksums_in(changed) == {other: value_of(other, WHOLE), "type": "FULL_OBJECT"}
    copied = begin(tiny, bucket, "parts", checksum_algorithm=name, checksum_type=kind)
    part = tiny.upload_part_copy(bucket, "parts", copied.upload_id, 1, f"{bucket}/kept").copy_part_result
    assert checksums_in(part) == {name: value_of(name, WHOLE)}
    unnamed = begin(tiny, bucket, "unnamed")
    part = tiny.upload_part_copy(bucket, "unnamed", unnamed.upload_id, 1, f"{bucket}/kept").copy_part_result
    assert checksums_in(part) == {}
    assert tiny.check(deep=True).ok


def test_a_list_with_checksums_is_another_than_one_without(tiny: Store, bucket: str) -> None:
    upload = begin(tiny, bucket, checksum_algorithm="CRC32", checksum_type="FULL_OBJECT")
    parts = send(upload, "CRC32")
    upload.complete(parts)
    with refused("NoSuchUpload", UploadId=upload.upload_id):
        upload.complete([part[:2] for part in parts])


@pytest.mark.parametrize(
    "wrong", [(1,), (1, "etag", None), ("1", "etag"), (1, b"etag"), (1, "etag", *[1] * 10), 7, None]
)
def test_what_is_no_part_in_a_list_is_malformed(tiny: Store, bucket: str, wrong: Any) -> None:
    upload = begin(tiny, bucket)
    with refused("MalformedXML"):
        upload.complete([wrong])

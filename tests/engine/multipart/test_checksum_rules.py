"""The checksum rules of multipart uploads, with the answers that AWS gave to each combination."""

import base64
import hashlib
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.checksums import ALGORITHMS, BY_NAME, ChecksumPromise
from engine.meta.records import ChecksumPlan, StoredChecksum
from engine.multipart.checksum_rules import (
    Listed,
    WholeChecksum,
    all_match,
    check_listed_part,
    check_numbers,
    check_part,
    checksum_of_whole,
    plan_of,
    planned_algorithm,
)
from engine.objects.checksums import object_checksum_members
from tests.support.oracles import ORACLES
from tests.support.refusals import refused

NAMES = [algorithm.name for algorithm in ALGORITHMS]
CRCS = ["CRC32", "CRC32C", "CRC64NVME"]
ETAG = "c4c753e69bb853187f5854c46cf801c6"
UNNAMED = ChecksumPlan()
COMPOSITE = [ChecksumPlan(name, "COMPOSITE") for name in NAMES if name != "CRC64NVME"]
FULL_OBJECT = [ChecksumPlan(name, "FULL_OBJECT") for name in CRCS]


def b64(value: bytes) -> str:
    return base64.b64encode(value).decode()


def entry(**values: str) -> dict[str, str]:
    """The checksums listed for one part, by algorithm."""
    return values


def column(*entries: dict[str, str]) -> Listed:
    """The checksums listed for all parts, in columns."""
    return {name: [each.get(name) for each in entries] for each in entries for name in each}


def of(plan: ChecksumPlan, data: bytes) -> bytes:
    return ORACLES[plan.algorithm or "CRC64NVME"](data)


def check(plan: ChecksumPlan, said: dict[str, str], held: bytes, number: int = 1) -> None:
    check_listed_part(plan, "upload-id", number, ETAG, said, held)


@pytest.mark.parametrize("name", NAMES)
def test_the_type_by_default_is_composite_but_for_crc64nvme(name: str) -> None:
    expected = "FULL_OBJECT" if name == "CRC64NVME" else "COMPOSITE"
    assert plan_of(name, None) == plan_of(name.lower(), None) == ChecksumPlan(name, expected)


def test_without_an_algorithm_crc64nvme_of_the_whole_is_kept_unseen() -> None:
    assert plan_of(None, None) == ChecksumPlan(None, "FULL_OBJECT")
    assert planned_algorithm(plan_of(None, None)).name == "CRC64NVME"


@pytest.mark.parametrize("type", ["COMPOSITE", "FULL_OBJECT"])
@pytest.mark.parametrize("name", NAMES)
def test_crcs_can_be_of_the_full_object_and_all_but_crc64nvme_composite(name: str, type: str) -> None:
    if (name in CRCS) if type == "FULL_OBJECT" else name != "CRC64NVME":
        assert plan_of(name, type) == ChecksumPlan(name, type)  # type: ignore[arg-type]
        assert planned_algorithm(plan_of(name, type)) is BY_NAME[name]
    else:
        text = f"The {type} checksum type cannot be used with the {name.lower()} checksum algorithm."
        with refused("InvalidRequest", text):
            plan_of(name, type)


@pytest.mark.parametrize("type", ["COMPOSITE", "FULL_OBJECT", "NONE", ""])
def test_a_type_without_an_algorithm_is_refused(type: str) -> None:
    text = "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header."
    with refused("InvalidRequest", text):
        plan_of(None, type)


@pytest.mark.parametrize("type", ["", "composite", "FULL"])
def test_an_unknown_type_is_refused(type: str) -> None:
    with refused("InvalidRequest", "Value for x-amz-checksum-type header is invalid."):
        plan_of("CRC32", type)


@pytest.mark.parametrize("name", ["TEST", "", "CRC-32", "SHA-256"])
def test_an_unknown_algorithm_is_refused(name: str) -> None:
    text = (
        "Checksum algorithm provided is unsupported. Please try again with any of the valid types: "
        "[CRC32, CRC32C, CRC64NVME, MD5, SHA1, SHA256, SHA512, XXHASH128, XXHASH3, XXHASH64]"
    )
    with refused("InvalidRequest", text):
        plan_of(name, None)


def mismatch(expected: str, actual: str) -> str:
    return f"Checksum Type mismatch occurred, expected checksum Type: {expected}, actual checksum Type: {actual}"


@pytest.mark.parametrize("plan", COMPOSITE + FULL_OBJECT)
@pytest.mark.parametrize("name", NAMES)
def test_a_part_must_come_with_the_algorithm_of_its_upload(plan: ChecksumPlan, name: str) -> None:
    promise = ChecksumPromise(BY_NAME[name], None)
    if name == plan.algorithm:
        check_part(plan, promise)
    else:
        with refused("InvalidRequest", mismatch(str(plan.algorithm).lower(), name.lower())):
            check_part(plan, promise)


def test_a_part_without_a_checksum_is_for_full_objects_only() -> None:
    for plan in (*FULL_OBJECT, UNNAMED):
        check_part(plan, None)
    for plan in COMPOSITE:
        with refused("InvalidRequest", mismatch(str(plan.algorithm).lower(), "null")):
            check_part(plan, None)


@pytest.mark.parametrize("name", NAMES)
def test_a_part_of_an_upload_that_names_none_may_come_with_any(name: str) -> None:
    check_part(UNNAMED, ChecksumPromise(BY_NAME[name], b""))


@pytest.mark.parametrize("plan", COMPOSITE + FULL_OBJECT)
def test_the_right_checksum_in_the_list_is_taken(plan: ChecksumPlan) -> None:
    held = of(plan, b"part")
    right = entry(**{str(plan.algorithm): b64(held)})
    check(plan, right, held)
    assert all_match(plan, column(right, right), [held, held])
    assert not all_match(plan, column(right, right), [held, of(plan, b"other")])


@pytest.mark.parametrize("plan", COMPOSITE + FULL_OBJECT)
def test_another_value_in_the_list_is_an_invalid_part(plan: ChecksumPlan) -> None:
    wrong = entry(**{str(plan.algorithm): b64(of(plan, b"other"))})
    with refused("InvalidPart", UploadId="upload-id", PartNumber=2, ETag=ETAG):
        check(plan, wrong, of(plan, b"part"), number=2)


@pytest.mark.parametrize("plan", COMPOSITE)
def test_a_composite_upload_needs_the_checksum_of_each_part_in_the_list(plan: ChecksumPlan) -> None:
    held = of(plan, b"part")
    name = str(plan.algorithm).lower()
    text = (
        f"The upload was created using a {name} checksum. The complete request must include the checksum for each part. "
        "It was missing for part 7 in the request."
    )
    for nothing in ({}, entry()):
        assert not all_match(plan, column(nothing), [held])
        with refused("InvalidRequest", text):
            check(plan, nothing, held, number=7)


@pytest.mark.parametrize("plan", [*FULL_OBJECT, UNNAMED])
def test_other_uploads_do_not(plan: ChecksumPlan) -> None:
    held = of(plan, b"part")
    assert all_match(plan, column({}, entry()), [held, held])
    check(plan, entry(), held)


@pytest.mark.parametrize("name", NAMES)
def test_an_upload_that_named_none_takes_none_in_the_list_not_even_the_right_one(name: str) -> None:
    held = ORACLES["CRC64NVME"](b"part")
    given = entry(**{name: b64(ORACLES[name](b"part"))})
    assert not all_match(UNNAMED, column(given), [held])
    with refused("InvalidPart", UploadId="upload-id", PartNumber=1, ETag=ETAG):
        check(UNNAMED, given, held)


def test_another_algorithm_in_the_list_is_a_bad_digest_in_lower_case() -> None:
    given = entry(SHA256=b64(ORACLES["SHA256"](b"abc")))
    for plan in (ChecksumPlan("CRC32", "COMPOSITE"), ChecksumPlan("CRC32C", "FULL_OBJECT")):
        assert not all_match(plan, column(given), [of(plan, b"abc")])
        with refused("BadDigest", "The sha256 you specified for part 1 did not match what we received."):
            check(plan, given, of(plan, b"abc"))


@pytest.mark.parametrize("plan", COMPOSITE + FULL_OBJECT)
def test_what_is_no_value_or_two_of_them_in_the_list_is_an_invalid_argument(plan: ChecksumPlan) -> None:
    held, name = of(plan, b"part"), str(plan.algorithm)
    other = "SHA1" if name != "SHA1" else "CRC32"
    both = entry(**{name: b64(held), other: b64(ORACLES[other](b"part"))})
    wrong = [entry(**{name: text}) for text in ("?", b64(held[:-1]), b64(held + b"x"), b64(held) + "-1")]
    for said in (both, *wrong):
        assert not all_match(plan, column(said), [held])
        with refused(
            "InvalidArgument", "Invalid Base64 or multiple checksums present in request", ArgumentName="Checksum"
        ):
            check(plan, said, held)


def test_numbers_are_consecutive_from_1_where_an_algorithm_is_named() -> None:
    for plan in (COMPOSITE[0], FULL_OBJECT[0]):
        check_numbers(plan, [1, 2, 3], "upload-id")
        for numbers in ([2], [1, 3], [2, 3], [1, 2, 10_000]):
            with refused("InvalidPartOrder", UploadId="upload-id"):
                check_numbers(plan, numbers, "upload-id")
    check_numbers(UNNAMED, [5, 10_000], "upload-id")


# What AWS answered for an upload of 5242881, 5242881 and 10 letters a.
CAPTURED = {
    ("CRC32C", "COMPOSITE"): "XF5+4A==",
    ("CRC32C", "FULL_OBJECT"): "eTdAQA==",
    ("CRC64NVME", "FULL_OBJECT"): "ZMNX55lZurA=",
}
CAPTURED_PARTS = {
    "CRC32C": ["2/Ckiw==", "2/Ckiw==", "5yZkMA=="],
    "CRC64NVME": ["Kg7TOs6algM=", "Kg7TOs6algM=", "DBqAA21lxVU="],
}


@pytest.mark.parametrize(("name", "type"), CAPTURED)
def test_the_checksum_of_the_whole_is_what_aws_answered(name: str, type: str) -> None:
    plan = plan_of(name, type)
    parts = [base64.b64decode(text) for text in CAPTURED_PARTS[name]]
    whole = checksum_of_whole(plan, parts, [5_242_881, 5_242_881, 10])
    assert (whole.algorithm, whole.type, b64(whole.value)) == (name, type, CAPTURED[name, type])


@settings(max_examples=50)
@given(pieces=st.lists(st.binary(max_size=50), min_size=1, max_size=5))
def test_the_checksum_of_the_whole_is_that_of_all_bytes_or_of_all_checksums(pieces: list[bytes]) -> None:
    for plan in [*FULL_OBJECT, UNNAMED, *COMPOSITE]:
        held = [of(plan, piece) for piece in pieces]
        message = b"".join(pieces if plan.type == "FULL_OBJECT" else held)
        whole = checksum_of_whole(plan, held, list(map(len, pieces)))
        assert whole == StoredChecksum(plan.algorithm or "CRC64NVME", plan.type, of(plan, message))


def mode(name: str) -> str:
    return (
        f"The upload was created using the {name} checksum mode. The complete request must use the same checksum mode."
    )


@pytest.mark.parametrize("named", ["COMPOSITE", "FULL_OBJECT", "OTHER"])
@pytest.mark.parametrize("plan", [*COMPOSITE, *FULL_OBJECT, UNNAMED])
def test_the_type_at_complete_must_be_that_of_create(plan: ChecksumPlan, named: str) -> None:
    claim = WholeChecksum.of({"checksum_type": named})
    WholeChecksum.of({}).check_form(plan)
    if plan.algorithm is not None and named == plan.type:
        claim.check_form(plan)
    else:
        with refused("InvalidRequest", mode(plan.type if plan.algorithm is not None else "null")):
            claim.check_form(plan)


CRC32_FULL = StoredChecksum("CRC32", "FULL_OBJECT", zlib.crc32(b"abc").to_bytes(4, "big"))
SHA1_COMPOSITE = StoredChecksum("SHA1", "COMPOSITE", hashlib.sha1(b"abc").digest())
SHA1 = b64(SHA1_COMPOSITE.value)


def test_the_right_value_of_the_whole_is_taken() -> None:
    WholeChecksum.of({}).check_value(CRC32_FULL, 1)
    WholeChecksum.of({"checksum_crc32": b64(CRC32_FULL.value)}).check_value(CRC32_FULL, 3)
    for text in (SHA1 + "-3", SHA1):  # minio-go with trailing headers sends no count of parts
        claim = WholeChecksum.of({"checksum_sha1": text})
        claim.check_form(ChecksumPlan(SHA1_COMPOSITE.algorithm, SHA1_COMPOSITE.type))
        claim.check_value(SHA1_COMPOSITE, 3)


@pytest.mark.parametrize(
    ("whole", "member", "text", "named"),
    [
        (CRC32_FULL, "checksum_crc32", "AAAAAA==", "crc32"),
        (CRC32_FULL, "checksum_crc32_c", b64(CRC32_FULL.value), "crc32"),
        (CRC32_FULL, "checksum_sha256", b64(hashlib.sha256(b"abc").digest()), "crc32"),
        (SHA1_COMPOSITE, "checksum_sha1", SHA1 + "-2", "sha1"),
        (SHA1_COMPOSITE, "checksum_sha1", SHA1 + "-" + "9" * 5000, "sha1"),
        (SHA1_COMPOSITE, "checksum_sha1", b64(bytes(20)) + "-3", "sha1"),
        (SHA1_COMPOSITE, "checksum_sha1", b64(bytes(20)), "sha1"),
    ],
)  # fmt: skip
def test_another_value_of_the_whole_is_a_bad_digest_of_the_uploads_algorithm(
    whole: StoredChecksum, member: str, text: str, named: str
) -> None:
    with refused("BadDigest", f"The {named} you specified did not match the calculated checksum."):
        WholeChecksum.of({member: text}).check_value(whole, 3)


@pytest.mark.parametrize(
    ("whole", "member", "text", "header"),
    [
        (CRC32_FULL, "checksum_crc32", "abc", "crc32"),
        (CRC32_FULL, "checksum_crc32", b64(CRC32_FULL.value) + "-1", "crc32"),
        (CRC32_FULL, "checksum_crc32", "", "crc32"),
        (SHA1_COMPOSITE, "checksum_sha1", SHA1[:-4], "sha1"),
        (SHA1_COMPOSITE, "checksum_sha1", "", "sha1"),
        (SHA1_COMPOSITE, "checksum_sha1", "-3", "sha1"),
        (SHA1_COMPOSITE, "checksum_sha1", SHA1 + "-3-3", "sha1"),
        (SHA1_COMPOSITE, "checksum_sha1", SHA1 + "-x", "sha1"),
        (SHA1_COMPOSITE, "checksum_sha1", SHA1 + "-", "sha1"),
    ],
)
def test_what_is_no_value_of_the_whole_is_invalid(whole: StoredChecksum, member: str, text: str, header: str) -> None:
    with refused("InvalidRequest", f"Value for x-amz-checksum-{header} header is invalid."):
        WholeChecksum.of({member: text}).check_form(ChecksumPlan(whole.algorithm, whole.type))
    with refused("InvalidRequest", f"Value for x-amz-checksum-{header} header is invalid."):
        WholeChecksum.of({member: text}).check_value(whole, 3)


def test_two_values_of_the_whole_are_refused() -> None:
    text = "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed."
    with refused("InvalidRequest", text):
        WholeChecksum.of({"checksum_crc32": "AAAAAA==", "checksum_sha1": SHA1, "if_match": "x"})


def test_a_composite_value_is_shown_with_its_count_where_it_is_asked_for() -> None:
    assert object_checksum_members(SHA1_COMPOSITE, 3) == {"checksum_sha1": SHA1 + "-3", "checksum_type": "COMPOSITE"}
    assert object_checksum_members(SHA1_COMPOSITE) == {"checksum_sha1": SHA1, "checksum_type": "COMPOSITE"}
    expected = {"checksum_crc32": b64(CRC32_FULL.value), "checksum_type": "FULL_OBJECT"}
    assert object_checksum_members(CRC32_FULL, 3) == object_checksum_members(CRC32_FULL) == expected

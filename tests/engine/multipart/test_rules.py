"""The rules of Complete as pure functions, with hypothesis against a plain statement of each."""

from collections.abc import Sequence
from hashlib import md5

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import EntityTooLarge, EntityTooSmall, InternalError, InvalidPart, InvalidPartOrder
from engine.limits import GIB, MIB, Limits
from engine.meta.parts import PartRecord, Parts
from engine.meta.records import ChecksumPlan
from engine.multipart.rules import PartList, check_part_number, select
from tests.support.refusals import refused

LIMITS = Limits(part_size_bytes_min=10, object_size_bytes_max=1000)
UPLOAD_ID = "upload-id"


def part(number: int, size: int = 10) -> PartRecord:
    etag = md5(b"%d" % number).digest()
    return PartRecord(number, size, 0, etag, etag, checksum=etag[:8], algorithm="CRC64NVME")


def held(parts: Sequence[PartRecord]) -> Parts:
    return Parts(b"".join(each.pack() for each in parts))


def listed(*parts: PartRecord) -> PartList:
    return PartList.of([(each.number, each.etag.hex()) for each in parts], UPLOAD_ID, LIMITS)


def test_the_limits_are_s3s() -> None:
    limits = Limits()
    assert (limits.part_number_max, limits.part_size_bytes_min, limits.part_size_bytes_max) == (
        10_000,
        5 * MIB,
        5 * GIB,
    )
    assert limits.object_size_bytes_max == 10_000 * 5 * GIB == 53_687_091_200_000
    assert limits.put_size_bytes_max == 5 * GIB
    assert (limits.key_size_bytes_max, limits.metadata_size_bytes_max, limits.header_size_bytes_max) == (
        1024,
        2048,
        8192,
    )
    assert (limits.page_size_max, limits.integer_max) == (1000, 2_147_483_647)


def test_an_empty_list_is_refused() -> None:
    with refused("InvalidRequest", "You must specify at least one part"):
        PartList.of([], UPLOAD_ID, LIMITS)


@pytest.mark.parametrize("number", [0, -1, -10_001])
def test_a_list_with_a_number_below_1_is_refused(number: int) -> None:
    with refused("InvalidArgument", "PartNumber must be >= 1", ArgumentName="PartNumber", ArgumentValue=number):
        PartList.of([(number, "etag"), (1, "etag")], UPLOAD_ID, LIMITS)


@pytest.mark.parametrize(
    "pair", [("1", "etag"), (1, None), (None, "etag"), (True, "etag"), (1.0, "etag"), (1, b"etag")]
)
def test_a_list_of_anything_but_numbers_and_texts_is_malformed(pair: tuple[int, str]) -> None:
    with refused("MalformedXML"):
        PartList.of([pair], UPLOAD_ID, LIMITS)


def test_a_list_of_10000_parts_is_taken_and_one_more_is_malformed() -> None:
    pairs = [(number, "etag") for number in range(1, 10_001)]
    assert len(PartList.of(pairs, UPLOAD_ID, LIMITS).numbers) == 10_000
    with refused("MalformedXML"):
        PartList.of([*pairs, (10_001, "etag")], UPLOAD_ID, LIMITS)


@pytest.mark.parametrize("numbers", [[2, 1], [1, 1], [1, 3, 2], [1, 2, 2], [10_000, 1]])
def test_a_list_that_does_not_ascend_strictly_is_refused(numbers: list[int]) -> None:
    with refused("InvalidPartOrder", UploadId=UPLOAD_ID):
        PartList.of([(number, "etag") for number in numbers], UPLOAD_ID, LIMITS)


@given(st.lists(st.integers(1, 10_000), min_size=1, max_size=12))
def test_a_list_is_taken_just_when_it_ascends_strictly(numbers: list[int]) -> None:
    pairs = [(number, "etag") for number in numbers]
    if numbers == sorted(set(numbers)):
        assert list(PartList.of(pairs, UPLOAD_ID, LIMITS).numbers) == numbers
    else:
        with pytest.raises(InvalidPartOrder):
            PartList.of(pairs, UPLOAD_ID, LIMITS)


def test_lists_have_one_digest_just_when_they_mean_the_same() -> None:
    def digest(*pairs: tuple[int, str]) -> bytes:
        return PartList.of(pairs, UPLOAD_ID, LIMITS).digest()

    assert digest((1, '"AB"'), (2, "cd")) == digest((1, "ab"), (2, '"cd"'))
    others = [
        [(1, "ab")],
        [(1, "ab"), (3, "cd")],
        [(1, "ab"), (2, "ce")],
        [(1, "abcd")],
        [(12, "cd")],
        [(1, "2\nab\ncd")],
    ]
    assert len({digest(*pairs) for pairs in [*others, [(1, "ab"), (2, "cd")]]}) == len(others) + 1


HELD = st.lists(st.integers(1, 40), unique=True, max_size=20).map(sorted)


@given(HELD, st.data())
def test_any_ascending_choice_of_the_parts_held_is_published_and_the_rest_is_freed(
    numbers: list[int], data: st.DataObject
) -> None:
    if not numbers:
        return
    chosen = sorted(data.draw(st.sets(st.sampled_from(numbers), min_size=1)))
    publication = select(
        held([part(number) for number in numbers]), listed(*map(part, chosen)), UPLOAD_ID, LIMITS, ChecksumPlan()
    )
    assert [each.number for each in publication.manifest] == chosen
    assert [each.number for each in publication.unlisted] == sorted(set(numbers) - set(chosen))
    whole = md5(b"".join(part(number).etag for number in chosen)).hexdigest()
    assert publication.etag == f"{whole}-{len(chosen)}"
    assert publication.manifest.size == 10 * len(chosen)


@given(HELD, st.sets(st.integers(1, 40), min_size=1, max_size=20).map(sorted))
def test_the_first_listed_part_that_is_not_held_is_named(numbers: list[int], chosen: list[int]) -> None:
    missing = [number for number in chosen if number not in numbers]
    if not missing:
        return
    with pytest.raises(InvalidPart) as caught:
        select(
            held([part(number) for number in numbers]), listed(*map(part, chosen)), UPLOAD_ID, LIMITS, ChecksumPlan()
        )
    assert caught.value.extras == {
        "UploadId": UPLOAD_ID,
        "PartNumber": str(missing[0]),
        "ETag": part(missing[0]).etag.hex(),
    }


@given(st.lists(st.integers(0, 30), min_size=1, max_size=10))
def test_just_the_last_listed_part_may_be_too_small(sizes: list[int]) -> None:
    parts = [part(number, size) for number, size in enumerate(sizes, 1)]
    small = [each for each in parts[:-1] if each.size < 10]
    if not small:
        assert select(held(parts), listed(*parts), UPLOAD_ID, LIMITS, ChecksumPlan()).manifest.size == sum(sizes)
        return
    with pytest.raises(EntityTooSmall) as caught:
        select(held(parts), listed(*parts), UPLOAD_ID, LIMITS, ChecksumPlan())
    assert caught.value.extras == {
        "ProposedSize": str(small[0].size),
        "MinSizeAllowed": "10",
        "PartNumber": str(small[0].number),
        "ETag": small[0].etag.hex(),
    }


def test_an_object_of_all_10000_largest_parts_is_just_the_largest_object() -> None:
    limits = Limits()
    parts = [part(number, limits.part_size_bytes_max) for number in range(1, 10_001)]
    pairs = PartList.of([(each.number, each.etag.hex()) for each in parts], UPLOAD_ID, limits)
    publication = select(held(parts), pairs, UPLOAD_ID, limits, ChecksumPlan())
    assert publication.manifest.size == limits.object_size_bytes_max
    assert publication.etag.endswith("-10000")
    with pytest.raises(EntityTooLarge):
        select(held([*parts[:-1], part(10_000, 5 * GIB + 1)]), pairs, UPLOAD_ID, limits, ChecksumPlan())


def test_a_damaged_part_row_is_an_internal_error_not_an_object() -> None:
    rows = held([part(1), part(2)]).rows
    spoilt = bytearray(rows)
    spoilt[len(rows) // 2 + 10] ^= 1
    with pytest.raises(InternalError) as caught:
        select(Parts(bytes(spoilt)), listed(part(1)), UPLOAD_ID, LIMITS, ChecksumPlan())
    assert "damaged: part 2" in str(caught.value)


@pytest.mark.parametrize(("number", "good"), [(0, False), (1, True), (10_000, True), (10_001, False)])
def test_part_numbers_end_at_1_and_10000(number: int, good: bool) -> None:
    if good:
        assert check_part_number(number, Limits()) == number
        return
    text = "Part number must be an integer between 1 and 10000, inclusive"
    with refused("InvalidArgument", text, ArgumentName="partNumber", ArgumentValue=number):
        check_part_number(number, Limits())

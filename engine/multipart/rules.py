"""S3's rules of the multipart family as pure functions: they touch neither disk nor clock.

Source, unless named otherwise: API pages UploadPart and CompleteMultipartUpload, and AWS's own answers to each wrong request.
"""

import hashlib
import itertools
import operator
from collections.abc import Iterable, Sequence

from engine.checksums import ALGORITHMS
from engine.encryption.seals import CLEAR, Seal
from engine.errors import (
    EntityTooLarge,
    EntityTooSmall,
    InvalidArgument,
    InvalidPart,
    InvalidPartOrder,
    InvalidRequest,
    MalformedXML,
)
from engine.limits import Limits
from engine.meta import Publication
from engine.meta.parts import Manifest, Parts
from engine.meta.records import ChecksumPlan
from engine.multipart.checksum_rules import Listed, agree, check_listed_part, check_numbers, checksum_of_whole
from engine.record import Record
from engine.refusals import invalid_part_number
from engine.shapes.answers import CompletedPart

ListedPart = tuple[int, str] | CompletedPart
_LENGTHS = {2, len(CompletedPart._fields)}
_PAIR = "each part must be a pair of a number and an ETag, or a CompletedPart"


class PartList(Record, frozen=True):
    """The list of a Complete: numbers, ETags in lower case without quotes, and checksums, side by side."""

    numbers: list[int]
    etags: list[str]
    checksums: Listed

    @staticmethod
    def of(parts: Iterable[ListedPart], upload_id: str, limits: Limits) -> "PartList":
        """Read a list of (part number, ETag) pairs, or of CompletedParts, which may hold checksums too.

        S3 drops every quote in an ETag, wherever it stands, and so do we.

        Raises:
            InvalidRequest: the list is empty.
            InvalidArgument: a number is below 1.
            InvalidPartOrder: the numbers do not ascend strictly.
            MalformedXML: a pair is not a number and a text, or there are more than 10,000.
        """
        numbers, etags, checksums = _columns(parts, limits.part_number_max)
        if not numbers:
            raise InvalidRequest("You must specify at least one part")
        lowest = min(numbers)
        if lowest < 1:
            raise InvalidArgument("PartNumber must be >= 1", ArgumentName="PartNumber", ArgumentValue=lowest)
        if not all(map(operator.lt, numbers, numbers[1:])):
            raise InvalidPartOrder(UploadId=upload_id)
        return PartList(numbers, [etag.replace('"', "").lower() for etag in etags], checksums)

    def digest(self) -> bytes:
        """What tells one list from another: equal for a repeated Complete."""
        text = "\n".join((str(len(self.numbers)), *map(str, self.numbers), *self.etags))
        for name, column in self.checksums.items():
            text += "\n".join((name, *(value or "" for value in column)))
        return hashlib.sha256(text.encode(errors="replace")).digest()


def _columns(parts: Iterable[ListedPart], count_max: int) -> tuple[list[int], list[str], Listed]:
    """The list as columns, without a step of Python's own for each of ten thousand parts."""
    listed = tuple(itertools.islice(parts, count_max + 1))
    if len(listed) > count_max:
        raise MalformedXML(reason=f"more than {count_max} parts are listed")
    try:
        lengths = set(map(len, listed))
        if len(lengths) > 1:
            listed = tuple(CompletedPart(*part) for part in listed)
        numbers, etags, *columns = zip(*listed, strict=True) if listed else ((), ())
    except (TypeError, ValueError):
        raise MalformedXML(reason=_PAIR) from None
    checksums = {algorithm.name: column for algorithm, column in zip(ALGORITHMS, columns, strict=False) if any(column)}
    texts = set(map(type, etags)).union(*(map(type, column) for column in checksums.values())) - {type(None)}
    if not (lengths <= _LENGTHS and set(map(type, numbers)) <= {int} and texts <= {str} and None not in etags):
        raise MalformedXML(reason=_PAIR)
    return list(numbers), list(etags), checksums


def check_part_number(part_number: object, limits: Limits) -> int:
    """A part number as S3 takes it.

    Raises:
        InvalidArgument: it is no integer between 1 and 10,000.
    """
    if type(part_number) is not int or not 1 <= part_number <= limits.part_number_max:
        raise invalid_part_number(part_number, limits.part_number_max)
    return part_number


def select(
    held: Parts, listed: PartList, upload_id: str, limits: Limits, plan: ChecksumPlan, seal: Seal = CLEAR
) -> Publication:
    """What a Complete publishes: the listed parts in order, the ETag "MD5 of their MD5s, dash, their count", and their checksum.

    `seal` is that of an upload whose checksums are sealed; the one published is in clear.

    Raises:
        InvalidPartOrder: the numbers have gaps, and the upload names a checksum algorithm.
        InvalidPart: a listed part is not held with that ETag, or has another checksum; the first such one is named.
        InvalidRequest, InvalidArgument, BadDigest: of the checksums listed; see `checksum_rules`.
        EntityTooSmall: a listed part other than the last is too small.
        EntityTooLarge: the object would be too large.
    """
    held.verify()
    check_numbers(plan, listed.numbers, upload_id)
    numbers, sizes, etags, sealed = held.columns()
    checksums = seal.reveal(numbers, etags, sealed)
    chosen, unlisted = held, ()
    hex_etags = [etag.hex() for etag in etags]
    if numbers != listed.numbers or hex_etags != listed.etags or not agree(plan, listed.checksums, checksums):
        places = _places(numbers, hex_etags, checksums, listed, upload_id, plan)
        chosen = held.only(places)
        sizes, etags = [sizes[place] for place in places], [etags[place] for place in places]
        checksums = [checksums[place] for place in places]
        left = set(range(len(numbers))).difference(places)
        unlisted = tuple(held[place] for place in sorted(left))
    _check_sizes(sizes, listed, limits)
    whole = hashlib.md5(b"".join(etags), usedforsecurity=False).hexdigest()
    checksum = checksum_of_whole(plan, checksums, sizes)
    return Publication(Manifest.of(chosen, sizes), f"{whole}-{len(etags)}", checksum, unlisted)


def check_object_size(size: int, claimed: int | None) -> None:
    """Compare x-amz-mp-object-size with the bytes of the listed parts.

    Raises:
        InvalidRequest: it is another number.
    """
    if claimed is not None and claimed != size:
        raise InvalidRequest(
            f"The provided 'x-amz-mp-object-size' header value {claimed} does not match what was computed: {size}"
        )


def _places(
    numbers: Sequence[int],
    etags: Sequence[str],
    checksums: Sequence[bytes],
    listed: PartList,
    upload_id: str,
    plan: ChecksumPlan,
) -> list[int]:
    place_of = {number: place for place, number in enumerate(numbers)}
    places = []
    for at, (number, etag) in enumerate(zip(listed.numbers, listed.etags, strict=True)):
        place = place_of.get(number)
        if place is None or etags[place] != etag:
            raise InvalidPart(UploadId=upload_id, PartNumber=number, ETag=etag)
        given = {name: text for name, column in listed.checksums.items() if (text := column[at])}
        check_listed_part(plan, upload_id, number, etag, given, checksums[place])
        places.append(place)
    return places


def _check_sizes(sizes: Sequence[int], listed: PartList, limits: Limits) -> None:
    if len(sizes) > 1 and min(sizes[:-1]) < limits.part_size_bytes_min:
        first = next(i for i, size in enumerate(sizes) if size < limits.part_size_bytes_min)
        raise EntityTooSmall(
            ProposedSize=sizes[first],
            MinSizeAllowed=limits.part_size_bytes_min,
            PartNumber=listed.numbers[first],
            ETag=listed.etags[first],
        )
    size = sum(sizes)
    if size > limits.object_size_bytes_max:
        raise EntityTooLarge(ProposedSize=size, MaxSizeAllowed=limits.object_size_bytes_max)

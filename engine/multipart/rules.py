"""S3's rules about multipart uploads, as pure functions: they use neither disk nor clock.

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
from engine.multipart.checksum_rules import Listed, all_match, check_listed_part, check_numbers, checksum_of_whole
from engine.record import Record
from engine.refusals import invalid_part_number
from engine.shapes.answers import CompletedPart

ListedPart = tuple[int, str] | CompletedPart
_LENGTHS = {2, len(CompletedPart._fields)}
_PAIR = "each part must be a pair of a number and an ETag, or a CompletedPart"


class PartList(Record, frozen=True):
    """The parts that a Complete lists, in columns: numbers, ETags in lower case without quotes, checksums."""

    numbers: list[int]
    etags: list[str]
    checksums: Listed

    @staticmethod
    def of(parts: Iterable[ListedPart], upload_id: str, limits: Limits) -> "PartList":
        """Read a list of (part number, ETag) pairs, or of CompletedParts, which may have checksums too.

        Every quote in an ETag is dropped, wherever it stands, as S3 does.

        Raises:
            InvalidRequest: the list is empty.
            InvalidArgument: a number is below 1.
            InvalidPartOrder: the numbers are not strictly ascending.
            MalformedXML: a pair is not a number and a text, or there are more than 10,000 parts.
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
        """Return the SHA-256 of the list, by which a repeated Complete is recognised."""
        text = "\n".join((str(len(self.numbers)), *map(str, self.numbers), *self.etags))
        for name, column in self.checksums.items():
            text += "\n".join((name, *(value or "" for value in column)))
        return hashlib.sha256(text.encode(errors="replace")).digest()


def _columns(parts: Iterable[ListedPart], count_max: int) -> tuple[list[int], list[str], Listed]:
    """Turn the list into columns with built-ins only: a Python loop over 10,000 parts would be slow."""
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
    """Check a part number, and return it.

    Raises:
        InvalidArgument: it is not an integer within 1..10000.
    """
    if type(part_number) is not int or not 1 <= part_number <= limits.part_number_max:
        raise invalid_part_number(part_number, limits.part_number_max)
    return part_number


def select(
    stored: Parts, listed: PartList, upload_id: str, limits: Limits, plan: ChecksumPlan, seal: Seal = CLEAR
) -> Publication:
    """Make the object that a Complete publishes: the listed parts in order, the ETag "MD5 of their MD5s, dash, count", the checksum.

    `seal` decrypts the checksums of the parts; the Publication's checksum is in clear.

    Raises:
        InvalidPartOrder: the numbers have gaps, and the upload names a checksum algorithm.
        InvalidPart: a listed part is not stored with that ETag, or has another checksum; the first such part is named.
        InvalidRequest, InvalidArgument, BadDigest: the checksum of a listed part is wrong; see `check_listed_part`.
        EntityTooSmall: a listed part other than the last is too small.
        EntityTooLarge: the object would be too large.
    """
    stored.verify()
    check_numbers(plan, listed.numbers, upload_id)
    numbers, sizes, etags, stored_checksums = stored.columns()
    checksums = seal.reveal(numbers, etags, stored_checksums)
    chosen, unlisted = stored, ()
    hex_etags = [etag.hex() for etag in etags]
    if numbers != listed.numbers or hex_etags != listed.etags or not all_match(plan, listed.checksums, checksums):
        indices = _indices_of_listed(numbers, hex_etags, checksums, listed, upload_id, plan)
        chosen = stored.select(indices)
        sizes, etags = [sizes[index] for index in indices], [etags[index] for index in indices]
        checksums = [checksums[index] for index in indices]
        not_listed = set(range(len(numbers))).difference(indices)
        unlisted = tuple(stored[index] for index in sorted(not_listed))
    _check_sizes(sizes, listed, limits)
    whole = hashlib.md5(b"".join(etags), usedforsecurity=False).hexdigest()
    checksum = checksum_of_whole(plan, checksums, sizes)
    return Publication(Manifest.of(chosen, sizes), f"{whole}-{len(etags)}", checksum, unlisted)


def check_object_size(size: int, claimed: int | None) -> None:
    """Compare x-amz-mp-object-size, if it was sent, with the size of the listed parts; both in bytes.

    Raises:
        InvalidRequest: they differ.
    """
    if claimed is not None and claimed != size:
        raise InvalidRequest(
            f"The provided 'x-amz-mp-object-size' header value {claimed} does not match what was computed: {size}"
        )


def _indices_of_listed(
    numbers: Sequence[int],
    etags: Sequence[str],
    checksums: Sequence[bytes],
    listed: PartList,
    upload_id: str,
    plan: ChecksumPlan,
) -> list[int]:
    """Return the indices of the listed parts among the stored ones, after each was checked."""
    index_of = {number: index for index, number in enumerate(numbers)}
    indices = []
    for row, (number, etag) in enumerate(zip(listed.numbers, listed.etags, strict=True)):
        index = index_of.get(number)
        if index is None or etags[index] != etag:
            raise InvalidPart(UploadId=upload_id, PartNumber=number, ETag=etag)
        given = {name: text for name, column in listed.checksums.items() if (text := column[row])}
        check_listed_part(plan, upload_id, number, etag, given, checksums[index])
        indices.append(index)
    return indices


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

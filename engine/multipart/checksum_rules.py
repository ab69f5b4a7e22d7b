"""S3's rules about the checksums of a multipart upload, as pure functions.

They say which algorithm goes with which type, and which checksums UploadPart and Complete must send. An upload that names no algorithm
keeps CRC64NVME of the whole object; clients see it on the object only.

Source, unless named otherwise: API pages CreateMultipartUpload, UploadPart, CompleteMultipartUpload; AWS's own answers to each request.
"""

import binascii
from collections.abc import Mapping, Sequence
from typing import Any, get_args

from engine.checksums import BY_NAME, DEFAULT, Algorithm, ChecksumPromise, find_algorithm, only_value
from engine.errors import BadDigest, InvalidArgument, InvalidPart, InvalidPartOrder, InvalidRequest
from engine.meta.records import ChecksumPlan, ChecksumType, StoredChecksum, UploadRecord
from engine.native.ffi import combine_crcs
from engine.objects.checksums import checksum_member
from engine.record import Record

Listed = Mapping[str, Sequence[str | None]]
"""The checksums that a Complete lists, by algorithm: for each part a base64 text or None. Algorithms that no part has are left out."""


def plan_of(algorithm: str | None, type: str | None) -> ChecksumPlan:
    """Return the checksums that a CreateMultipartUpload requests. The type defaults to FULL_OBJECT for CRC64NVME, else to COMPOSITE.

    Raises:
        InvalidRequest: algorithm or type is unknown, the type comes without an algorithm, or the two do not go together.
    """
    if algorithm is None:
        if type is not None:
            raise InvalidRequest(
                "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header."
            )
        return ChecksumPlan()
    found = find_algorithm(algorithm)
    if type is None:
        return ChecksumPlan(found.name, "FULL_OBJECT" if found is DEFAULT else "COMPOSITE")
    for known in get_args(ChecksumType):
        if type == known:
            _check_compatible(found, known)
            return ChecksumPlan(found.name, known)
    raise InvalidRequest("Value for x-amz-checksum-type header is invalid.")


def _check_compatible(algorithm: Algorithm, type: ChecksumType) -> None:
    if (type == "FULL_OBJECT" and not algorithm.is_crc) or (type == "COMPOSITE" and algorithm is DEFAULT):
        raise InvalidRequest(
            f"The {type} checksum type cannot be used with the {algorithm.name.lower()} checksum algorithm."
        )


def plan_members(plan: ChecksumPlan) -> dict[str, Any]:
    """Return the members of an answer for the algorithm and type of an upload; none if the client named no algorithm."""
    return {} if plan.algorithm is None else {"checksum_algorithm": plan.algorithm, "checksum_type": plan.type}


def planned_algorithm(plan: ChecksumPlan) -> Algorithm:
    """Return the algorithm whose checksum is kept per part.

    Raises:
        InvalidRequest: this machine cannot compute it.
    """
    return find_algorithm(plan.algorithm) if plan.algorithm is not None else DEFAULT


def part_algorithm(upload: UploadRecord) -> Algorithm | None:
    """Return the algorithm whose checksum is kept per part; None for SSE-C uploads that named no algorithm, since Complete has no key.

    Raises:
        InvalidRequest: this machine cannot compute it.
    """
    has_customer_key = upload.encryption is not None and upload.encryption.kind == "SSE-C"
    return None if has_customer_key and upload.checksum.algorithm is None else planned_algorithm(upload.checksum)


def check_part(plan: ChecksumPlan, promise: ChecksumPromise | None, presigned: str | None = None) -> None:
    """Check that a part's checksum is of the upload's algorithm. With the type FULL_OBJECT a part may come without a checksum.

    So may a part whose presigned URL names the upload's algorithm, `presigned`: the value in such a URL is not compared.

    Raises:
        InvalidRequest: the checksum is missing, or of another algorithm.
    """
    actual = promise.algorithm.name if promise is not None else None
    may_be_missing = plan.type == "FULL_OBJECT" or presigned == plan.algorithm
    if plan.algorithm is not None and actual != plan.algorithm and not (actual is None and may_be_missing):
        raise InvalidRequest(
            f"Checksum Type mismatch occurred, expected checksum Type: {plan.algorithm.lower()}, "
            f"actual checksum Type: {actual.lower() if actual is not None else 'null'}"
        )


def check_numbers(plan: ChecksumPlan, numbers: Sequence[int], upload_id: str) -> None:
    """Check that the parts listed are numbered from 1 without gaps, if the upload names an algorithm.

    Raises:
        InvalidPartOrder: there is a gap.

    Source: API page UploadPart, "Part numbers must be consecutive ... when an additional checksum is applied"; we chose the error code.
    """
    if plan.algorithm is not None and numbers[-1] != len(numbers):
        raise InvalidPartOrder(UploadId=upload_id)


def all_match(plan: ChecksumPlan, listed: Listed, stored: Sequence[bytes]) -> bool:
    """Tell whether every listed checksum equals the stored one, or none is listed and none is needed.

    This is the usual case. It is decided for all parts at once; `check_listed_part` finds the error in any other.
    """
    if not listed:
        return plan.type == "FULL_OBJECT"
    if listed.keys() != {plan.algorithm}:
        return False
    return list(listed[plan.algorithm or ""]) == [
        binascii.b2a_base64(value, newline=False).decode() for value in stored
    ]


def check_listed_part(
    plan: ChecksumPlan, upload_id: str, number: int, etag: str, given: Mapping[str, str], stored: bytes
) -> None:
    """Compare the checksums that a Complete lists for one part, by algorithm, with the stored one.

    Raises:
        InvalidPart: the value differs, or the upload named no algorithm.
        InvalidRequest: there is no checksum, and the upload's type is COMPOSITE.
        InvalidArgument: there are several checksums, or the value is not valid base64 of the algorithm's size.
        BadDigest: the checksum is of another algorithm.
    """
    if plan.algorithm is None and given:
        raise InvalidPart(UploadId=upload_id, PartNumber=number, ETag=etag)
    if not given and plan.type == "COMPOSITE":
        raise InvalidRequest(
            f"The upload was created using a {str(plan.algorithm).lower()} checksum. The complete request must include the checksum "
            f"for each part. It was missing for part {number} in the request."
        )
    for name, text in given.items():
        value = BY_NAME[name].decode(text)
        if value is None or len(given) > 1:
            raise InvalidArgument("Invalid Base64 or multiple checksums present in request", ArgumentName="Checksum")
        if name != plan.algorithm:
            raise BadDigest(f"The {name.lower()} you specified for part {number} did not match what we received.")
        if value != stored:
            raise InvalidPart(UploadId=upload_id, PartNumber=number, ETag=etag)


def checksum_of_whole(plan: ChecksumPlan, stored: Sequence[bytes], sizes: Sequence[int]) -> StoredChecksum | None:
    """Return the object's checksum, computed from its parts' checksums and sizes: the combined CRC, or the checksum of the checksums.

    None if the parts have no checksums.
    """
    algorithm, joined = planned_algorithm(plan), b"".join(stored)
    if not joined:
        return None
    if plan.type == "FULL_OBJECT":
        return StoredChecksum(algorithm.name, plan.type, combine_crcs(algorithm.name, joined, sizes))
    return StoredChecksum(algorithm.name, plan.type, algorithm.of(joined))


class WholeChecksum(Record, frozen=True):
    """The checksum that a Complete sends for the whole object: its type, and its algorithm with the value as text."""

    type: str | None
    value: tuple[Algorithm, str] | None

    @staticmethod
    def of(request: Mapping[str, Any]) -> "WholeChecksum":
        """Read the members of a Complete.

        Raises:
            InvalidRequest: there is more than one value.
        """
        return WholeChecksum(request.get("checksum_type"), only_value(request))

    def check_form(self, plan: ChecksumPlan) -> None:
        """Check that the type is the upload's, and that the value is well-formed for it.

        Raises:
            InvalidRequest: the type is another one, or the upload named none; or the value is malformed.
        """
        expected = plan.type if plan.algorithm is not None else None
        if self.type is not None and self.type != expected:
            raise InvalidRequest(
                f"The upload was created using the {expected or 'null'} checksum mode. "
                "The complete request must use the same checksum mode."
            )
        self._parsed(plan.type)

    def check_value(self, computed: StoredChecksum | None, part_count: int) -> None:
        """Compare the value with the computed checksum; if none was computed, any value is wrong.

        Raises:
            InvalidRequest: the value is malformed.
            BadDigest: the value differs.
        """
        if computed is None:
            if self.value is not None:
                raise BadDigest(
                    f"The {self.value[0].name.lower()} you specified did not match the calculated checksum."
                )
            return
        right = {(computed.algorithm, computed.value, count) for count in (None, str(part_count))}
        if self._parsed(computed.type) not in {None, *right}:
            raise BadDigest(f"The {computed.algorithm.lower()} you specified did not match the calculated checksum.")

    def _parsed(self, type: ChecksumType) -> tuple[str, bytes, str | None] | None:
        """Return the algorithm, the value, and the number of parts after the dash of a COMPOSITE value (minio-go leaves it out)."""
        if self.value is None:
            return None
        algorithm, text = self.value
        count = None
        if type == "COMPOSITE" and "-" in text:
            text, _, count = text.rpartition("-")
            text = text if count.isdecimal() else ""
        return algorithm.name, algorithm.parse(text), count


def checksum_members(plan: ChecksumPlan, algorithm: str, value: bytes) -> dict[str, str]:
    """Return the member of an answer for a part's checksum; none if the client named no algorithm for the upload."""
    return checksum_member(algorithm, value) if plan.algorithm is not None else {}

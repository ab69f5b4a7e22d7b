"""S3's rules about checksums in a multipart upload, as pure functions: which kinds go together, what a part and a Complete must say.

An upload that names no algorithm keeps CRC64NVME of the whole, which clients see on the object only.

Source, unless named otherwise: API pages CreateMultipartUpload, UploadPart, CompleteMultipartUpload; AWS's own answers to each request.
"""

import binascii
from collections.abc import Mapping, Sequence
from typing import Any, get_args

from engine.checksums import BY_NAME, DEFAULT, Algorithm, ChecksumPromise, find_algorithm, only_value
from engine.errors import BadDigest, InvalidArgument, InvalidPart, InvalidPartOrder, InvalidRequest
from engine.meta.records import ChecksumPlan, ChecksumType, StoredChecksum, UploadRecord
from engine.native.ffi import combine_crcs
from engine.objects.checksums import shown_value
from engine.record import Record

Listed = Mapping[str, Sequence[str | None]]
"""The checksums in the list of a Complete, by algorithm: one for each part, or None; algorithms that no part names are left out."""


def plan_of(algorithm: str | None, type: str | None) -> ChecksumPlan:
    """What CreateMultipartUpload asks for; without a type, FULL_OBJECT for CRC64NVME and COMPOSITE for all others.

    Raises:
        InvalidRequest: there is no such algorithm or type, a type without an algorithm, or the two do not go together.
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


def named(plan: ChecksumPlan) -> dict[str, Any]:
    """The members of an answer that tell of an upload's checksum what its client named; nothing of what S3 chose itself."""
    return {} if plan.algorithm is None else {"checksum_algorithm": plan.algorithm, "checksum_type": plan.type}


def kept_by(plan: ChecksumPlan) -> Algorithm:
    """What is kept of each part.

    Raises:
        InvalidRequest: it can't be computed on this machine.
    """
    return find_algorithm(plan.algorithm) if plan.algorithm is not None else DEFAULT


def kept_of_part(upload: UploadRecord) -> Algorithm | None:
    """The same for an upload; nothing where a customer's key would seal it and nobody named it: Complete would have no key to open it.

    Raises:
        InvalidRequest: it can't be computed on this machine.
    """
    is_customers = upload.encryption is not None and upload.encryption.kind == "SSE-C"
    return None if is_customers and upload.checksum.algorithm is None else kept_by(upload.checksum)


def check_part(plan: ChecksumPlan, promise: ChecksumPromise | None, presigned: str | None = None) -> None:
    """Hold the checksum that comes with a part against the upload's; one of FULL_OBJECT may come without.

    `presigned` names an algorithm whose value proves nothing: if it is the upload's, the part may come without a checksum too.

    Raises:
        InvalidRequest: it is of another algorithm.
    """
    actual = promise.algorithm.name if promise is not None else None
    optional = actual is None and (plan.type == "FULL_OBJECT" or presigned == plan.algorithm)
    if plan.algorithm is not None and actual != plan.algorithm and not optional:
        raise InvalidRequest(
            f"Checksum Type mismatch occurred, expected checksum Type: {plan.algorithm.lower()}, "
            f"actual checksum Type: {actual.lower() if actual is not None else 'null'}"
        )


def check_numbers(plan: ChecksumPlan, numbers: Sequence[int], upload_id: str) -> None:
    """Where the upload names an algorithm, the parts listed must be numbered from 1 without gaps.

    Raises:
        InvalidPartOrder: they are not.

    Source: API page UploadPart, "Part numbers must be consecutive ... when an additional checksum is applied"; the code is our reading.
    """
    if plan.algorithm is not None and numbers[-1] != len(numbers):
        raise InvalidPartOrder(UploadId=upload_id)


def agree(plan: ChecksumPlan, listed: Listed, held: Sequence[bytes]) -> bool:
    """Whether all parts of a list say just what is held, or all say nothing and need not: the usual case, in one look."""
    if not listed:
        return plan.type == "FULL_OBJECT"
    if listed.keys() != {plan.algorithm}:
        return False
    return list(listed[plan.algorithm or ""]) == [binascii.b2a_base64(value, newline=False).decode() for value in held]


def check_listed_part(
    plan: ChecksumPlan, upload_id: str, number: int, etag: str, given: Mapping[str, str], held: bytes
) -> None:
    """Hold what the list of a Complete says about one part against what is held.

    Raises:
        InvalidPart: another value, or one for an upload that named no algorithm.
        InvalidRequest: none, for an upload of the COMPOSITE type.
        InvalidArgument: more than one, or none that is valid.
        BadDigest: one of another algorithm.
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
        if value != held:
            raise InvalidPart(UploadId=upload_id, PartNumber=number, ETag=etag)


def checksum_of_whole(plan: ChecksumPlan, held: Sequence[bytes], sizes: Sequence[int]) -> StoredChecksum | None:
    """The object's checksum from those of its parts, without their bytes: their CRC combined, or the checksum of their checksums.

    None where the parts have none.
    """
    algorithm, joined = kept_by(plan), b"".join(held)
    if not joined:
        return None
    if plan.type == "FULL_OBJECT":
        return StoredChecksum(algorithm.name, plan.type, combine_crcs(algorithm.name, joined, sizes))
    return StoredChecksum(algorithm.name, plan.type, algorithm.of(joined))


class Claim(Record, frozen=True):
    """What a Complete says of the whole object: the type of its checksum, and its value as it was sent."""

    type: str | None
    value: tuple[Algorithm, str] | None

    @staticmethod
    def of(request: Mapping[str, Any]) -> "Claim":
        """Read the members of a Complete.

        Raises:
            InvalidRequest: more than one value.
        """
        return Claim(request.get("checksum_type"), only_value(request))

    def check_form(self, plan: ChecksumPlan) -> None:
        """Compare the type with the upload's, and see that the value can be one of that type.

        Raises:
            InvalidRequest: another type, or one where the upload named none; or it is no value.
        """
        expected = plan.type if plan.algorithm is not None else None
        if self.type is not None and self.type != expected:
            raise InvalidRequest(
                f"The upload was created using the {expected or 'null'} checksum mode. "
                "The complete request must use the same checksum mode."
            )
        self._parsed(plan.type)

    def check_value(self, whole: StoredChecksum | None, part_count: int) -> None:
        """Compare the value with what was computed; where nothing was, none is right.

        Raises:
            InvalidRequest: it is no value.
            BadDigest: it is another one.
        """
        if whole is None:
            if self.value is not None:
                raise BadDigest(
                    f"The {self.value[0].name.lower()} you specified did not match the calculated checksum."
                )
            return
        right = {(whole.algorithm, whole.value, count) for count in (None, str(part_count))}
        if self._parsed(whole.type) not in {None, *right}:
            raise BadDigest(f"The {whole.algorithm.lower()} you specified did not match the calculated checksum.")

    def _parsed(self, type: ChecksumType) -> tuple[str, bytes, str | None] | None:
        """Algorithm, value, and the count of parts that a COMPOSITE value may have after a dash (minio-go sends none)."""
        if self.value is None:
            return None
        algorithm, text = self.value
        count = None
        if type == "COMPOSITE" and "-" in text:
            text, _, count = text.rpartition("-")
            text = text if count.isdecimal() else ""
        return algorithm.name, algorithm.parse(text), count


def checksum_members(plan: ChecksumPlan, algorithm: str, value: bytes) -> dict[str, str]:
    """The same, where the client named the upload's algorithm."""
    return shown_value(algorithm, value) if plan.algorithm is not None else {}

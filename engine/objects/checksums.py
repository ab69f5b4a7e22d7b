"""The members of answers that show the checksum of an object, or of one of its parts."""

from typing import Any

from engine.checksums import BY_NAME, show
from engine.encryption.seals import Seal
from engine.meta.parts import Manifest, PartRecord
from engine.meta.records import ObjectRecord, StoredChecksum
from engine.objects.conditions import Extent
from engine.shapes.requests import ReadRequest


def of_object(value: bytes, algorithm: str) -> StoredChecksum:
    """Return the checksum to store for an object that came in one piece."""
    return StoredChecksum(algorithm, "FULL_OBJECT", value)


def of_part(part: PartRecord) -> dict[str, str]:
    """Return the member of an answer that shows the checksum of a part, which must not be encrypted."""
    return checksum_member(part.algorithm, part.checksum)


def checksum_member(algorithm: str, value: bytes) -> dict[str, str]:
    """Return the member of an answer that shows a checksum; no member if there is no algorithm."""
    return {BY_NAME[algorithm].member: show(value)} if algorithm else {}


def object_checksum_members(checksum: StoredChecksum | None, part_count: int | None = None) -> dict[str, Any]:
    """Return the members of an answer that show an object's checksum, if it has one; `part_count` is appended to a COMPOSITE one."""
    if checksum is None:
        return {}
    count = f"-{part_count}" if part_count is not None and checksum.type == "COMPOSITE" else ""
    return {BY_NAME[checksum.algorithm].member: show(checksum.value) + count, "checksum_type": checksum.type}


def algorithm_and_type(checksum: StoredChecksum | None) -> tuple[tuple[str, ...] | None, str | None]:
    """Return the members of a listing that name the algorithm and type of an object's checksum: None without one."""
    return (None, None) if checksum is None else ((checksum.algorithm,), checksum.type)


def asks_for_checksum(request: ReadRequest) -> bool:
    """Tell whether a request has x-amz-checksum-mode: ENABLED."""
    return (request.get("checksum_mode") or "").upper() == "ENABLED"


def checksum_of_read(
    record: ObjectRecord, manifest: Manifest, extent: Extent, request: ReadRequest, seal: Seal
) -> dict[str, str]:
    """Return the members of a GetObject or HeadObject answer that show a checksum, if the request asks for it.

    The whole object has one. A part has one only if the object's checksum is COMPOSITE, and a range has none.
    """
    if not asks_for_checksum(request) or record.checksum is None:
        return {}
    part_number = request.get("part_number")
    if part_number is not None and record.checksum.type == "COMPOSITE":
        (part,) = seal.reveal_parts([manifest.parts[part_number - 1]])
        return {**of_part(part), "checksum_type": record.checksum.type}
    if extent.length != record.size:
        return {}
    return object_checksum_members(seal.reveal_whole(record.etag, record.checksum), record.part_count)

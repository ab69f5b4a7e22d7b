"""What an answer tells of the checksum of an object, or of one of its parts."""

from typing import Any

from engine.checksums import BY_NAME, show
from engine.encryption.seals import Seal
from engine.meta.parts import Manifest, PartRecord
from engine.meta.records import ObjectRecord, StoredChecksum
from engine.objects.conditions import Extent
from engine.shapes.requests import ReadRequest


def of_object(value: bytes, algorithm: str) -> StoredChecksum:
    """What is kept of an object that came in one piece."""
    return StoredChecksum(algorithm, "FULL_OBJECT", value)


def of_part(part: PartRecord) -> dict[str, str]:
    """The member of an answer that shows a part's checksum, which is in clear."""
    return shown_value(part.algorithm, part.checksum)


def shown_value(algorithm: str, value: bytes) -> dict[str, str]:
    """The member of an answer that shows a checksum; none without an algorithm."""
    return {BY_NAME[algorithm].member: show(value)} if algorithm else {}


def shown(whole: StoredChecksum | None, part_count: int | None = None) -> dict[str, Any]:
    """The members of an answer that show an object's checksum, if it has one; `part_count` is appended to a COMPOSITE one."""
    if whole is None:
        return {}
    count = f"-{part_count}" if part_count is not None and whole.type == "COMPOSITE" else ""
    return {BY_NAME[whole.algorithm].member: show(whole.value) + count, "checksum_type": whole.type}


def listed(checksum: StoredChecksum | None) -> dict[str, Any]:
    """The members of a listing that tell which checksum an object has."""
    return {} if checksum is None else {"checksum_algorithm": (checksum.algorithm,), "checksum_type": checksum.type}


def asks_for_checksum(request: ReadRequest) -> bool:
    """Whether a request asks for a checksum."""
    return (request.get("checksum_mode") or "").upper() == "ENABLED"


def checksum_of_read(
    record: ObjectRecord, manifest: Manifest, extent: Extent, request: ReadRequest, seal: Seal
) -> dict[str, str]:
    """The members that show the checksum of what a GetObject or HeadObject gives, if it asks for it.

    Of an object whose checksum is COMPOSITE a part has its own; of any other only the whole has one, and a range has none.
    """
    if not asks_for_checksum(request) or record.checksum is None:
        return {}
    part_number = request.get("part_number")
    if part_number is not None and record.checksum.type == "COMPOSITE":
        (part,) = seal.reveal_parts([manifest.parts[part_number - 1]])
        return {**of_part(part), "checksum_type": record.checksum.type}
    if extent.length != record.size:
        return {}
    return shown(seal.reveal_whole(record.etag, record.checksum), record.part_count)

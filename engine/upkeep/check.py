"""Check: every row against the blob it names, every file against the rows."""

from engine.blobs import BlobReader
from engine.bodies.readers import InlineReader, digest_of
from engine.core import Context
from engine.errors import InternalError
from engine.meta.parts import Flag, PartRecord
from engine.native.sealed import HEADER_SIZE, is_header, sealed_size
from engine.upkeep.check_sealed import CheckSealed, has_digests
from engine.upkeep.reports import NAMES_REPORTED_MAX, CheckReport

READ_SIZE = 1024 * 1024


class Check:
    """Checks one store."""

    __slots__ = ("_context", "_sealed")

    def __init__(self, context: Context) -> None:
        self._context = context
        self._sealed = CheckSealed(context)

    def run(self, *, deep: bool) -> CheckReport:
        """Walk rows and files; beside writers at work nothing that comes or goes meanwhile is reported as trouble."""
        trouble: dict[str, list[str]] = {"missing": [], "wrong_size": [], "corrupt": []}
        parts = sealed_parts = 0
        for owner, part in self._context.meta.walk_parts(trouble["corrupt"].append):
            parts += 1
            sealed_parts += bool(part.flags & Flag.SEALED)
            kind = self._trouble_with(part, deep)
            if kind and self._context.meta.holds_part(
                owner, part
            ):  # asked after the look: bytes go only after their rows went
                trouble[kind].append(part.blob_id.hex())
        opened_parts, damaged = self._sealed.run() if deep else (0, [])
        told = {name for names in trouble.values() for name in names}
        trouble["corrupt"] += [name for name in damaged if name not in told]
        files = unnamed = unnamed_bytes = 0
        for blob_id, size in self._context.blobs.walk():
            files += 1
            if not self._context.meta.names_blob(blob_id):
                unnamed += 1
                unnamed_bytes += size
        found = {kind: tuple(names[:NAMES_REPORTED_MAX]) for kind, names in trouble.items()}
        return CheckReport(
            parts=parts, files=files, unnamed_files=unnamed, unnamed_bytes=unnamed_bytes,
            collected_files=0, collected_bytes=0, sealed_parts=sealed_parts, opened_parts=opened_parts, **found,
        )  # fmt: skip

    def _trouble_with(self, part: PartRecord, deep: bool) -> str | None:
        try:
            reader = self._context.blobs.open(part.blob_id) if not part.flags & Flag.INLINE else None
        except InternalError:
            return "missing"
        if reader is None:
            return self._inline_trouble(part)
        try:
            if reader.size != _stored_size(part):
                return "wrong_size"
            return "corrupt" if deep and not is_what_was_stored(part, reader) else None
        except InternalError:  # a bad sector
            return "corrupt"
        finally:
            reader.close()

    def _inline_trouble(self, part: PartRecord) -> str | None:
        try:
            reader = InlineReader(self._context.meta.read_inline(part.blob_id))
        except InternalError:
            return "corrupt"
        return None if reader.size == _stored_size(part) and is_what_was_stored(part, reader) else "corrupt"


def _stored_size(part: PartRecord) -> int:
    return sealed_size(part.size) if part.flags & Flag.SEALED else part.size


def is_what_was_stored(part: PartRecord, reader: BlobReader) -> bool:
    """Whether the bytes have the MD5 and the checksum of their row; of a sealed part, whether they can be read and begin as one."""
    if part.flags & Flag.SEALED:
        return _is_sealed_part(part, reader)
    return has_digests(part, reader, digest_of(part))


def _is_sealed_part(part: PartRecord, reader: BlobReader) -> bool:
    view, at = memoryview(bytearray(READ_SIZE)), 0
    while at < reader.size and (count := reader.read_into(view, at)):
        if at == 0 and not is_header(bytes(view[:HEADER_SIZE]), part.number):
            return False
        at += count
    return at == reader.size

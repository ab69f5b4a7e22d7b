"""Checks every row against the rows and the blob that it names, and every file against the rows. Reap and repair rely on it."""

from collections.abc import Iterator

from engine.blobs import BlobReader
from engine.bodies.readers import InlineReader, digest_of
from engine.core import Context
from engine.errors import InternalError, StoreDamaged
from engine.meta import Trash
from engine.meta.parts import Flag, PartRecord
from engine.native.sealed import HEADER_SIZE, is_header, sealed_size
from engine.record import replace
from engine.upkeep.check_sealed import CheckSealed, has_digests
from engine.upkeep.reports import NAMES_REPORTED_MAX, CheckReport

READ_SIZE = 1024 * 1024
NAMES_IN_ERROR_MAX = 3


_EMPTY_REPORT = CheckReport(
    parts=0,
    files=0,
    missing=(),
    wrong_size=(),
    corrupt=(),
    unnamed_files=0,
    unnamed_bytes=0,
    collected_files=0,
    collected_bytes=0,
)


class Findings:
    """The findings of a check so far, with the first NAMES_REPORTED_MAX of each kind of trouble."""

    def __init__(self) -> None:
        self.can_rows_be_read = True
        self._trouble = {kind: dict[str, None]() for kind in ("missing", "wrong_size", "corrupt", "broken")}
        self.counts = dict.fromkeys(
            ("parts", "sealed_parts", "opened_parts", "files", "unnamed_files", "unnamed_bytes"), 0
        )

    def add(self, kind: str, name: str) -> None:
        """Add a trouble, unless one of the same name, of any kind, was added before."""
        is_new = all(name not in names for names in self._trouble.values())
        if is_new and len(self._trouble[kind]) < NAMES_REPORTED_MAX:
            self._trouble[kind][name] = None

    def report(self) -> CheckReport:
        """Return the report of all findings."""
        trouble = {kind: tuple(names) for kind, names in self._trouble.items()}
        return replace(_EMPTY_REPORT, **self.counts, **trouble)


class Check:
    """Checks one store."""

    __slots__ = ("_context", "_sealed")

    def __init__(self, context: Context) -> None:
        self._context = context
        self._sealed = CheckSealed(context)

    def run(self, *, deep: bool) -> CheckReport:
        """Check rows and files. Others may write meanwhile; no row or file that they add or remove is reported as trouble."""
        findings = Findings()
        for _ in self._inspect(findings, deep):
            pass
        for blob_id, size in self._context.blobs.walk():
            findings.counts["files"] += 1
            if findings.can_rows_be_read and not self._context.meta.names_blob(blob_id):
                findings.counts["unnamed_files"] += 1
                findings.counts["unnamed_bytes"] += size
        return findings.report()

    def prove(self) -> Iterator[None]:
        """Check, in steps, that rows and files belong together, so that files without a row are garbage and may be removed.

        Raises:
            StoreDamaged: they do not belong together.
        """
        findings = Findings()
        # The bytes of small parts are skipped: their rows have check values of their own.
        yield from self._inspect(findings, deep=False, inline=False)
        trouble = findings.report().trouble
        if trouble:
            found = "; ".join(f"{kind}: {', '.join(names[:NAMES_IN_ERROR_MAX])}" for kind, names in trouble.items())
            raise StoreDamaged(
                f"rows and files do not belong together, and nothing was collected: {found}. `partwright check` tells more. "
                "Put the whole store back from a backup, or delete what is damaged"
            )

    def _inspect(self, findings: Findings, deep: bool, inline: bool = True) -> Iterator[None]:
        """Check every row and the rows and blobs that it names, and, with `inline`, the digests of small parts."""
        try:
            yield from self._context.meta.inspect(lambda trouble: findings.add(*trouble))
            for holder, part in self._context.meta.walk_parts(lambda name: findings.add("corrupt", name)):
                if inline or not part.flags & Flag.INLINE:
                    self._inspect_part(findings, holder, part, deep)
                    yield
            if deep:
                for name in self._sealed.run(findings.counts):
                    findings.add("corrupt", name)
        except InternalError as error:
            findings.add("corrupt", str(error.reason))
            findings.can_rows_be_read = False

    def _inspect_part(self, findings: Findings, holder: Trash, part: PartRecord, deep: bool) -> None:
        findings.counts["parts"] += 1
        findings.counts["sealed_parts"] += bool(part.flags & Flag.SEALED)
        kind = self._part_trouble(part, deep)
        # This is read after the file, since files are removed only after their rows.
        if kind and self._context.meta.holds_part(holder, part):
            findings.add(kind, part.blob_id.hex())

    def _part_trouble(self, part: PartRecord, deep: bool) -> str | None:
        try:
            reader = self._context.blobs.open(part.blob_id) if not part.flags & Flag.INLINE else None
        except InternalError:
            return "missing"
        if reader is None:
            return self._inline_trouble(part)
        try:
            if reader.size != _stored_size(part):
                return "wrong_size"
            return "corrupt" if deep and not matches_row(part, reader) else None
        except InternalError:  # such as a bad sector
            return "corrupt"
        finally:
            reader.close()

    def _inline_trouble(self, part: PartRecord) -> str | None:
        try:
            reader = InlineReader(self._context.meta.read_inline(part.blob_id))
        except InternalError:
            return "corrupt"
        return None if reader.size == _stored_size(part) and matches_row(part, reader) else "corrupt"


def _stored_size(part: PartRecord) -> int:
    return sealed_size(part.size) if part.flags & Flag.SEALED else part.size


def matches_row(part: PartRecord, reader: BlobReader) -> bool:
    """Tell whether bytes match MD5 and checksum of their row; sealed ones only must be readable and begin with a part's header."""
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

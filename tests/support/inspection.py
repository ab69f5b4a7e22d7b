"""Compares a store with the ledgers of what was acknowledged, and its counters with its rows."""

import hashlib

import engine
from tests.support.ledger import Fingerprint, Ledger, Outcome
from tests.support.workload import BUCKET


class Difference(AssertionError):
    """The store does not hold what it must."""


def expect(condition: object, message: str) -> None:
    """Raise Difference unless the condition holds."""
    if not condition:
        raise Difference(message)


def observe(store: engine.Store, prefix: str, bucket: str = BUCKET) -> Fingerprint:
    """What the listings show under a prefix, in the form of `Ledger.fingerprint`."""
    uploads = store.list_multipart_uploads(bucket, prefix=prefix)
    objects = store.list_objects_v2(bucket, prefix=prefix)
    assert not uploads.is_truncated
    assert not objects.is_truncated
    seen = {}
    for upload in uploads.uploads or ():
        parts = store.list_parts(bucket, upload.key, upload.upload_id)
        assert not parts.is_truncated
        seen[upload.upload_id] = (upload.key, {part.part_number: (part.etag, part.size) for part in parts.parts or ()})
    return {"uploads": seen, "objects": {item.key: (item.etag, item.size) for item in objects.contents or ()}}


def settle(store: engine.Store, outcome: Outcome, *, empty_uploads_allowed: bool = False) -> Ledger:
    """The ledger the store agrees with: that of all acknowledged operations, with or without the one in doubt.

    `empty_uploads_allowed`: the answer to a Create got lost, and it was tried again.

    Raises:
        Difference: it agrees with neither.
    """
    seen = observe(store, outcome.ledger.prefix)
    if empty_uploads_allowed:
        known = outcome.ledger.uploads
        seen["uploads"] = {name: held for name, held in seen["uploads"].items() if name in known or held[1]}
    candidates = [outcome.ledger]
    if outcome.in_doubt is not None:
        unknown = [name for name in seen["uploads"] if name not in outcome.ledger.uploads]
        if outcome.in_doubt["do"] != "create" or len(unknown) == 1:
            candidates.append(outcome.ledger.after(outcome.in_doubt, unknown[0] if unknown else None))
    for candidate in candidates:
        if candidate.fingerprint() == seen:
            return candidate
    raise Difference(_describe(outcome, seen))


def _describe(outcome: Outcome, seen: Fingerprint) -> str:
    wanted = outcome.ledger.fingerprint()
    lines = [f"{outcome.ledger.prefix}: in doubt: {outcome.in_doubt}"]
    for kind in ("uploads", "objects"):
        for name in sorted({*wanted[kind], *seen[kind]}):
            if wanted[kind].get(name) != seen[kind].get(name):
                lines.append(f"{name}: acknowledged {wanted[kind].get(name)}, found {seen[kind].get(name)}")
    return "\n".join(lines)


def check_counters(store: engine.Store, bucket: str = BUCKET) -> None:
    """Compare `stat` with what the listings add up to.

    Raises:
        Difference: a counter is off.
    """
    seen = observe(store, "", bucket)
    parts = [size for _, parts in seen["uploads"].values() for _, size in parts.values()]
    counted = {
        "objects": len(seen["objects"]),
        "object_bytes": sum(size for _, size in seen["objects"].values()),
        "open_uploads": len(seen["uploads"]),
        "open_parts": len(parts),
        "open_bytes": sum(parts),
    }
    stat = store.stat(bucket)
    told = {name: getattr(stat, name) for name in counted}
    expect(told == counted, f"the counters say {told}, the rows {counted}")


def check_whole(store: engine.Store) -> engine.CheckReport:
    """Run `check(deep=True)`.

    Raises:
        Difference: it found trouble.
    """
    report = store.check(deep=True)
    expect(report.ok, f"check: missing {report.missing}, wrong size {report.wrong_size}, corrupt {report.corrupt}")
    return report


def check_bytes(store: engine.Store, ledger: Ledger, bucket: str = BUCKET) -> None:
    """Read every object and compare each byte.

    Raises:
        Difference: one reads otherwise than it was written.
    """
    for key, stored in ledger.objects.items():
        with store.get_object(bucket, key).body as body:
            read = hashlib.sha256(body.read()).digest()
        wanted = hashlib.sha256(b"".join(piece.data() for piece in stored.pieces)).digest()
        expect(read == wanted, f"{key} reads otherwise than it was written")


def check_nothing_left(store: engine.Store) -> engine.CheckReport:
    """Collect, and see that just the named files remain, and no trash; the store must be open only here.

    Raises:
        Difference: something is left over.
    """
    report = store.check(deep=True, repair=True)
    expect(report.ok, f"check after repair: {report}")
    expect(report.unnamed_files == 0, f"{report.unnamed_files} unnamed files are left after a repair")
    expect(store.stat().trash == 0, f"{store.stat().trash} pieces of trash are left after a repair")
    return report

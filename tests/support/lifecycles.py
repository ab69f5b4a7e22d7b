"""Lifecycle rules set in short words, and what a bucket holds then."""

from typing import Any

from engine import Store
from engine.meta.records import ObjectRecord, Versioning, replace
from tests.support.stores import meta_of


def set_rules(store: Store, bucket: str, *rules: dict[str, Any]) -> None:
    said = [{"status": "Enabled", "filter": {}, **rule} for rule in rules]
    store.put_bucket_lifecycle_configuration(bucket, lifecycle_configuration={"rules": said})


def expire(days: int, **conditions: Any) -> dict[str, Any]:
    return {"expiration": {"days": days}, "filter": conditions}


def remove(days: int, newer: int | None = None) -> dict[str, Any]:
    kept = {} if newer is None else {"newer_noncurrent_versions": newer}
    return {"noncurrent_version_expiration": {"noncurrent_days": days} | kept}


def abort(days: int, **conditions: Any) -> dict[str, Any]:
    return {"abort_incomplete_multipart_upload": {"days_after_initiation": days}, "filter": conditions}


def set_versioning(store: Store, bucket: str, versioning: Versioning) -> None:
    if versioning:
        store.put_bucket_versioning(bucket, versioning_configuration={"status": versioning})


def change(store: Store, bucket: str, key: str, **members: Any) -> None:
    """Change what is kept of the latest version of a key."""

    def changed(found: Any) -> ObjectRecord:
        return replace(found.record, **members)

    meta_of(store).update_object(bucket, key.encode(), None, changed)


def keys(store: Store, bucket: str) -> list[str]:
    return [item.key for item in store.list_objects_v2(bucket).contents or ()]


def versions(store: Store, bucket: str) -> list[tuple[str, str]]:
    """Key and ETag of each version, "" for a delete marker; the latest of a key first."""
    page = meta_of(store).list_versions(bucket, b"", b"", b"", None, 10_000)
    return [(entry.key.decode(), entry.record.etag[:4]) for entry in page.items]

"""Versions of keys against a model that keeps them in plain lists: what is put, deleted, hidden, found and listed, in any order."""

import itertools
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from engine.errors import AccessDenied, BucketNotEmpty, NoSuchKey, NoSuchVersion
from engine.limits import Limits
from engine.meta import NULL_VERSION, Deleted, Deletion, FoundObject, Page, Trash, TrashKind, Usage, Version
from engine.meta.lmdb.objects import VERSIONS_PASSED_MAX
from engine.meta.lmdb.ordered_names import CHUNK_SIZE
from engine.meta.lmdb.steps import create_metadata
from engine.meta.lmdb.uploads import LmdbMetadata
from engine.meta.parts import Flag, PartRecord
from engine.meta.records import BucketRecord, Headers, Lock, ObjectRecord, Versioning, replace

BUCKET = "bucket"
KEYS = [b"a", b"a\x00", b"a/b", b"b" * CHUNK_SIZE, b"b" * (CHUNK_SIZE + 1), b"c" * 1024]
ABSENT = Version(7, b"x" * 16)
MAP_SIZE_BYTES = 1 << 26
keys = st.sampled_from(KEYS)
picks = st.integers(0, 1000)
times = st.integers(1, 50)
PLACES = ("objects", "nulls")
"""The tables of versions."""


@dataclass(frozen=True)
class Row:
    """One version: its etag tells it from all others, a marker has none; `version` is None for the null version."""

    etag: str
    size: int
    version: Version | None


Listed = tuple[bytes, str, bool, bool]
"""Key, ETag, whether it is the null version, whether it is the latest."""


class Comparison(RuleBasedStateMachine):
    """Does each step in LMDB and in the model, and compares."""

    def __init__(self, place: Path) -> None:
        super().__init__()
        path = tempfile.mkdtemp(dir=place)
        create_metadata(path, "identity")
        self._meta = LmdbMetadata(
            path, identity="identity", limits=Limits(), map_size_bytes=MAP_SIZE_BYTES, read_only=False
        )
        self._meta.create_bucket(BUCKET, BucketRecord(1, "0" * 12))
        self._versioning: Versioning = ""
        self._held: dict[bytes, list[Row]] = {}
        self._trash: set[Trash] = set()
        self._ids = itertools.count(1)

    def teardown(self) -> None:
        everything = [
            Deletion(key, row.version or NULL_VERSION, allow) for key, rows in self._held.items() for row in rows
        ]
        self._meta.delete_objects(BUCKET, everything, 1)
        assert self._meta._shared.environment.read(self._is_empty)
        self._meta.delete_bucket(BUCKET)
        self._meta.close()

    def _is_empty(self, txn: Any) -> bool:
        return not any(txn.stat(self._meta._table[table])["entries"] for table in PLACES)

    def rows(self, key: bytes) -> list[Row]:
        return self._held.setdefault(key, [])

    def pick(self, key: bytes, pick: int) -> tuple[Version | None, Row | None]:
        """What to ask for, and what that is: the latest, the null version, one that is there, or one that is not."""
        rows = self.rows(key)
        if pick % 4 == 0:
            return None, rows[0] if rows else None
        if pick % 4 == 1 or not rows:
            return NULL_VERSION, next((row for row in rows if row.version is None), None)
        row = rows[pick % len(rows)]
        return (row.version or NULL_VERSION, row) if pick % 8 != 3 else (ABSENT, None)

    def _replaced(self, key: bytes) -> set[Trash]:
        """Take the null version away, unless versions are kept."""
        gone = [row for row in self.rows(key) if row.version is None and self._versioning != "Enabled"]
        self._held[key] = [row for row in self.rows(key) if row not in gone]
        return {trash_of(row) for row in gone if row.etag}

    @rule(versioning=st.sampled_from(["Enabled", "Suspended"]))
    def set_versioning(self, versioning: Versioning) -> None:
        self._versioning = versioning
        self._meta.update_bucket(BUCKET, lambda record: replace(record, versioning=versioning))

    @rule(key=keys, size=st.integers(0, 9), now=times)
    def put(self, key: bytes, size: int, now: int) -> None:
        number = next(self._ids)
        row = Row(str(number), size, None)
        record = ObjectRecord(trash_of(row).id, size, row.etag, now, None, Headers())
        part = PartRecord(1, size, now, number.to_bytes(16, "big"), bytes(16), Flag.INLINE)
        seen: list[FoundObject | None] = []
        before = self.rows(key)[:1]
        trash = self._replaced(key)
        version, thrown = self._meta.put_object(BUCKET, key, record, part, bytes(size), seen.append, as_said)
        assert [found and found.record.etag for found in seen] == [before[0].etag if before else None]
        assert set(thrown) == trash
        assert (version is None) == (self._versioning == "")
        assert version is None or version.is_null == (self._versioning == "Suspended")
        self.rows(key).insert(0, replace_version(row, version))
        self._trash |= trash

    @rule(key=keys, now=times)
    def put_more_than_a_listing_passes_one_by_one(self, key: bytes, now: int) -> None:
        for _ in range(VERSIONS_PASSED_MAX + 1):
            self.put(key, 1, now)

    @rule(key=keys, pick=picks, now=times)
    def delete(self, key: bytes, pick: int, now: int) -> None:
        asked, wanted = self.pick(key, pick)
        made: Row | None = None
        if asked is None and self._versioning:
            trash = self._replaced(key)
            made = Row("", 0, None)
        else:
            trash = {trash_of(wanted)} if wanted and wanted.etag else set()
            self._held[key] = [row for row in self.rows(key) if row is not wanted]
        (result,) = self._meta.delete_objects(BUCKET, [Deletion(key, asked, allow)], now)
        assert isinstance(result, Deleted)
        assert set(result.trash) == trash
        if made is not None:
            assert result.version is not None
            self.rows(key).insert(0, replace_version(made, result.version))
        assert result.is_delete_marker == (made is not None or (wanted is not None and not wanted.etag))
        assert (result.version is None) == (self._versioning == "" and asked is None)
        self._trash |= trash

    @rule(key=keys, pick=picks)
    def refuse_to_delete(self, key: bytes, pick: int) -> None:
        asked, _ = self.pick(key, pick)
        results = self._meta.delete_objects(BUCKET, [Deletion(key, asked, refuse)], 1)
        assert [type(result) for result in results] == [AccessDenied]

    @rule(key=keys, pick=picks)
    def find_and_change(self, key: bytes, pick: int) -> None:
        asked, wanted = self.pick(key, pick)
        if wanted is None:
            with pytest.raises(NoSuchKey if asked is None else NoSuchVersion):
                self._meta.find_object(BUCKET, key, asked)
            return
        found = self._meta.find_object(BUCKET, key, asked)
        changed = self._meta.update_object(BUCKET, key, asked, lambda found: replace(found.record, tags={"a": "b"}))
        assert found.record.etag == wanted.etag
        assert (found.version is None) == (self._versioning == "")
        assert found.version is None or found.version.is_null == (wanted.version is None)
        assert changed == self._meta.find_object(BUCKET, key, asked) == replace_tags(found)

    @rule(
        prefix=st.sampled_from([b"", b"a", b"b", b"zz"]), delimiter=st.sampled_from([b"", b"/"]), size=st.integers(1, 4)
    )
    def list_in_pages(self, prefix: bytes, delimiter: bytes, size: int) -> None:
        entries: list[Listed | bytes] = []
        marker, version = b"", None
        while True:
            page = self._meta.list_versions(BUCKET, prefix, delimiter, marker, version, size)
            assert len(page.items) + len(page.common_prefixes) <= size
            entries += merged(page)
            if not page.is_truncated:
                break
            marker = last_name(entries[-1])
            version = None if isinstance(entries[-1], bytes) else page.items[-1].version
            if version is not None and version.is_null:
                version = NULL_VERSION
        assert entries == list(self.listed(prefix, delimiter))

    def listed(self, prefix: bytes, delimiter: bytes) -> Iterator[Listed | bytes]:
        """What a listing of versions shows: entries, and common prefixes once."""
        shown = set()
        for key in sorted(self._held):
            head, found, _ = key[len(prefix) :].partition(delimiter) if delimiter else (key, b"", b"")
            if not key.startswith(prefix) or not self._held[key]:
                continue
            if found:
                if prefix + head + found not in shown:
                    shown.add(prefix + head + found)
                    yield prefix + head + found
                continue
            for at, row in enumerate(self._held[key]):
                yield key, row.etag, row.version is None, at == 0

    @invariant()
    def lists_all_versions(self) -> None:
        assert merged(self._meta.list_versions(BUCKET, b"", b"", b"", None, 1000)) == list(self.listed(b"", b""))

    @invariant()
    def shows_the_latest_objects_and_counts_all(self) -> None:
        page = self._meta.list_objects(BUCKET, b"", b"", b"", 1000)
        latest = [(key, rows[0].etag) for key, rows in sorted(self._held.items()) if rows and rows[0].etag]
        assert [(entry.key, entry.record.etag) for entry in page.items] == latest
        objects = [row for rows in self._held.values() for row in rows if row.etag]
        counted = Usage(objects=len(objects), object_bytes=sum(row.size for row in objects))
        assert self._meta.usage()[BUCKET] == counted

    @invariant()
    def throws_away_what_went_and_nothing_else(self) -> None:
        assert set(self._meta.next_trash(1000)) == self._trash
        kept = {trash_of(row).id for rows in self._held.values() for row in rows if row.etag}
        assert all(self._meta.find_manifest(manifest_id) for manifest_id in kept)

    @rule()
    def delete_the_bucket_only_when_no_version_is_left(self) -> None:
        if any(self._held.values()):
            with pytest.raises(BucketNotEmpty) as refusal:
                self._meta.delete_bucket(BUCKET)
            assert ("You must delete all versions" in refusal.value.message) == bool(self._versioning)


def as_said(_: BucketRecord, said: Lock) -> Lock:
    """Give a new version no other lock than was said."""
    return said


def allow(_: FoundObject | None, newer: object) -> None:
    """Let all be deleted."""


def refuse(_: FoundObject | None, newer: object) -> None:
    raise AccessDenied


def trash_of(row: Row) -> Trash:
    return Trash(TrashKind.MANIFEST, b"manifest" + int(row.etag).to_bytes(8, "big"))


def replace_version(row: Row, version: Version | None) -> Row:
    return Row(row.etag, row.size, None if version is None or version.is_null else version)


def replace_tags(found: FoundObject) -> FoundObject:
    return FoundObject(found.version, replace(found.record, tags={"a": "b"}))


def merged(page: Page) -> list[Listed | bytes]:
    entries: list[Listed | bytes] = [
        (entry.key, entry.record.etag, entry.version.is_null, entry.is_latest) for entry in page.items
    ]
    for prefix in page.common_prefixes:
        at = next((at for at, entry in enumerate(entries) if last_name(entry) > prefix), len(entries))
        entries.insert(at, prefix)
    return entries


def last_name(entry: Listed | bytes) -> bytes:
    return entry if isinstance(entry, bytes) else entry[0]


def test_the_rows_of_versions_do_what_the_model_does(place: Path) -> None:
    profile = settings(max_examples=60, stateful_step_count=40, deadline=None, print_blob=True)
    run_state_machine_as_test(lambda: Comparison(place), settings=profile)

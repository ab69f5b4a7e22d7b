"""The store against a model that keeps every version in plain lists: put, uploaded, copied, hidden, restored and deleted, in any order.

PARTWRIGHT_MODEL_EXAMPLES=1000 makes it longer, as for the other model test.
"""

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

import engine
from tests.model.choices import INLINE_SIZE_MAX, PART_SIZE_MIN, bodies, keys, picks
from tests.support.inspection import check_nothing_left, check_whole
from tests.support.stores import contents_of, copy_store

LIMITS = engine.Limits(part_size_bytes_min=PART_SIZE_MIN, inline_size_bytes_max=INLINE_SIZE_MAX)
EXAMPLES = int(os.environ.get("PARTWRIGHT_MODEL_EXAMPLES", "0"))
EXAMPLES_IN_CI = 60
BUCKET = "bucket"
KEPT_TABLES = {"store", "tombstones", "tombstone_times"}
NULL = "null"


@dataclass(frozen=True)
class Row:
    """One version; a delete marker has no body."""

    version_id: str
    body: bytes | None
    tags: tuple[tuple[str, str], ...] = ()


class Versions(RuleBasedStateMachine):
    """Does each request to the store and to the lists, and compares."""

    def __init__(self, template: Path, place: Path) -> None:
        super().__init__()
        self._path = Path(tempfile.mkdtemp(dir=place)) / "store"
        copy_store(template, self._path)
        self._stores = [engine.open(self._path, limits=LIMITS) for _ in range(2)]
        self.store.create_bucket(BUCKET)
        self._versioning = ""
        self._held: dict[str, list[Row]] = {}
        self._uploads: list[tuple[str, str, list[tuple[int, str]], bytes]] = []

    @property
    def store(self) -> engine.Store:
        """The two Stores in turn."""
        self._stores.reverse()
        return self._stores[0]

    def pick(self, pick: int) -> tuple[str, Row] | None:
        rows = [(key, row) for key, rows in self._held.items() for row in rows]
        return rows[pick % len(rows)] if rows else None

    def _add(
        self, key: str, version_id: str | None, body: bytes | None, tags: tuple[tuple[str, str], ...] = ()
    ) -> None:
        """A version on top; without an id it is the null version, which takes the place of the one before."""
        rows = self._held.setdefault(key, [])
        if self._versioning != "Enabled":
            assert version_id in (None, NULL)
            rows[:] = [row for row in rows if row.version_id != NULL]
        rows.insert(0, Row(version_id or NULL, body, tags))

    @rule(status=st.sampled_from(["Enabled", "Enabled", "Suspended"]))
    def set_versioning(self, status: str) -> None:
        self.store.put_bucket_versioning(BUCKET, versioning_configuration={"status": status})
        self._versioning = status

    @rule(key=keys, body=bodies, tagged=st.booleans())
    def put(self, key: str, body: bytes, tagged: bool) -> None:
        answer = self.store.put_object(BUCKET, key, body, tagging="a=1" if tagged else None)
        self._add(key, answer.version_id, body, (("a", "1"),) if tagged else ())

    @rule(key=keys, parts=st.lists(bodies, min_size=1, max_size=3))
    def upload(self, key: str, parts: list[bytes]) -> None:
        upload_id = self.store.create_multipart_upload(BUCKET, key).upload_id
        parts = [part.ljust(PART_SIZE_MIN, b"-") for part in parts]
        listed = [
            (number, self.store.upload_part(BUCKET, key, upload_id, number, part).etag)
            for number, part in enumerate(parts, 1)
        ]
        self._uploads.append((key, upload_id, listed, b"".join(parts)))

    @precondition(lambda self: self._uploads)
    @rule(pick=picks)
    def complete(self, pick: int) -> None:
        key, upload_id, listed, body = self._uploads.pop(pick % len(self._uploads))
        version_id = self.store.complete_multipart_upload(BUCKET, key, upload_id, listed).version_id
        self._add(key, version_id, body)
        assert self.store.complete_multipart_upload(BUCKET, key, upload_id, listed).version_id == version_id

    @rule(pick=picks, key=keys)
    def copy(self, pick: int, key: str) -> None:
        found = self.pick(pick)
        if found is None or found[1].body is None:
            return
        source = f"{BUCKET}/{found[0]}?versionId={found[1].version_id}"
        if self._versioning != "Enabled" and (key, NULL) == (found[0], found[1].version_id):
            return
        answer = self.store.copy_object(BUCKET, key, source)
        assert answer.copy_source_version_id == (found[1].version_id if self._versioning else None)
        self._add(key, answer.version_id, found[1].body, found[1].tags)
        self._compare(key, self._held[key][0])

    @rule(key=keys)
    def delete(self, key: str) -> None:
        answer = self.store.delete_object(BUCKET, key)
        if self._versioning:
            assert answer.delete_marker
            self._add(key, answer.version_id, None)
        else:
            assert answer == engine.DeleteObjectOutput()
            self._held.pop(key, None)

    @rule(pick=picks, many=st.integers(1, 3))
    def delete_versions(self, pick: int, many: int) -> None:
        found = [each for each in (self.pick(pick + number) for number in range(many)) if each is not None]
        if not found:
            return
        answer = self.store.delete_objects(BUCKET, [(key, row.version_id) for key, row in found])
        assert answer.errors is None
        for key, row in found:
            self._held[key] = [each for each in self._held[key] if each != row]

    @rule(pick=picks, value=st.sampled_from(["1", "2"]))
    def tag(self, pick: int, value: str) -> None:
        found = self.pick(pick)
        if found is not None and found[1].body is not None:
            key, row = found
            named = {"tagging": {"tag_set": [{"key": "b", "value": value}]}, "version_id": row.version_id}
            self.store.put_object_tagging(BUCKET, key, **named)  # type: ignore[arg-type]
            at = self._held[key].index(row)
            self._held[key][at] = Row(row.version_id, row.body, (("b", value),))

    @rule(pick=picks)
    def read(self, pick: int) -> None:
        found = self.pick(pick)
        if found is None:
            return
        key, row = found
        if row.body is None:
            with pytest.raises(engine.errors.MethodNotAllowed):
                self.store.get_object(BUCKET, key, version_id=row.version_id)
            return
        self._compare(key, row)

    def _compare(self, key: str, row: Row) -> None:
        """Body and tags of a version."""
        answer = self.store.get_object(BUCKET, key, version_id=row.version_id)
        with answer.body as body:
            assert body.read() == row.body
        tags = self.store.get_object_tagging(BUCKET, key, version_id=row.version_id).tag_set
        assert tuple((tag.key, tag.value) for tag in tags) == row.tags

    @rule()
    def reopen(self) -> None:
        for store in self._stores:
            store.close()
        self._stores = [engine.open(self._path, limits=LIMITS) for _ in range(2)]

    @invariant()
    def lists_and_counts_what_the_model_holds(self) -> None:
        store = self.store
        answer = store.list_object_versions(BUCKET)
        shown: dict[str, dict[str, bool]] = {}
        for entry in (*(answer.versions or ()), *(answer.delete_markers or ())):
            shown.setdefault(entry.key, {})[entry.version_id] = entry.is_latest
        held = {key: rows for key, rows in self._held.items() if rows}
        assert shown == {key: {row.version_id: row is rows[0] for row in rows} for key, rows in held.items()}
        latest = {key: rows[0].body for key, rows in held.items() if rows[0].body is not None}
        assert {item.key: item.size for item in store.list_objects_v2(BUCKET).contents or ()} == {
            key: len(body) for key, body in latest.items()
        }
        objects = [row.body for rows in held.values() for row in rows if row.body is not None]
        stat = store.stat(BUCKET)
        assert (stat.objects, stat.object_bytes) == (len(objects), sum(map(len, objects)))
        assert store.stat().trash == 0

    def teardown(self) -> None:
        check_whole(self.store)
        self._stores.pop().close()
        store = self._stores[0]
        check_nothing_left(store)
        if any(self._held.values()):
            with pytest.raises(engine.errors.BucketNotEmpty):
                store.delete_bucket(BUCKET)
        for key, rows in self._held.items():
            for row in rows:
                store.delete_object(BUCKET, key, version_id=row.version_id)
        store.delete_bucket(BUCKET)
        left = contents_of(store)
        assert not left.files
        assert {table for table, rows in left.rows.items() if rows} <= KEPT_TABLES
        store.close()


@pytest.mark.slow
def test_the_store_keeps_the_versions_that_the_model_keeps(empty_store: Path, place: Path) -> None:
    profile = settings(
        max_examples=EXAMPLES or EXAMPLES_IN_CI, stateful_step_count=40, deadline=None, print_blob=True,
        phases=list(Phase) if EXAMPLES else [Phase.explicit, Phase.reuse, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    run_state_machine_as_test(lambda: Versions(empty_store, place), settings=profile)

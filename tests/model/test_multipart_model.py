"""The store against the model: any sequence of requests, through two Stores on one directory, reopened now and then.

PARTWRIGHT_MODEL_EXAMPLES=1000 makes it longer, and lets hypothesis spend minutes on shortening what failed. A failure prints its
steps, and what repeats them.
"""

import hashlib
import os
import tempfile
from base64 import b64encode
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule, run_state_machine_as_test

import engine
from tests.model.choices import (
    INLINE_SIZE_MAX,
    PART_SIZE_MIN,
    as_stream,
    bodies,
    buckets,
    delimiters,
    keys,
    kinds,
    numbers,
    page_sizes,
    picks,
    prefixes,
)
from tests.model.copies import Copies
from tests.model.model import Bucket, Refused, Stored, Upload, bodies_of, etag_of, listed
from tests.model.pages import pages_of_objects, pages_of_parts, pages_of_uploads
from tests.support.inspection import check_counters, check_nothing_left, check_whole
from tests.support.stores import contents_of, copy_store

LIMITS = engine.Limits(part_size_bytes_min=PART_SIZE_MIN, inline_size_bytes_max=INLINE_SIZE_MAX)
EXAMPLES = int(os.environ.get("PARTWRIGHT_MODEL_EXAMPLES", "0"))
EXAMPLES_IN_CI = 80
UNSHORTENED = [Phase.explicit, Phase.reuse, Phase.generate]
KEPT_TABLES = {"store", "tombstones", "tombstone_times"}
"""What an emptied store may have rows in: the next id, and the answers to repeated Completes."""

Failure = TypeVar("Failure", bound=Exception)


class Comparison(Copies):
    """Does each request to the store and to the model, and compares the answers."""

    def __init__(self, template: Path, place: Path) -> None:
        super().__init__()
        self._path = Path(tempfile.mkdtemp(dir=place)) / "store"
        copy_store(template, self._path)
        self._stores = [engine.open(self._path, limits=LIMITS) for _ in range(2)]
        self._model: dict[str, Bucket] = {}
        self._ids: list[tuple[str, str, str]] = []  # every upload there ever was
        self._lists: list[tuple[str, str, str, list[tuple[int, str]]]] = []  # every list that was completed

    @property
    def store(self) -> engine.Store:
        """The two Stores in turn."""
        self._stores.reverse()
        return self._stores[0]

    def bucket(self, name: str) -> Bucket:
        """The model's bucket."""
        if name not in self._model:
            raise Refused("NoSuchBucket")
        return self._model[name]

    def same(self, asked: Callable[[], Any], wanted: Callable[[], Any]) -> Any:
        """The answer of both; or None if both refuse with one code."""
        expected, refusal = _outcome(wanted, Refused)
        answer, error = _outcome(asked, engine.S3Error)
        assert (error.code if error else None) == (refusal.args[0] if refusal else None), f"{error}, not {refusal}"
        assert answer == expected
        return answer

    def pick_upload(self, pick: int) -> tuple[str, str, str]:
        """Some upload: those with parts more often than open ones, and these more often than ended ones."""
        held = [(name, up.key, i, up.parts) for name, bucket in self._model.items() for i, up in bucket.uploads.items()]
        full = [(name, key, upload_id) for name, key, upload_id, parts in held if parts]
        if full and pick % 4 < 3:
            return full[pick % len(full)]
        if held and pick % 8 < 7:
            return held[pick % len(held)][:3]
        return self._ids[pick % len(self._ids)]

    def pick_object(self, pick: int) -> tuple[str, str]:
        """Some object; now and then one that is not there."""
        held = [(name, key) for name, bucket in self._model.items() for key in bucket.objects]
        return held[pick % len(held)] if held and pick % 8 < 7 else ("first", "a")

    # Buckets

    @initialize()
    def begin_with_a_bucket(self) -> None:
        self.create_bucket("first")

    @rule(name=buckets)
    def create_bucket(self, name: str) -> None:
        self.store.create_bucket(name)  # again: nothing changes, in us-east-1
        self._model.setdefault(name, Bucket(PART_SIZE_MIN))

    @rule(name=st.sampled_from(["second"] * 9 + ["first"]))
    def delete_bucket(self, name: str) -> None:
        def wanted() -> None:
            if self.bucket(name).objects:
                raise Refused("BucketNotEmpty")
            del self._model[name]

        self.same(lambda: self.store.delete_bucket(name), wanted)

    # The multipart family

    @rule(name=buckets, key=keys)
    def create_upload(self, name: str, key: str) -> None:
        if name in self._model:
            upload_id = self.store.create_multipart_upload(name, key).upload_id
            self._model[name].uploads[upload_id] = Upload(key)
            self._ids.append((name, key, upload_id))
        else:
            with pytest.raises(engine.errors.NoSuchBucket):
                self.store.create_multipart_upload(name, key)

    @precondition(lambda self: self._ids)
    @rule(pick=picks, parts=st.lists(st.tuples(numbers, bodies, kinds), min_size=1, max_size=4))
    def upload_parts(self, pick: int, parts: list[tuple[int, bytes, str]]) -> None:
        name, key, upload_id = self.pick_upload(pick)
        for number, body, kind in parts:
            self._upload_part(name, key, upload_id, number, body, kind)

    @rule(name=buckets, key=keys, parts=st.lists(st.tuples(numbers, bodies, kinds), min_size=1, max_size=4))
    def upload_parts_of_a_new_upload(self, name: str, key: str, parts: list[tuple[int, bytes, str]]) -> None:
        self.create_upload(name, key)
        if name in self._model:
            for number, body, kind in parts:
                self._upload_part(*self._ids[-1], number, body, kind)

    def _upload_part(self, name: str, key: str, upload_id: str, number: int, body: bytes, kind: str) -> None:
        self.same(
            lambda: self.store.upload_part(name, key, upload_id, number, as_stream(body, kind)).etag,
            lambda: self.bucket(name).upload_part(key, upload_id, number, body),
        )

    @precondition(lambda self: self._ids)
    @rule(pick=picks, number=numbers, body=bodies, kind=kinds)
    def upload_part_with_another_digest(self, pick: int, number: int, body: bytes, kind: str) -> None:
        name, key, upload_id = self.pick_upload(pick)
        digest = b64encode(hashlib.md5(body + b"!", usedforsecurity=False).digest()).decode()

        def wanted() -> None:
            self.bucket(name).upload(key, upload_id)
            raise Refused("BadDigest")

        self.same(
            lambda: self.store.upload_part(name, key, upload_id, number, as_stream(body, kind), content_md5=digest),
            wanted,
        )

    @precondition(lambda self: len(self._ids) > 1)
    @rule(pick=picks, key=keys)
    def use_an_upload_under_another_key(self, pick: int, key: str) -> None:
        name, own_key, upload_id = self.pick_upload(pick)
        if key != own_key:
            self.same(
                lambda: self.store.abort_multipart_upload(name, key, upload_id),
                lambda: self.bucket(name).abort(key, upload_id),
            )

    @precondition(lambda self: self._ids)
    @rule(
        pick=picks,
        skipped=st.sets(st.integers(0, 5), max_size=1),
        spoilt=st.sampled_from(["", "", "", "etag", "number", "order", "twice"]),
    )
    def complete(self, pick: int, skipped: set[int], spoilt: str) -> None:
        name, key, upload_id = self.pick_upload(pick)
        upload = self._model[name].uploads.get(upload_id) if name in self._model else None
        parts = sorted(upload.parts.items()) if upload else [(1, b"")]
        chosen = [
            (number, etag_of(body, multipart=False)) for at, (number, body) in enumerate(parts) if at not in skipped
        ]
        if spoilt and chosen:
            number, etag = chosen[-1]
            spoil = {"etag": [(number, etag_of(b"?"))], "number": [(77, etag)], "order": [(number, etag), chosen[0]]}
            chosen[-1:] = spoil.get(spoilt, [chosen[-1]] * 2)
        self._complete(name, key, upload_id, chosen)

    @precondition(lambda self: self._lists)
    @rule(pick=picks)
    def complete_again(self, pick: int) -> None:
        self._complete(*self._lists[pick % len(self._lists)])

    def _complete(self, name: str, key: str, upload_id: str, chosen: list[tuple[int, str]]) -> None:
        etag = self.same(
            lambda: self.store.complete_multipart_upload(name, key, upload_id, chosen).etag,
            lambda: self.bucket(name).complete(key, upload_id, chosen),
        )
        if etag is not None:
            self._lists.append((name, key, upload_id, chosen))

    @precondition(lambda self: self._ids)
    @rule(pick=picks)
    def abort(self, pick: int) -> None:
        name, key, upload_id = self.pick_upload(pick)
        self.same(
            lambda: self.store.abort_multipart_upload(name, key, upload_id).request_charged,
            lambda: self.bucket(name).abort(key, upload_id),
        )

    # Objects

    @rule(name=buckets, key=keys, body=bodies, kind=kinds)
    def put_object(self, name: str, key: str, body: bytes, kind: str) -> None:
        def wanted() -> str:
            self.bucket(name).objects[key] = Stored([body], multipart=False)
            return etag_of(body, multipart=False)

        self.same(lambda: self.store.put_object(name, key, as_stream(body, kind)).etag, wanted)

    @rule(pick=picks)
    def delete_object(self, pick: int) -> None:
        name, key = self.pick_object(pick)

        def wanted() -> engine.DeleteObjectOutput:
            self.bucket(name).objects.pop(key, None)
            return engine.DeleteObjectOutput()

        self.same(lambda: self.store.delete_object(name, key), wanted)

    def _found(self, name: str, key: str) -> Stored:
        found = self.bucket(name).objects.get(key)
        if found is None:
            raise Refused("NoSuchKey")
        return found

    def _read(self, name: str, key: str, **options: Any) -> tuple[str, bytes]:
        answer = self.store.get_object(name, key, **options)
        with answer.body as body:
            return answer.etag, body.read()

    @rule(pick=picks, start=st.integers(0, 20), length=st.integers(1, 300))
    def get_range(self, pick: int, start: int, length: int) -> None:
        name, key = self.pick_object(pick)

        def wanted() -> tuple[str, bytes]:
            whole = b"".join(self._found(name, key).bodies)
            if start >= len(whole):
                raise Refused("InvalidRange")
            return self._found(name, key).etag, whole[start : start + length]

        self.same(lambda: self._read(name, key, range=f"bytes={start}-{start + length - 1}"), wanted)

    @rule(pick=picks, number=st.integers(1, 5))
    def get_part(self, pick: int, number: int) -> None:
        name, key = self.pick_object(pick)

        def wanted() -> tuple[str, bytes]:
            found = self._found(name, key)
            if number > len(found.bodies):
                raise Refused("InvalidPartNumber")
            return found.etag, found.bodies[number - 1]

        self.same(lambda: self._read(name, key, part_number=number), wanted)

    @rule(pick=picks)
    def head_object(self, pick: int) -> None:
        name, key = self.pick_object(pick)

        def asked() -> tuple[str, int]:
            answer = self.store.head_object(name, key)
            return answer.etag, answer.content_length

        self.same(asked, lambda: (self._found(name, key).etag, sum(map(len, self._found(name, key).bodies))))

    # Listings, page by page

    @precondition(lambda self: self._ids)
    @rule(pick=picks, size=page_sizes)
    def list_parts(self, pick: int, size: int) -> None:
        name, key, upload_id = self.pick_upload(pick)
        self.same(
            lambda: list(pages_of_parts(self.store, name, key, upload_id, size)),
            lambda: [
                (number, etag_of(body, multipart=False), len(body))
                for number, body in sorted(self.bucket(name).upload(key, upload_id).parts.items())
            ],
        )

    @rule(name=buckets, prefix=prefixes, delimiter=delimiters, size=page_sizes)
    def list_uploads(self, name: str, prefix: str, delimiter: str, size: int) -> None:
        def wanted() -> list[tuple[str, str]]:
            uploads = self.bucket(name).uploads
            entries = listed([upload.key for upload in uploads.values()], prefix, delimiter)
            ids = [
                (key, upload_id)
                for key in dict.fromkeys(key for key, rolled_up in entries if not rolled_up)
                for upload_id, upload in uploads.items()
                if upload.key == key
            ]
            return sorted(
                [*ids, *((key, "") for key, rolled_up in entries if rolled_up)], key=lambda pair: pair[0].encode()
            )

        self.same(lambda: list(pages_of_uploads(self.store, name, prefix, delimiter, size)), wanted)

    @rule(name=buckets, prefix=prefixes, delimiter=delimiters, size=page_sizes)
    def list_objects(self, name: str, prefix: str, delimiter: str, size: int) -> None:
        self.same(
            lambda: list(pages_of_objects(self.store, name, prefix, delimiter, size)),
            lambda: listed(list(self.bucket(name).objects), prefix, delimiter),
        )

    # The store as a whole

    @rule()
    def reopen(self) -> None:
        for store in self._stores:
            store.close()
        self._stores = [engine.open(self._path, limits=LIMITS) for _ in range(2)]

    @rule()
    def reap_what_is_old(self) -> None:
        assert self.store.reap(timedelta(days=1)).aborted_uploads == 0

    @rule(sure=st.sampled_from([False, False, False, True]))
    def reap_all(self, sure: bool) -> None:
        if not sure:
            return
        open_uploads = sum(len(bucket.uploads) for bucket in self._model.values())
        assert self.store.reap(timedelta(0)).aborted_uploads == open_uploads
        for bucket in self._model.values():
            bucket.uploads.clear()

    @invariant()
    def holds_what_the_model_holds(self) -> None:
        store = self.store
        assert [bucket.name for bucket in store.list_buckets().buckets] == sorted(self._model)
        for name, bucket in self._model.items():
            check_counters(store, name)
            for key, stored in bucket.objects.items():
                assert self._read(name, key) == (stored.etag, b"".join(stored.bodies))
        assert store.stat().trash == 0

    def teardown(self) -> None:
        check_whole(self.store)
        self._stores.pop().close()
        store = self._stores[0]
        report = check_nothing_left(store)
        held = [body for bucket in self._model.values() for body in bodies_of(bucket)]
        assert report.files == sum(len(body) > INLINE_SIZE_MAX for body in held)
        self._empty(store)
        left = contents_of(store)
        assert not left.files
        assert {table for table, rows in left.rows.items() if rows} <= KEPT_TABLES
        store.close()

    def _empty(self, store: engine.Store) -> None:
        for name, bucket in self._model.items():
            for key in bucket.objects:
                store.delete_object(name, key)
            for upload_id, upload in bucket.uploads.items():
                store.abort_multipart_upload(name, upload.key, upload_id)
            store.delete_bucket(name)


def _outcome(step: Callable[[], Any], kind: type[Failure]) -> tuple[Any, Failure | None]:
    try:
        return step(), None
    except kind as error:
        return None, error


@pytest.mark.slow
def test_the_store_does_what_the_model_does(empty_store: Path, place: Path) -> None:
    profile = settings(
        max_examples=EXAMPLES or EXAMPLES_IN_CI, phases=list(Phase) if EXAMPLES else UNSHORTENED, stateful_step_count=50,
        deadline=None, print_blob=True, suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    run_state_machine_as_test(lambda: Comparison(empty_store, place), settings=profile)

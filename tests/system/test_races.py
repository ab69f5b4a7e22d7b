"""All pairs of requests at once, made to meet at the same points in every run: half way through a body, and waiting for one commit.

What comes out must be what the model says of the two one after the other; a collector runs between them and must change nothing.
"""

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

import engine
from engine.upkeep.check import Check
from tests.model.model import Bucket, Refused, Stored, Upload, etag_of
from tests.support.inspection import check_counters, check_nothing_left, check_whole
from tests.support.stores import FILE_BODY, waiting_writes, writer_busy

KEY = "key"
WAIT_S = 60
OLD, NEW, OTHER = FILE_BODY, FILE_BODY + b"new", FILE_BODY + b"other"
SMALL = b"small"
LISTED = [(1, etag_of(OLD, multipart=False)), (2, etag_of(SMALL, multipart=False))]


@dataclass
class Scene:
    """One upload with two parts, and an object at its key, in the store and in the model."""

    store: engine.Store
    bucket: str
    upload_id: str
    model: Bucket = field(default_factory=lambda: Bucket(part_size_min=0))

    def check(self) -> None:
        """Compare store and model, and see that nothing is left over."""
        store, model = self.store, self.model
        uploads = store.list_multipart_uploads(self.bucket).uploads or ()
        assert [upload.upload_id for upload in uploads] == list(model.uploads)
        for upload_id, upload in model.uploads.items():
            parts = store.list_parts(self.bucket, KEY, upload_id).parts or ()
            held = [(number, etag_of(body, multipart=False)) for number, body in sorted(upload.parts.items())]
            assert [(part.part_number, part.etag) for part in parts] == held
        listed = store.list_objects_v2(self.bucket).contents or ()
        assert {item.key: item.etag for item in listed} == {key: stored.etag for key, stored in model.objects.items()}
        for key, stored in model.objects.items():
            with store.get_object(self.bucket, key).body as body:
                assert body.read() == b"".join(stored.bodies)
        check_counters(store, self.bucket)
        check_whole(store)


@pytest.fixture
def scene(tiny: engine.Store, bucket: str) -> Iterator[Scene]:
    """The scene, compared with its model at the end."""
    upload_id = tiny.create_multipart_upload(bucket, KEY).upload_id
    tiny.put_object(bucket, KEY, OTHER)
    tiny.upload_part(bucket, KEY, upload_id, 1, OLD)
    tiny.upload_part(bucket, KEY, upload_id, 2, SMALL)
    prepared = Scene(tiny, bucket, upload_id)
    prepared.model.uploads[upload_id] = Upload(KEY, {1: OLD, 2: SMALL})
    prepared.model.objects[KEY] = Stored([OTHER], multipart=False)
    yield prepared
    prepared.check()


Step = Callable[[Scene], Any]


def _upload(number: int, body: bytes) -> tuple[Step, Step]:
    return (
        lambda scene: scene.store.upload_part(scene.bucket, KEY, scene.upload_id, number, body).etag,
        lambda scene: scene.model.upload_part(KEY, scene.upload_id, number, body),
    )


def _complete(listed: list[tuple[int, str]]) -> tuple[Step, Step]:
    return (
        lambda scene: scene.store.complete_multipart_upload(scene.bucket, KEY, scene.upload_id, listed).etag,
        lambda scene: scene.model.complete(KEY, scene.upload_id, listed),
    )


def _put(scene: Scene) -> str:
    scene.model.objects[KEY] = Stored([NEW], multipart=False)
    return scene.model.objects[KEY].etag


def _copy(scene: Scene) -> str:
    scene.model.objects["copy"] = Stored([OTHER], multipart=False)
    return scene.model.objects["copy"].etag


def _copied_part(scene: Scene) -> str:
    source = f"{scene.bucket}/{KEY}"
    return scene.store.upload_part_copy(scene.bucket, KEY, scene.upload_id, 3, source).copy_part_result.etag


def _delete(scene: Scene) -> None:
    scene.model.objects.pop(KEY, None)


REQUESTS: dict[str, tuple[Step, Step]] = {
    "copy the key to part 3": (
        _copied_part, lambda scene: scene.model.upload_part(KEY, scene.upload_id, 3, OTHER),
    ),
    "copy": (
        lambda scene: scene.store.copy_object(scene.bucket, "copy", f"{scene.bucket}/{KEY}").copy_object_result.etag, _copy,
    ),
    "upload part 3": _upload(3, NEW),
    "upload part 1 again": _upload(1, NEW),
    "upload part 2 again, small": _upload(2, b"tiny"),
    "complete": _complete(LISTED),
    "complete the first part alone": _complete(LISTED[:1]),
    "abort": (
        lambda scene: scene.store.abort_multipart_upload(scene.bucket, KEY, scene.upload_id).request_charged,
        lambda scene: scene.model.abort(KEY, scene.upload_id),
    ),
    "put": (lambda scene: scene.store.put_object(scene.bucket, KEY, NEW).etag, _put),
    "delete": (lambda scene: scene.store.delete_object(scene.bucket, KEY) and None, _delete),
}  # fmt: skip
"""What they copy is found before either is committed."""


def outcome(step: Callable[[], Any]) -> tuple[str, Any]:
    """What a request answers: a value, or the code of a refusal."""
    try:
        return "answer", step()
    except engine.S3Error as error:
        return "refusal", error.code
    except Refused as refusal:
        return "refusal", refusal.args[0]


@pytest.mark.parametrize(("first", "second"), list(itertools.product(REQUESTS, REQUESTS)))
def test_two_requests_in_one_commit_are_as_one_after_the_other(first: str, second: str, scene: Scene) -> None:
    with ThreadPoolExecutor(2) as pool:
        with writer_busy(scene.store):
            waiting = []
            for count, name in enumerate((first, second), 1):
                waiting.append(pool.submit(outcome, lambda step=REQUESTS[name][0]: step(scene)))
                await_writes(scene.store, count, waiting[-1])
            observe(scene)
        answers = [each.result(WAIT_S) for each in waiting]
    assert answers == [outcome(lambda name=name: REQUESTS[name][1](scene)) for name in (first, second)]


def await_writes(store: engine.Store, count: int, request: Future[Any]) -> None:
    """Wait until so many writes stand behind the one under way."""
    while waiting_writes(store) < count:
        assert not request.done(), f"a request was answered before its commit: {request.result()}"
        time.sleep(0.001)  # else those that are awaited have no processor


def observe(scene: Scene) -> None:
    """Collect, check, list and read beside a writer that holds the lock: only what is committed shows, and nothing of it goes."""
    scene.store._context.sweeper.collect(Check(scene.store._context).prove)
    assert scene.store.check(deep=True).ok
    parts = scene.store.list_parts(scene.bucket, KEY, scene.upload_id).parts or ()
    assert [(part.part_number, part.etag) for part in parts] == LISTED
    with scene.store.get_object(scene.bucket, KEY).body as body:
        assert body.read() == OTHER


class SlowBody:
    """A body that waits half way."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self.reached, self.go_on = threading.Event(), threading.Event()

    def __iter__(self) -> Iterator[bytes]:
        yield self._body[:-1]
        self.reached.set()
        assert self.go_on.wait(WAIT_S)
        yield self._body[-1:]


ENDINGS = {
    **{name: steps[0] for name, steps in REQUESTS.items()},
    "reap": lambda scene: scene.store.reap(timedelta(0)),
    "collect": lambda scene: scene.store.reap(timedelta(days=1)),
    "list": lambda scene: scene.store.list_parts(scene.bucket, KEY, scene.upload_id),
    "another Store": lambda scene: engine.open(scene.store._layout.root).close(),
}
MODELS = {**{name: steps[1] for name, steps in REQUESTS.items()}, "reap": lambda scene: scene.model.uploads.clear()}


@pytest.mark.parametrize("body", [OTHER, b"inline"], ids=["file", "row"])
@pytest.mark.parametrize("number", [1, 3])
@pytest.mark.parametrize("meanwhile", ENDINGS)
def test_a_part_half_way_in_is_as_if_it_came_after_what_happens_meanwhile(
    meanwhile: str, number: int, body: bytes, scene: Scene
) -> None:
    slow = SlowBody(body)
    with ThreadPoolExecutor(1) as pool:
        store, upload_id = scene.store, scene.upload_id
        part = pool.submit(outcome, lambda: store.upload_part(scene.bucket, KEY, upload_id, number, slow).etag)
        assert slow.reached.wait(WAIT_S)
        ENDINGS[meanwhile](scene)
        if meanwhile in MODELS:
            MODELS[meanwhile](scene)
        slow.go_on.set()
        answer = part.result(WAIT_S)
    assert answer == outcome(lambda: scene.model.upload_part(KEY, upload_id, number, body))


def test_a_put_half_way_into_a_bucket_that_is_deleted_leaves_nothing(tiny: engine.Store) -> None:
    tiny.create_bucket("doomed")
    upload_id = tiny.create_multipart_upload("doomed", KEY).upload_id
    bodies = [SlowBody(NEW), SlowBody(NEW)]
    with ThreadPoolExecutor(2) as pool:
        put = pool.submit(outcome, lambda: tiny.put_object("doomed", KEY, bodies[0]))
        part = pool.submit(outcome, lambda: tiny.upload_part("doomed", KEY, upload_id, 1, bodies[1]))
        assert all(body.reached.wait(WAIT_S) for body in bodies)
        tiny.delete_bucket("doomed")
        for body in bodies:
            body.go_on.set()
        assert put.result(WAIT_S) == part.result(WAIT_S) == ("refusal", "NoSuchBucket")
    assert check_nothing_left(tiny).files == 0


@pytest.mark.parametrize("meanwhile", ["complete", "put", "delete", "reap", "abort"])
def test_a_reader_half_way_through_reads_the_old_object_to_its_end(meanwhile: str, scene: Scene) -> None:
    with scene.store.get_object(scene.bucket, KEY).body as body:
        head = body.read(1000)
        ENDINGS[meanwhile](scene)
        MODELS[meanwhile](scene)
        scene.store.reap(timedelta(days=1))
        assert head + body.read() == OTHER
    scene.store.reap(timedelta(days=1))
    assert scene.store.stat().trash == 0


@pytest.mark.parametrize("count", [2, 8])
def test_of_many_completes_at_once_one_publishes_and_all_get_its_answer(count: int, scene: Scene) -> None:
    asked, wanted = REQUESTS["complete"]
    with ThreadPoolExecutor(count) as pool, writer_busy(scene.store):
        pending = [pool.submit(outcome, lambda: asked(scene)) for _ in range(count)]
        await_writes(scene.store, count, pending[0])
    answers = {each.result(WAIT_S) for each in pending}
    assert answers == {outcome(lambda: wanted(scene))}
    assert scene.store.stat().objects == 1

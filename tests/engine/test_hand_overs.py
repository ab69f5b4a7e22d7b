"""How often the main thread hands a step over: each time costs two switches between threads, which is most of a small operation."""

from collections.abc import Callable

import pytest

import engine
from engine import undisturbed
from tests.support.stores import FILE_BODY
from tests.support.uploads import read


@pytest.mark.parametrize(
    ("operation", "most"),
    [
        (lambda store: store.head_bucket("bucket"), 1),
        (lambda store: store.head_object("bucket", "key"), 3),
        (lambda store: store.list_objects_v2("bucket"), 2),
        (lambda store: read(store, "bucket", "key"), 5),
        (lambda store: read(store, "bucket", "file"), 3),
        (lambda store: store.put_object("bucket", "key", b"replaced"), 4),
        (lambda store: store.delete_object("bucket", "file"), 2),
    ],
    ids=["head_bucket", "head_object", "list", "get", "get of a file", "put over another", "delete"],
)
def test_operation_is_handed_over_a_few_times_at_most(
    tiny: engine.Store,
    bucket: str,
    operation: Callable[[engine.Store], object],
    most: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tiny.put_object(bucket, "key", b"body")
    tiny.put_object(bucket, "file", FILE_BODY)
    put, count = undisturbed._helper.put, 0

    def counted(task: undisturbed.Task[object]) -> None:
        nonlocal count
        count += 1
        put(task)

    monkeypatch.setattr(undisturbed._helper, "put", counted)
    operation(tiny)
    assert count <= most

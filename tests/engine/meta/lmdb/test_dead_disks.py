"""A store whose disk goes away while it is open: every operation ends in an S3 error, and none in what the system said."""

import contextlib
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from engine import Store
from engine.errors import InternalError, S3Error
from tests.support.processes import python_output
from tests.support.stores import FILE_BODY, meta_of
from tests.support.uploads import OpenUpload, begin, read

CUSTOMER: Any = {"sse_customer_algorithm": "AES256", "sse_customer_key": bytes(32)}


def operations(store: Store, bucket: str, upload: OpenUpload, part: Any) -> dict[str, Callable[[], object]]:
    """One call of each kind; what they need was made before."""
    return {
        "put": lambda: store.put_object(bucket, "new", FILE_BODY),
        "put small": lambda: store.put_object(bucket, "new", b"x"),
        "put sealed": lambda: store.put_object(bucket, "new", FILE_BODY, **CUSTOMER),
        "get": lambda: read(store, bucket, "key"),
        "head": lambda: store.head_object(bucket, "key"),
        "list": lambda: store.list_objects_v2(bucket),
        "part": lambda: upload.part(2, FILE_BODY),
        "list parts": upload.list,
        "list uploads": lambda: store.list_multipart_uploads(bucket),
        "copy": lambda: store.copy_object(bucket, "copy", f"{bucket}/key"),
        "copy a part": lambda: upload.copy(3, f"{bucket}/key"),
        "complete": lambda: upload.complete([part]),
        "abort": upload.abort,
        "delete": lambda: store.delete_object(bucket, "key"),
        "stat": store.stat,
        "check": lambda: store.check(deep=True),
        "repair": lambda: store.check(repair=True),
        "reap": lambda: store.reap(timedelta(0)),
        "create a bucket": lambda: store.create_bucket("another"),
    }


@pytest.mark.parametrize("lost", [".", "blobs", "meta"])
def test_with_its_disk_gone_an_operation_works_or_ends_in_an_s3_error(tiny: Store, bucket: str, lost: str) -> None:
    tiny.put_object(bucket, "key", FILE_BODY)
    upload = begin(tiny, bucket)
    part = upload.part(1, FILE_BODY)
    root = tiny._layout.root
    place = root if lost == "." else f"{root}/{lost}"
    python_output("import os, sys; os.rename(*sys.argv[1:])", place, f"{root}-gone")
    meta_of(tiny)._shared.environment.reopen()  # as after a commit that failed
    for name, act in operations(tiny, bucket, upload, part).items():
        if lost == "blobs":  # some find all that they need in rows
            with contextlib.suppress(S3Error):
                act()
        elif name in ("check", "repair"):
            with contextlib.suppress(InternalError):
                report: Any = act()
                assert report.trouble, name
        else:
            with pytest.raises(InternalError):
                act()
    tiny.close()


NO_DESCRIPTORS = """
import resource, sys, engine
from tests.engine.meta.lmdb.test_dead_disks import FILE_BODY, InternalError, begin, meta_of, operations

store = engine.open(sys.argv[1], limits=engine.Limits(part_size_bytes_min=1))
store.create_bucket("bucket")
store.put_object("bucket", "key", FILE_BODY)
upload = begin(store, "bucket")
part = upload.part(1, FILE_BODY)
{fault}
told = set()
for name, act in operations(store, "bucket", upload, part).items():
    try:
        act()
    except engine.errors.S3Error as error:
        told.add(error.reason)
resource.setrlimit(resource.RLIMIT_NOFILE, (1024, 1024))
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
store.put_object("bucket", "after", FILE_BODY)
store.close()
print(sorted(text for text in told if text))
"""
DESCRIPTORS = "meta_of(store)._shared.environment.reopen(); resource.setrlimit(resource.RLIMIT_NOFILE, (3, 1024))"
WRITES = "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))"


@pytest.mark.parametrize(("fault", "told"), [(DESCRIPTORS, "Too many open files"), (WRITES, "File too large")])
def test_what_the_system_refuses_is_an_s3_error_and_the_store_works_on_afterwards(
    place: Any, fault: str, told: str
) -> None:
    assert told in python_output(NO_DESCRIPTORS.replace("{fault}", fault), str(place / "store"))

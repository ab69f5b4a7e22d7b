"""A part of any size passes in flat memory.

PARTWRIGHT_PART_GIB=5 takes S3's largest part instead of 1 GiB: some ten seconds, and as much disk.
"""

import json
import os
from pathlib import Path

import pytest

from tests.support.processes import PEAK_KIB, python_output

SIZE = int(os.environ.get("PARTWRIGHT_PART_GIB", "1")) << 30
GROWTH_KIB_MAX = 12 * 1024

UPLOAD = (
    PEAK_KIB
    + """
import json, os, sys, time
import engine

store_path, path, way = sys.argv[1:]
with engine.open(store_path) as store, open(path, "rb") as file:
    size = os.path.getsize(path)
    store.create_bucket("bucket")
    upload = store.create_multipart_upload("bucket", "key").upload_id
    store.upload_part("bucket", "key", upload, 1, bytes(1 << 20))
    pieces = iter(lambda: file.read(1 << 20), b"")
    body = {"file": file, "descriptor": file.fileno(), "pieces": pieces}[way]
    before, begun = peak_kib(), time.perf_counter()
    etag = store.upload_part("bucket", "key", upload, 1, body, content_length=size).etag
    seconds = time.perf_counter() - begun
    stored = store.list_parts("bucket", "key", upload).parts[0].size
    print(json.dumps({"before": before, "after": peak_kib(), "seconds": seconds, "stored": stored, "etag": etag}))
"""
)


@pytest.mark.slow
@pytest.mark.parametrize(("way", "size"), [("file", SIZE), ("pieces", SIZE // 4)])
def test_a_huge_part_goes_in_with_flat_memory(way: str, size: int, disk_place: Path) -> None:
    sparse = disk_place / "sparse"
    with open(sparse, "wb") as file:
        file.truncate(size)
    told = json.loads(python_output(UPLOAD, str(disk_place / "store"), str(sparse), way))
    print(
        f"{size >> 20} MiB by {way}: {told['seconds']:.1f} s, peak RSS {told['after'] / 1024:.1f} MiB, "
        f"{(told['after'] - told['before']) / 1024:.1f} MiB more than before it"
    )
    assert told["stored"] == size
    assert told["after"] - told["before"] < GROWTH_KIB_MAX


IN_FLIGHT = """
import sys, threading, engine

def rss_kib():
    with open("/proc/self/status") as status:
        return int(next(line for line in status if line.startswith("VmRSS")).split()[1])

def upload(key, fed, ended):
    def body():
        for _ in range(8):
            yield piece
        fed.release()
        ended.wait()
        yield b"the end"

    identity = store.create_multipart_upload("bucket", key, **said).upload_id
    store.upload_part("bucket", key, identity, 1, body(), **said)

def wave(name, count):
    fed, ended = threading.Semaphore(0), threading.Event()
    keys = [f"{name}-{number}" for number in range(count)]
    threads = [threading.Thread(target=upload, args=(key, fed, ended)) for key in keys]
    for thread in threads:
        thread.start()
    for _ in threads:
        fed.acquire()
    taken = rss_kib()
    ended.set()
    for thread in threads:
        thread.join()
    return taken

is_sealed, count, piece = sys.argv[2] == "sealed", 64, bytes(65536)
said = {"sse_customer_algorithm": "AES256", "sse_customer_key": bytes(32)} if is_sealed else {}
with engine.open(sys.argv[1]) as store:
    store.create_bucket("bucket")
    wave("first", 2)
    before = rss_kib()
    print((wave("then", count) - before) // count)
"""


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "kib_max"), [("plain", 128), ("sealed", 256)])
def test_an_upload_in_flight_takes_little_memory(kind: str, kib_max: int, disk_place: Path) -> None:
    taken = int(python_output(IN_FLIGHT, str(disk_place / "store"), kind))
    print(f"{kind}: {taken} KiB an upload in flight, its thread among them")
    assert taken <= kib_max

"""Where the time of a multipart upload and of reading it back goes, by function (cProfile, in one thread): `make profile`.

python -m benchmarks.profiled [FILE]        FILE, else 256 MiB from this machine's Python library
"""

import argparse
import cProfile
import io
import pstats
import tempfile
from pathlib import Path

from benchmarks.demo import make_file
from benchmarks.places import store_on
from engine import CompletedPart, Limits, Store

PART_SIZE = 16 * 1024 * 1024
READ_SIZE = 1024 * 1024
FUNCTIONS_SHOWN = 30


def upload(store: Store, file: io.FileIO, size: int) -> None:
    """Upload the file in parts, one after the other."""
    upload_id = store.create_multipart_upload("bench", "key").upload_id
    parts = []
    for number, offset in enumerate(range(0, size, PART_SIZE), 1):
        length = min(PART_SIZE, size - offset)
        part = store.upload_part("bench", "key", upload_id, number, file.fileno(), content_length=length)
        parts.append(CompletedPart(number, part.etag))
    store.complete_multipart_upload("bench", "key", upload_id, parts)


def read_back(store: Store) -> int:
    """Read the object to its end; returns its size."""
    answer, size = store.get_object("bench", "key"), 0
    assert answer.body is not None
    with answer.body as body:
        while piece := body.read(READ_SIZE):
            size += len(piece)
    return size


def main(path: Path) -> None:
    """Profile an upload of the file and a read, and print both tables."""
    size = path.stat().st_size
    with store_on("disk", Limits()) as store, open(path, "rb", buffering=0) as file:
        for name, work, arguments in (("upload", upload, (store, file, size)), ("read", read_back, (store,))):
            profile = cProfile.Profile()
            profile.runcall(work, *arguments)
            print(f"{name} of {size / 1e6:.0f} MB, by time in the function itself")
            pstats.Stats(profile).strip_dirs().sort_stats("tottime").print_stats(FUNCTIONS_SHOWN)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.profiled", description=__doc__)
    parser.add_argument("file", nargs="?", type=Path)
    given = parser.parse_args().file
    if given is not None:
        main(given)
    else:
        with tempfile.TemporaryDirectory() as folder:
            made = Path(folder) / "input.bin"
            make_file(made)
            main(made)

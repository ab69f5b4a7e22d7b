"""Seeds for the C fuzz targets. `python -m tests.support.fuzzing chunked|sealed DIRECTORY` writes those of one."""

import itertools
import sys
from pathlib import Path

from engine.s3.payload import ChunkSigning
from engine.sealed import SEGMENT_SIZE, seal
from engine.secret import PartKey, Secret
from tests.support.chunks import SCOPE, TIME, encoded

KEY = b"thirty-two bytes of signing key."
SIGNING = ChunkSigning(KEY, "0" * 64, TIME, SCOPE)
TRAILER = ("x-amz-checksum-crc32", "AAAAAA==")


def chunked_seeds() -> dict[str, bytes]:
    """Honest bodies for csrc/fuzz/chunked/fuzz.c: signed or not, with a trailer or not, of no, one and several chunks."""
    seeds = {}
    shapes: dict[str, list[bytes]] = {
        "empty": [],
        "short": [b"payload"],
        "two": [b"a" * 8192, b"b" * 10],
        "exact": [b"c" * 8192, b"d" * 8192],
    }
    for signed, trailer, (name, pieces) in itertools.product((False, True), (False, True), shapes.items()):
        body = encoded(pieces, signing=SIGNING if signed else None, trailers=[TRAILER] if trailer else None)
        head = bytes([signed + 2 * trailer]) + sum(map(len, pieces)).to_bytes(2, "big") + b"\x12\x34"
        seeds[f"{name}-{'signed' if signed else 'unsigned'}{'-trailer' * trailer}"] = head + bytes(body)
    return seeds


def sealed_seeds() -> dict[str, bytes]:
    """Sealed parts for csrc/fuzz/sealed/fuzz.c: empty, short, of a full segment and of two."""
    with Secret.of_bytes(b"thirty-two bytes of part root...") as key:
        return {str(size): seal(bytes(size), PartKey(key, 7)) for size in (0, 1, 100, SEGMENT_SIZE, SEGMENT_SIZE + 1)}


def write_seeds(directory: Path, seeds: dict[str, bytes]) -> list[Path]:
    """Write seeds, one a file."""
    directory.mkdir(parents=True, exist_ok=True)
    for name, data in seeds.items():
        (directory / name).write_bytes(data)
    return sorted(directory.iterdir())


if __name__ == "__main__":
    write_seeds(Path(sys.argv[2]), {"chunked": chunked_seeds, "sealed": sealed_seeds}[sys.argv[1]]())

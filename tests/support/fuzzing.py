"""The C fuzz targets: seeds, and a run of blind mutations where there is no libFuzzer.

`python -m tests.support.fuzzing TARGET DIRECTORY` writes the seeds of one: chunked, crc, gcm, sealed or stream.
"""

import itertools
import random
import subprocess
import sys
from pathlib import Path

from engine.native.sealed import SEGMENT_SIZE, seal
from engine.native.secret import PartKey, Secret
from engine.s3.payload import ChunkSigning
from tests.support.chunks import SCOPE, TIME, encoded
from tests.support.core_builds import CSRC, Flavour, Objects, linked

SEED = 1
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


def stream_seeds() -> dict[str, bytes]:
    """Bodies for csrc/fuzz/stream/fuzz.c, in clear and sealed, with digests that share a pass and with others."""
    shapes = itertools.product((0x45, 0x05, 0x01, 0x7F), (0, 1, 2, 3), (0, 63, 64, 65, 9_000, 66_000))
    return {
        f"{digests:x}-{how}-{size}": bytes([digests, how])
        + size.to_bytes(4, "little")
        + random.Random(size).randbytes(size)
        for digests, how, size in shapes
    }


def gcm_seeds() -> dict[str, bytes]:
    """Messages for csrc/fuzz/gcm/fuzz.c, with 0 to 32 bytes of AAD."""
    shapes = itertools.product((0, 16, 32), (0, 1, 15, 16, 17, 63, 64, 255, 256, 257, 1024, 4096))
    return {
        f"{aad}-{size}": random.Random(size).randbytes(44)
        + bytes([aad])
        + size.to_bytes(4, "little")
        + bytes(aad + size)
        for aad, size in shapes
    }


def crc_seeds() -> dict[str, bytes]:
    """Bytes for csrc/fuzz/crc/fuzz.c, in 1 to 64 pieces."""
    shapes = itertools.product((0, 1, 7, 63), (0, 1, 127, 128, 129, 5000))
    return {f"{cuts}-{size}": bytes([cuts, 1, 2, 3, 4]) + random.Random(size).randbytes(size) for cuts, size in shapes}


SEEDS = {"chunked": chunked_seeds, "crc": crc_seeds, "gcm": gcm_seeds, "sealed": sealed_seeds, "stream": stream_seeds}


def replay(target: str, place: Path, runs: int, objects: Objects, *more: Path) -> "subprocess.CompletedProcess[str]":
    """Link a target with the core's objects, and run it over its seeds, some more files, and mutations."""
    sources = [CSRC / "fuzz" / "replay.c", CSRC / "fuzz" / target / "fuzz.c"]
    program = linked(place / target, Flavour.ADDRESS, objects, *sources)
    seeds = [*write_seeds(place / "seeds", SEEDS[target]()), *more]
    return subprocess.run([program, str(runs), str(SEED), *seeds], capture_output=True, text=True, timeout=590)


def write_seeds(directory: Path, seeds: dict[str, bytes]) -> list[Path]:
    """Write seeds, one a file."""
    directory.mkdir(parents=True, exist_ok=True)
    for name, data in seeds.items():
        (directory / name).write_bytes(data)
    return sorted(directory.iterdir())


if __name__ == "__main__":
    write_seeds(Path(sys.argv[2]), SEEDS[sys.argv[1]]())

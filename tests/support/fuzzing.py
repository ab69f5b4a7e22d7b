"""The C fuzz targets: seeds, and a run of blind mutations where there is no libFuzzer.

`python -m tests.support.fuzzing TARGET DIRECTORY` writes the seeds of one: chunked, crc, gcm, sealed or stream.
"""

import itertools
import random
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from engine.s3.payload import ChunkSigning
from engine.sealed import SEGMENT_SIZE, seal
from engine.secret import PartKey, Secret
from tests.support.chunks import SCOPE, TIME, encoded

CSRC = Path(__file__).parents[2] / "csrc"
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


WARNINGS = ("-std=c11", "-D_GNU_SOURCE", "-g", "-O1", "-Wall", "-Wextra", "-Werror")
# Where variables live from one instrumented load to the next, in a thousand lines of steps, takes gcc most of its time to say.
SANITIZE = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-var-tracking")


def core_sources(core: Path) -> list[Path]:
    """The files of the core."""
    return [path for path in core.rglob("*.c") if "fuzz" not in path.parts]


def build(program: Path, *sources: Path, core: Path = CSRC, link: Sequence[str] = ()) -> Path:
    """Compile the core with some more sources, without any build system."""
    files = map(str, [*core_sources(core), *sources])
    subprocess.run(["cc", *WARNINGS, f"-I{core}", *files, "-lcrypto", *link, "-o", str(program)], check=True)
    return program


def compiled(place: Path, *sources: Path, core: Path = CSRC) -> dict[str, Path]:
    """Files of the core as objects with AddressSanitizer (leaks too) and UBSan, by their names below it."""
    place.mkdir(parents=True, exist_ok=True)
    command = ["cc", *WARNINGS, *SANITIZE, f"-I{core}", "-c", *map(str, sources or core_sources(core))]
    subprocess.run(command, check=True, cwd=place)
    return {str(path.relative_to(core)): place / f"{path.stem}.o" for path in sources or core_sources(core)}


def replay(
    target: str, place: Path, runs: int, objects: Iterable[Path], *more: Path
) -> "subprocess.CompletedProcess[str]":
    """Link a target with the core's objects, and run it over its seeds, some more files, and mutations."""
    sources = [str(CSRC / "fuzz" / "replay.c"), str(CSRC / "fuzz" / target / "fuzz.c")]
    program = place / target
    command = ["cc", *WARNINGS, *SANITIZE, f"-I{CSRC}", *sources, *map(str, objects), "-lcrypto", "-o", str(program)]
    subprocess.run(command, check=True)
    seeds = [*write_seeds(place / "seeds", SEEDS[target]()), *more]
    return subprocess.run([program, str(runs), str(SEED), *seeds], capture_output=True, text=True, timeout=230)


def write_seeds(directory: Path, seeds: dict[str, bytes]) -> list[Path]:
    """Write seeds, one a file."""
    directory.mkdir(parents=True, exist_ok=True)
    for name, data in seeds.items():
        (directory / name).write_bytes(data)
    return sorted(directory.iterdir())


if __name__ == "__main__":
    write_seeds(Path(sys.argv[2]), SEEDS[sys.argv[1]]())

"""What an upload and a download of `cp` have in common: where an object is, which bytes a part has, what came of it."""

from dataclasses import dataclass

from engine.cli.failures import CommandError
from engine.cli.units import readable
from engine.limits import MIB, Limits


@dataclass(frozen=True, slots=True)
class Location:
    """A key in a bucket."""

    bucket: str
    key: str

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}"


@dataclass(frozen=True, slots=True)
class Range:
    """The bytes of the file that are one part."""

    part_number: int
    offset: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Transfer:
    """A copy that is done."""

    etag: str
    size_bytes: int
    parts: int
    parts_found: int = 0
    """How many parts an earlier, interrupted copy had left, and were not sent again."""


def ranges(size_bytes: int, part_size_bytes: int, limits: Limits) -> list[Range]:
    """Cut a file into parts of the wanted size, or of a larger one if they would be too many.

    Raises:
        CommandError: the file is larger than the largest object.
    """
    if size_bytes > limits.object_size_bytes_max:
        largest = readable(limits.object_size_bytes_max)
        raise CommandError(f"{readable(size_bytes)} is more than an object can have, {largest}")
    smallest = -(-size_bytes // limits.part_number_max)
    if part_size_bytes < smallest:
        part_size_bytes = min(-(-smallest // MIB) * MIB, limits.part_size_bytes_max)
    offsets = range(0, max(size_bytes, 1), part_size_bytes)
    return [
        Range(number, offset, min(part_size_bytes, size_bytes - offset)) for number, offset in enumerate(offsets, 1)
    ]

"""The records that upload and download of `cp` share: the location of an object, the range of a part, the result."""

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
    """The range of the file that is one part."""

    part_number: int
    offset: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Transfer:
    """The result of a finished copy."""

    etag: str
    size_bytes: int
    parts: int
    parts_found: int = 0
    """How many parts were there from an earlier, interrupted copy, and were not sent again."""


def ranges(size_bytes: int, part_size_bytes: int, limits: Limits) -> list[Range]:
    """Cut a file into parts of the given size, or of a larger one if there would be too many parts.

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

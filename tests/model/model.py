"""What S3 says a bucket is: sixty lines of plain Python without files, threads, transactions or pages, to compare the store with."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field


class Refused(Exception):
    """The model's S3Error: its only argument is the code."""


def etag_of(*bodies: bytes, multipart: bool = True) -> str:
    """The ETag of parts completed, or of one body put."""
    digests = [hashlib.md5(body, usedforsecurity=False).digest() for body in bodies]
    if not multipart:
        return f'"{digests[0].hex()}"'
    return f'"{hashlib.md5(b"".join(digests), usedforsecurity=False).hexdigest()}-{len(bodies)}"'


@dataclass
class Upload:
    """An open upload."""

    key: str
    parts: dict[int, bytes] = field(default_factory=dict)


@dataclass
class Stored:
    """An object; a plain one has one body."""

    bodies: list[bytes]
    multipart: bool

    @property
    def etag(self) -> str:
        """Its ETag."""
        return etag_of(*self.bodies, multipart=self.multipart)


@dataclass
class Bucket:
    """A bucket; uploads in the order of their initiation, `completed` for the repeated Complete."""

    part_size_min: int
    uploads: dict[str, Upload] = field(default_factory=dict)
    objects: dict[str, Stored] = field(default_factory=dict)
    completed: dict[str, tuple[str, list[tuple[int, str]], str]] = field(default_factory=dict)

    def upload(self, key: str, upload_id: str) -> Upload:
        """An open upload of a key."""
        found = self.uploads.get(upload_id)
        if found is None or found.key != key:
            raise Refused("NoSuchUpload")
        return found

    def body(self, key: str) -> bytes:
        """The bytes of an object."""
        if key not in self.objects:
            raise Refused("NoSuchKey")
        return b"".join(self.objects[key].bodies)

    def upload_part(self, key: str, upload_id: str, number: int, body: bytes) -> str:
        """Store a part in place of an earlier one."""
        self.upload(key, upload_id).parts[number] = body
        return etag_of(body, multipart=False)

    def complete(self, key: str, upload_id: str, listed: Sequence[tuple[int, str]]) -> str:
        """Publish the listed parts; the same list again gets the same answer."""
        numbers = [number for number, _ in listed]
        if not listed:
            raise Refused("InvalidRequest")
        if numbers != sorted(set(numbers)):
            raise Refused("InvalidPartOrder")
        if self.completed.get(upload_id, ("", [], ""))[:2] == (key, list(listed)):
            return self.completed[upload_id][2]
        held = self.upload(key, upload_id).parts
        if any(number not in held or etag != etag_of(held[number], multipart=False) for number, etag in listed):
            raise Refused("InvalidPart")
        if any(len(held[number]) < self.part_size_min for number in numbers[:-1]):
            raise Refused("EntityTooSmall")
        self.objects[key] = Stored([held[number] for number in numbers], multipart=True)
        self.completed[upload_id] = (key, list(listed), self.objects[key].etag)
        del self.uploads[upload_id]
        return self.objects[key].etag

    def abort(self, key: str, upload_id: str) -> None:
        """End an upload."""
        self.upload(key, upload_id)
        del self.uploads[upload_id]


def listed(names: list[str], prefix: str, delimiter: str) -> list[tuple[str, bool]]:
    """Names under a prefix in the order of their bytes, and (marked True) the common prefixes among them."""
    shown: list[tuple[str, bool]] = []
    for name in sorted((name for name in names if name.startswith(prefix)), key=str.encode):
        head, found, _ = name[len(prefix) :].partition(delimiter) if delimiter else (name, "", "")
        entry = (prefix + head + found, True) if found else (name, False)
        if not found or entry not in shown:
            shown.append(entry)
    return shown


def bodies_of(bucket: Bucket) -> Iterator[bytes]:
    for upload in bucket.uploads.values():
        yield from upload.parts.values()
    for stored in bucket.objects.values():
        yield from stored.bodies

"""One open multipart upload, to save the tests from saying bucket, key and id again and again."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import md5
from typing import Any

import engine


@dataclass(frozen=True)
class OpenUpload:
    """An upload of `key`; `parts` of it are (number, ETag) pairs, as Complete takes them."""

    store: engine.Store
    bucket: str
    key: str
    upload_id: str

    def part(self, number: int, body: Any, **options: Any) -> engine.CompletedPart:
        answer = self.store.upload_part(self.bucket, self.key, self.upload_id, number, body, **options)
        return engine.CompletedPart(number, answer.etag)

    def copy(self, number: int, source: str, **options: Any) -> engine.CompletedPart:
        answer = self.store.upload_part_copy(self.bucket, self.key, self.upload_id, number, source, **options)
        return engine.CompletedPart(number, answer.copy_part_result.etag)

    def parts(self, bodies: dict[int, Any]) -> list[engine.CompletedPart]:
        return [self.part(number, body) for number, body in bodies.items()]

    def complete(self, parts: Iterable[tuple[int, str]]) -> engine.CompleteMultipartUploadOutput:
        return self.store.complete_multipart_upload(self.bucket, self.key, self.upload_id, parts)

    def abort(self) -> None:
        self.store.abort_multipart_upload(self.bucket, self.key, self.upload_id)

    def list(self, **options: Any) -> engine.ListPartsOutput:
        return self.store.list_parts(self.bucket, self.key, self.upload_id, **options)


def begin(store: engine.Store, bucket: str, key: str = "key", **options: Any) -> OpenUpload:
    """Create an upload."""
    return OpenUpload(store, bucket, key, store.create_multipart_upload(bucket, key, **options).upload_id)


def put_multipart(store: engine.Store, bucket: str, key: str, bodies: Sequence[bytes]) -> str:
    """Upload and complete an object of the given parts; its ETag."""
    upload = begin(store, bucket, key)
    return upload.complete(upload.parts(dict(enumerate(bodies, 1)))).etag


def read(store: engine.Store, bucket: str, key: str, **options: Any) -> bytes:
    """The bytes of an object, or of a range or part of it."""
    with store.get_object(bucket, key, **options).body as body:
        return body.read()


def etag_of(*bodies: bytes) -> str:
    """The ETag of an object completed from these parts, by another implementation of MD5."""
    return f'"{md5(b"".join(md5(body).digest() for body in bodies)).hexdigest()}-{len(bodies)}"'


def part_etag_of(body: bytes) -> str:
    """The ETag of a part or a plain object."""
    return f'"{md5(body).hexdigest()}"'
